/** A stdio server's process: no shell, a clean environment, a folder and a process group of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { guard, release } from './guardian.ts';
import { DiagnosticReader, LineReader } from './lines.ts';

export interface ProcessEnd {
  readonly code: 'upstream_unreachable' | 'upstream_protocol_error' | 'upstream_too_large';
  /** In words, for operators; may repeat what the process wrote, cleaned. */
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
  /** A line of standard error, cleaned. */
  onDiagnostic(line: string): void;
  /** Takes the credential out of what the process wrote. */
  clean(text: string): string;
}

/** How long it may take to end by itself after its input ends, and then after SIGTERM. */
const LEAVE_MS = 1_000;
const TERM_MS = 2_000;
/** After it has ended, what it wrote is read to the end for so long. */
const LAST_READ_MS = 1_000;
const MAX_DIAGNOSTIC = 1_000;

export class StdioProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #options: StdioProcessOptions;
  readonly #gone: Promise<void>;
  #ended = false;
  #exited = false;
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
    const { pid } = this.#child;
    if (pid !== undefined) guard(pid);
    const words = new DiagnosticReader((line) => this.#heard(line));
    const reader = new LineReader(options.lineBytes, (line) => {
      if (!this.#ended) options.onLine(line);
    });
    this.#child.stdout.on('data', (chunk: Buffer) => {
      if (!this.#ended && !reader.push(chunk))
        this.kill({ code: 'upstream_too_large', why: 'it wrote a line that is too long or not UTF-8' });
    });
    this.#child.stderr.on('data', (chunk: Buffer) => words.push(chunk));
    // A broken pipe shows as the end of the process.
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr])
      stream.on('error', () => undefined);
    this.#gone = new Promise((resolve) => {
      this.#child.once('error', (error: NodeJS.ErrnoException) => {
        this.#endedBy(`it cannot be started (${error.code ?? 'unknown reason'})`);
        resolve();
      });
      this.#child.once('exit', () => {
        // What it left behind in its group goes with it, and with that the pipes close.
        this.#signal('SIGKILL');
        this.#exited = true;
        if (pid !== undefined) release(pid);
        setTimeout(() => this.#stopReading(), LAST_READ_MS).unref();
      });
      this.#child.once('close', (code, signal) => {
        words.end();
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
    const term = setTimeout(() => this.#signal('SIGTERM'), LEAVE_MS);
    const kill = setTimeout(() => this.#signal('SIGKILL'), LEAVE_MS + TERM_MS);
    await this.#gone;
    clearTimeout(term);
    clearTimeout(kill);
  }

  #stopReading(): void {
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream.destroy();
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    // The id of a group that is gone may be somebody else's by now.
    if (pid === undefined || this.#exited) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Gone already.
    }
  }

  #heard(line: string): void {
    const text = this.#options.clean(line).trim().slice(0, MAX_DIAGNOSTIC);
    if (text === '') return;
    this.#lastWords = text;
    this.#options.onDiagnostic(text);
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
