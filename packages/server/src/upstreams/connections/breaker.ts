/** Refuses at once what would only wait for a server that is down; now and then lets one request find out. */
import { Backoff } from './backoff.ts';

export class Breaker {
  readonly #backoff: Backoff;
  readonly #now: () => number;
  /** Undefined while the server is thought to be up. */
  #notBefore: number | undefined;
  #trying = false;

  /** `now`: monotonic milliseconds. */
  constructor(backoffMs: readonly [first: number, longest: number], now: () => number = () => performance.now()) {
    this.#backoff = new Backoff(backoffMs);
    this.#now = now;
  }

  /** False: it is down, and somebody has looked lately or is looking now. */
  admits(): boolean {
    if (this.#notBefore === undefined) return true;
    if (this.#trying || this.#now() < this.#notBefore) return false;
    this.#trying = true;
    return true;
  }

  /** Each admitted request says how it went. `unknown`: nothing was learnt. */
  saw(what: 'up' | 'down' | 'unknown'): void {
    this.#trying = false;
    if (what === 'up') {
      this.#backoff.succeeded();
      this.#notBefore = undefined;
    } else if (what === 'down' && (this.#notBefore === undefined || this.#now() >= this.#notBefore)) {
      // Many calls that fail together are one failure.
      this.#notBefore = this.#now() + this.#backoff.failed();
    }
  }
}
