/** Values by key, as many as memory is given to: the one that was not used for longest falls out, and is counted. */

/** Of each rule. */
export const MAX_KEYS = 50_000;

/** Limits of one rule's memory; smaller ones are for tests. */
export interface KeyLimits {
  readonly keys: number;
  /** Of all values together, as `weigh` says. */
  readonly weight: number;
}

export type SavedKeyed<S> = { readonly evicted: number; readonly entries: readonly (readonly [string, S])[] };

export class Keyed<T> {
  readonly #map = new Map<string, T>();
  readonly #limits: KeyLimits;
  readonly #weigh: ((value: T) => number) | undefined;
  readonly #onEvicted: ((key: string, value: T) => void) | undefined;
  #weight = 0;
  #evicted = 0;

  /** Without `weigh` only keys are counted. */
  constructor(
    limits: KeyLimits = { keys: MAX_KEYS, weight: Number.POSITIVE_INFINITY },
    weigh?: (value: T) => number,
    onEvicted?: (key: string, value: T) => void,
  ) {
    this.#limits = limits;
    this.#weigh = weigh;
    this.#onEvicted = onEvicted;
  }

  get size(): number {
    return this.#map.size;
  }

  get evicted(): number {
    return this.#evicted;
  }

  /** Without making it the newest. */
  peek(key: string): T | undefined {
    return this.#map.get(key);
  }

  /** The value of the key, which is the newest now. While less than half is taken the order is that of first use: moving costs. */
  use(key: string): T | undefined {
    const value = this.#map.get(key);
    if (value === undefined || (this.#weigh === undefined && this.#map.size < this.#limits.keys / 2)) return value;
    this.#map.delete(key);
    this.#map.set(key, value);
    return value;
  }

  /** The value of the key, made where there is none. Whoever changes it in place then calls `changed`. */
  useOr(key: string, make: () => T): T {
    const value = this.use(key);
    if (value !== undefined) return value;
    const made = make();
    this.set(key, made);
    return made;
  }

  set(key: string, value: T): void {
    if (this.#weigh !== undefined) {
      const before = this.#map.get(key);
      this.#weight += this.#weigh(value) - (before === undefined ? 0 : this.#weigh(before));
    }
    // Where it was moves only when somebody will have to go soon; see `use`.
    if (this.#weigh !== undefined || this.#map.size >= this.#limits.keys / 2) this.#map.delete(key);
    this.#map.set(key, value);
    this.#makeRoom();
  }

  /** To be called after a value was changed in place: `by` is how much heavier it has become. */
  grown(by: number): void {
    this.#weight += by;
    this.#makeRoom();
  }

  delete(key: string): void {
    const value = this.#map.get(key);
    if (value === undefined) return;
    this.#weight -= this.#weigh?.(value) ?? 0;
    this.#map.delete(key);
  }

  /** The one not used for longest first. */
  entries(): IterableIterator<[string, T]> {
    return this.#map.entries();
  }

  save<S>(of: (value: T) => S): SavedKeyed<S> {
    return { evicted: this.#evicted, entries: [...this.#map].map(([key, value]) => [key, of(value)]) };
  }

  load<S>({ evicted, entries }: SavedKeyed<S>, of: (saved: S) => T): void {
    for (const [key, saved] of entries) this.set(key, of(saved));
    this.#evicted = evicted;
  }

  /** The newest stays, however heavy it is. */
  #makeRoom(): void {
    while (this.#map.size > 1 && (this.#map.size > this.#limits.keys || this.#weight > this.#limits.weight)) {
      const [oldest] = this.#map;
      if (oldest === undefined) return;
      this.delete(oldest[0]);
      this.#evicted += 1;
      this.#onEvicted?.(...oldest);
    }
  }
}
