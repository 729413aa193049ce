/**
 * A sliding window of one key: counts and sums over (now − length, now], exact while it holds no more than `MAX_ENTRIES`.
 * Above that its older half is put together by sixtieths of the length, so that it holds at most the newest half
 * exactly, and counts up to a sixtieth of its length too far back.
 */

const MAX_ENTRIES = 256;
const PARTS = 60;

export interface WindowEntry {
  /** Event time in milliseconds; of several that were put together the newest. */
  readonly at: number;
  readonly count: number;
  readonly sum: number;
  /** Absent where several were put together. */
  readonly id?: string;
  readonly synthetic?: true;
}

export type SavedWindow = readonly (readonly [
  at: number,
  count: number,
  sum: number,
  id: string | 0,
  synthetic: 0 | 1,
])[];

export class EntryWindow {
  readonly #length: number;
  readonly #max: number;
  #entries: WindowEntry[] = [];

  constructor(lengthMs: number, max = MAX_ENTRIES) {
    this.#length = lengthMs;
    this.#max = max;
  }

  /** How much memory it takes, in entries. */
  get size(): number {
    return this.#entries.length;
  }

  get isExact(): boolean {
    return this.#entries.every(({ id }) => id !== undefined);
  }

  /** Events may come a little out of order. What has left the window of the newest is forgotten. */
  add(at: number, sum: number, id: string, synthetic: boolean): void {
    const entry: WindowEntry = { at, count: 1, sum, id, ...(synthetic ? { synthetic } : {}) };
    let place = this.#entries.length;
    while (place > 0 && (this.#entries[place - 1]?.at ?? 0) > at) place -= 1;
    if (place === this.#entries.length) this.#entries.push(entry);
    else this.#entries.splice(place, 0, entry);
    this.#forget();
    if (this.#entries.length > this.#max) this.#compact();
  }

  /** Those in (now − length, now], the oldest first. */
  within(now: number): readonly WindowEntry[] {
    const start = now - this.#length;
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.at(-1);
    if (first !== undefined && last !== undefined && first.at > start && last.at <= now) return entries;
    return entries.filter(({ at }) => at > start && at <= now);
  }

  save(): SavedWindow {
    return this.#entries.map(({ at, count, sum, id, synthetic }) => [
      at,
      count,
      sum,
      id ?? 0,
      synthetic === true ? 1 : 0,
    ]);
  }

  static load(lengthMs: number, saved: SavedWindow): EntryWindow {
    const window = new EntryWindow(lengthMs);
    window.#entries = saved.map(([at, count, sum, id, synthetic]) => ({
      ...{ at, count, sum },
      ...(id === 0 ? {} : { id }),
      ...(synthetic === 1 ? { synthetic: true } : {}),
    }));
    return window;
  }

  #forget(): void {
    const start = (this.#entries.at(-1)?.at ?? 0) - this.#length;
    let old = 0;
    while (old < this.#entries.length && (this.#entries[old]?.at ?? 0) <= start) old += 1;
    if (old > 0) this.#entries.splice(0, old);
  }

  #compact(): void {
    const part = this.#length / PARTS;
    const keep = Math.ceil(this.#max / 2);
    const old = this.#entries.slice(0, -keep);
    const put: WindowEntry[] = [];
    for (const entry of old) {
      const last = put.at(-1);
      if (last !== undefined && Math.floor(last.at / part) === Math.floor(entry.at / part))
        put[put.length - 1] = { at: entry.at, count: last.count + entry.count, sum: last.sum + entry.sum };
      else put.push(entry);
    }
    this.#entries = [...put, ...this.#entries.slice(-keep)];
  }
}
