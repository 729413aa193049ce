/** A sliding window of one key over distinct values: exact while no more than `MAX_VALUES` of them lie in it, a lower bound above. */

const MAX_VALUES = 256;

interface Seen {
  readonly at: number;
  readonly id: string;
  readonly synthetic: boolean;
}

export type SavedDistinct = readonly (readonly [value: string, at: number, id: string, synthetic: 0 | 1])[];

export class DistinctWindow {
  readonly #length: number;
  readonly #max: number;
  /** The newest event of each value, by time, the oldest first. */
  #values = new Map<string, Seen>();
  #newest = 0;

  constructor(lengthMs: number, max = MAX_VALUES) {
    this.#length = lengthMs;
    this.#max = max;
  }

  get size(): number {
    return this.#values.size;
  }

  get isFull(): boolean {
    return this.#values.size >= this.#max;
  }

  add(value: string, at: number, id: string, synthetic: boolean): void {
    const before = this.#values.get(value);
    if (before !== undefined && before.at > at) return;
    this.#values.delete(value);
    this.#values.set(value, { at, id, synthetic });
    if (at < this.#newest) this.#values = new Map([...this.#values].sort(([, a], [, b]) => a.at - b.at));
    else this.#newest = at;
    for (const [oldest, seen] of this.#values) {
      if (seen.at > this.#newest - this.#length && this.#values.size <= this.#max) break;
      this.#values.delete(oldest);
    }
  }

  /** Newest event of each value that has one in (now − length, now]. */
  within(now: number): readonly Seen[] {
    return [...this.#values.values()].filter(({ at }) => at > now - this.#length && at <= now);
  }

  save(): SavedDistinct {
    return [...this.#values].map(([value, { at, id, synthetic }]) => [value, at, id, synthetic ? 1 : 0]);
  }

  static load(lengthMs: number, saved: SavedDistinct): DistinctWindow {
    const window = new DistinctWindow(lengthMs);
    for (const [value, at, id, synthetic] of saved) {
      window.#values.set(value, { at, id, synthetic: synthetic === 1 });
      window.#newest = Math.max(window.#newest, at);
    }
    return window;
  }
}
