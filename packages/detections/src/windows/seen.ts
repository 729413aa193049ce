/**
 * Whether something was seen within a time: exact for the newest 50,000, and for those that fell out of that two Bloom
 * filters, of which the older is dropped when the newer is full or as old as the time. A filter errs on one side: some
 * tenths of a percent of what is new then passes for seen.
 */
import { Keyed, type SavedKeyed } from './keyed.ts';

const BITS = 1 << 23;
const HASHES = 4;
const FULL = 400_000;

interface Generation {
  readonly bits: Uint8Array;
  readonly since: number;
  added: number;
}

export interface SavedSeen {
  readonly newest: SavedKeyed<number>;
  readonly generations: readonly (readonly [bits: string, since: number, added: number])[];
}

export class SeenBefore {
  readonly #lengthMs: number;
  readonly #newest: Keyed<number>;
  #generations: Generation[] = [];

  constructor(lengthMs: number, keys = 50_000) {
    this.#lengthMs = lengthMs;
    this.#newest = new Keyed({ keys, weight: Number.POSITIVE_INFINITY }, undefined, (key, at) => this.#keep(key, at));
  }

  get size(): number {
    return this.#newest.size;
  }

  get evicted(): number {
    return this.#newest.evicted;
  }

  /** Notes that it is seen now; when it was seen before. Of one that only a filter knows, the time is that of the filter. */
  see(key: string, at: number): number | undefined {
    const last = this.#newest.peek(key) ?? this.#generations.find(({ bits }) => isIn(bits, key))?.since;
    this.#newest.set(key, Math.max(at, last ?? at));
    return last !== undefined && at - last <= this.#lengthMs ? last : undefined;
  }

  save(): SavedSeen {
    return {
      newest: this.#newest.save((at) => at),
      generations: this.#generations.map(({ bits, since, added }) => [
        Buffer.from(bits).toString('base64'),
        since,
        added,
      ]),
    };
  }

  load({ newest, generations }: SavedSeen): void {
    this.#generations = generations.map(([bits, since, added]) => ({
      bits: Buffer.from(bits, 'base64'),
      since,
      added,
    }));
    this.#newest.load(newest, (at) => at);
  }

  #keep(key: string, at: number): void {
    const [first] = this.#generations;
    if (first === undefined || first.added >= FULL || at - first.since > this.#lengthMs)
      this.#generations = [{ bits: new Uint8Array(BITS / 8), since: at, added: 0 }, ...this.#generations.slice(0, 1)];
    const [current] = this.#generations;
    if (current === undefined) return;
    for (const bit of bitsOf(key)) current.bits[bit >> 3] = (current.bits[bit >> 3] ?? 0) | (1 << (bit & 7));
    current.added += 1;
  }
}

function isIn(bits: Uint8Array, key: string): boolean {
  return bitsOf(key).every((bit) => ((bits[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0);
}

/** FNV-1a twice, put together as Kirsch and Mitzenmacher do. */
function bitsOf(key: string): readonly number[] {
  let a = 0x811c9dc5;
  let b = 0x01000193;
  for (let i = 0; i < key.length; i += 1) {
    const code = key.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b + code, 0x85ebca6b) ^ (b >>> 13);
  }
  return Array.from({ length: HASHES }, (_, i) => (((a >>> 0) + i * ((b >>> 0) | 1)) >>> 0) % BITS);
}
