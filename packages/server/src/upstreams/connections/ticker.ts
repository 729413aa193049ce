/** One timer for the time limits of all exchanges: a call that is answered in a millisecond need not set one up. */

import { Roster } from '../../roster.ts';

/** Limits are seconds; a call may take this much longer than its own. */
const TICK_MS = 50;

export interface Ticking {
  /** Called now and then; `nowMs` is monotonic. */
  tick(nowMs: number): void;
}

export class Ticker {
  readonly #members = new Roster<Ticking>();
  #timer: NodeJS.Timeout | undefined;

  /** Ticks the member until the returned function is called. */
  add(member: Ticking): () => void {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    return this.#members.enter(member);
  }

  #tick(): void {
    if (this.#members.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const nowMs = performance.now();
    for (const member of this.#members.present()) member.tick(nowMs);
  }
}
