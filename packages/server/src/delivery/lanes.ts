/** What is delivered by one node at a time, under leases: this node's part of it. */
import type { Logger } from '../observability/index.ts';

const LOOK_EVERY_MS = 1_000;

export interface LanesOptions<Lane> {
  /** In the log, e.g. `a webhook`. */
  readonly what: string;
  readonly logger: Logger;
  /** Takes the lease of everything that nobody delivers and whose time has come. `held`: ids that run here already. */
  readonly lease: (held: readonly string[]) => Promise<readonly Lane[]>;
  readonly idOf: (lane: Lane) => string;
  /** Delivers until the lease is lost or given back, or `signal` aborts. */
  readonly run: (lane: Lane, signal: AbortSignal) => Promise<void>;
}

export class Lanes<Lane> {
  readonly #options: LanesOptions<Lane>;
  readonly #closing = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | undefined;

  constructor(options: LanesOptions<Lane>) {
    this.#options = options;
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
    this.look();
  }

  /** Takes what nobody delivers; by itself once a second. */
  look(): void {
    if (this.#looking !== undefined || this.#closing.signal.aborted) return;
    const { lease, logger, what } = this.#options;
    this.#looking = lease([...this.#running.keys()])
      .then((lanes) => {
        for (const lane of lanes) this.#start(lane);
      })
      .catch((error: unknown) => logger.debug({ err: error }, `${what} could not be looked for`))
      .finally(() => {
        this.#looking = undefined;
      });
  }

  /** Ends what runs here, each giving its lease back. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    await this.#looking;
    await Promise.all(this.#running.values());
  }

  #start(lane: Lane): void {
    const { run, idOf, logger, what } = this.#options;
    const id = idOf(lane);
    const running = run(lane, this.#closing.signal)
      .catch((error: unknown) => logger.warn({ err: error, id }, `${what} could not be delivered`))
      .finally(() => this.#running.delete(id));
    this.#running.set(id, running);
  }
}
