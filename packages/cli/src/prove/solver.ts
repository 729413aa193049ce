/** Solvers: Z3 as it comes with the package, or a program on this machine that reads SMT-LIB 2. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Solve } from '@hivekey/policy';

export interface SolverLimits {
  /** For one script. */
  readonly timeoutMs: number;
  readonly memoryMb: number;
}

export interface Solver {
  readonly solve: Solve;
  close(): void;
}

/** To start in, and beyond the time that a program was given. */
const GRACE_MS = 5_000;
/** Seconds of work on one script, by Z3's own measure. */
const STEPS = 20_000_000;
const MAX_OUTPUT = 16 * 1_048_576;

type Failure = { readonly failed: string };

/** Z3 compiled to WebAssembly, started at the first script. */
export class BundledSolver implements Solver {
  readonly #limits: SolverLimits;
  #child: ChildProcess | undefined;

  constructor(limits: SolverLimits) {
    this.#limits = limits;
  }

  readonly solve: Solve = async (script) => {
    const { timeoutMs } = this.#limits;
    const child = this.#child ?? (await this.#start());
    if (child === undefined) return { failed: 'the solver could not be started' };
    const answer = nextMessage(child, timeoutMs);
    child.send(script);
    const output = await answer;
    // it is still at work on what took too long: the next script starts another
    if (typeof output !== 'string') this.close();
    return output;
  };

  close(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  async #start(): Promise<ChildProcess | undefined> {
    const child = fork(
      fileURLToPath(new URL('./z3-process.ts', import.meta.url)),
      [String(this.#limits.memoryMb), String(STEPS)],
      {
        execArgv: ['--disable-warning=ExperimentalWarning'],
        env: {},
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      },
    );
    this.#child = child;
    const ready = await nextMessage(child, GRACE_MS);
    if (ready === 'ready') return child;
    this.close();
    return undefined;
  }
}

function nextMessage(child: ChildProcess, withinMs: number): Promise<string | Failure> {
  return new Promise((resolve) => {
    const done = (answer: string | Failure): void => {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit).off('error', onExit);
      resolve(answer);
    };
    const onMessage = (message: unknown): void => done(typeof message === 'string' ? message : { failed: 'no text' });
    const onExit = (): void => done({ failed: 'the solver ended: it may have run out of memory' });
    const timer = setTimeout(() => done({ failed: `the solver gave no answer within ${withinMs} ms` }), withinMs);
    child.on('message', onMessage).on('exit', onExit).on('error', onExit);
  });
}

/** A solver on this machine. It reads the script from standard input. */
const PROGRAMS = {
  z3: ({ timeoutMs, memoryMb }: SolverLimits) => ['-in', '-smt2', `-t:${timeoutMs}`, `-memory:${memoryMb}`],
  cvc5: ({ timeoutMs }: SolverLimits) => ['--lang=smt2', '--strings-exp', '--produce-models', `--tlimit=${timeoutMs}`],
} as const;

export type Program = keyof typeof PROGRAMS;

export class InstalledSolver implements Solver {
  readonly #program: Program;
  readonly #limits: SolverLimits;

  constructor(program: Program, limits: SolverLimits) {
    this.#program = program;
    this.#limits = limits;
  }

  readonly solve: Solve = async (script) => {
    const child = spawn(this.#program, PROGRAMS[this.#program](this.#limits), {
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: this.#limits.timeoutMs + GRACE_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (output.length < MAX_OUTPUT) output += chunk.toString();
    });
    // a solver that has gone reads nothing; its end says so
    child.stdin.on('error', () => {});
    child.stdin.end(script);
    try {
      await once(child, 'close');
    } catch {
      return { failed: `${this.#program} is not installed, or cannot be run` };
    }
    return output === '' ? { failed: `${this.#program} gave no answer within ${this.#limits.timeoutMs} ms` } : output;
  };

  close(): void {}
}
