/** A stdio server's process: no shell, a clean environment, a folder and a process group of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { LineReader } from './lines.ts';

export interface ProcessEnd {
  readonly code: 'upstream_unreachable' | 'upstream_protocol_error' | 'upstream_too_large';
  /** In words, for operators; may repeat what the process wrote. */
  readonly why: string;
}

export interface StdioProcessOptions {
  readonly command: readonly string[];
  /** All of its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Working folder; must exist. */
  readonly folder: string;
  readonly lineBytes: number;
  readonly unreadBytes: number;
  onLine(line: string): void;
  /** Once, when the process is gone or is being done away with. */
  onEnd(end: ProcessEnd): void;
  onDiagnostic(line: string): void;
}

/** How long it may take to end by itself after its input ends, and after SIGTERM. */
const STOP_MS = 2_000;
const MAX_DIAGNOSTIC = 1_000;

export class StdioProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #options: StdioProcessOptions;
  readonly #gone: Promise<void>;
  #ended = false;
  #lastWords = '';

  constructor(options: StdioProcessOptions) {
    this.#options = options;
    const [program = '', ...args] = options.command;
    this.#child = spawn(program, args, {
      cwd: options.folder,
      env: options.environment,
      shell: false,
      // Its own group: what it started goes with it, and a Ctrl-C in our terminal is not for it.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const reader = new LineReader(options.lineBytes, (line) => {
      if (!this.#ended) options.onLine(line);
    });
    this.#child.stdout.on('data', (chunk: Buffer) => {
      if (!this.#ended && !reader.push(chunk))
        this.kill({ code: 'upstream_too_large', why: 'it wrote a line that is too long or not UTF-8' });
    });
    this.#child.stderr.on('data', (chunk: Buffer) => this.#heard(chunk));
    // A broken pipe shows as the end of the process.
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr])
      stream.on('error', () => undefined);
    this.#gone = new Promise((resolve) => {
      this.#child.once('error', (error: NodeJS.ErrnoException) => {
        this.#endedBy(`it cannot be started (${error.code ?? 'unknown reason'})`);
        resolve();
      });
      this.#child.once('close', (code, signal) => {
        this.#endedBy(`it ended with ${signal ?? `code ${code}`}`);
        resolve();
      });
    });
  }

  /** False when it is gone, or reads too slowly; nothing has been written then. */
  write(line: string): boolean {
    const { stdin } = this.#child;
    if (this.#ended || !stdin.writable || stdin.writableLength > this.#options.unreadBytes) return false;
    stdin.write(`${line}\n`);
    return true;
  }

  /** Ends it at once. */
  kill(end: ProcessEnd): void {
    this.#end(end);
    this.#signal('SIGKILL');
  }

  /** Lets it end: closes its input, then SIGTERM, then SIGKILL. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#endedBy('it was stopped');
    this.#child.stdin.end();
    const term = setTimeout(() => this.#signal('SIGTERM'), STOP_MS);
    const kill = setTimeout(() => this.#signal('SIGKILL'), 2 * STOP_MS);
    await this.#gone;
    clearTimeout(term);
    clearTimeout(kill);
    // What it left behind in its group.
    this.#signal('SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Gone already.
    }
  }

  #heard(chunk: Buffer): void {
    for (const line of chunk.toString('utf8').split('\n')) {
      const text = line.trim().slice(0, MAX_DIAGNOSTIC);
      if (text === '') continue;
      this.#lastWords = text;
      this.#options.onDiagnostic(text);
    }
  }

  #endedBy(why: string): void {
    this.#end({
      code: 'upstream_unreachable',
      why: this.#lastWords === '' ? why : `${why}; its last words: ${this.#lastWords}`,
    });
  }

  #end(end: ProcessEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onEnd(end);
  }
}
