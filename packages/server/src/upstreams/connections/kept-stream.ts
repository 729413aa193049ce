/** A stream that is opened again after it broke, with growing pauses, until it is closed or the upstream refuses it. */
import { Backoff } from './backoff.ts';

/** `ended`: it had been open. `refused`: it will never be granted. */
export type StreamEnd = 'ended' | 'failed' | 'refused';

export class KeptStream {
  readonly #abort = new AbortController();
  readonly #backoff: Backoff;
  readonly #open: (signal: AbortSignal) => Promise<StreamEnd>;
  #timer: NodeJS.Timeout | undefined;

  /** `open` opens the stream and resolves when it has ended. */
  constructor(backoffMs: readonly [number, number], open: (signal: AbortSignal) => Promise<StreamEnd>) {
    this.#backoff = new Backoff(backoffMs);
    this.#open = open;
    this.#run();
  }

  get closed(): boolean {
    return this.#abort.signal.aborted;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  #run(): void {
    this.#open(this.#abort.signal).then(
      (end) => this.#after(end),
      () => this.#after('failed'),
    );
  }

  #after(end: StreamEnd): void {
    if (this.closed) return;
    if (end === 'refused') {
      this.close();
      return;
    }
    if (end === 'ended') this.#backoff.succeeded();
    this.#timer = setTimeout(() => this.#run(), this.#backoff.failed()).unref();
  }
}
