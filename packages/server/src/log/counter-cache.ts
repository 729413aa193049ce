/**
 * Counters as this writer left them. While nobody else touches them, a batch can be decided from here and
 * checked in the transaction by their versions; whatever is not sure is looked up under lock instead.
 */
import { decideBatch } from './decide-batch.ts';
import type { BatchItem, Entry } from './entries.ts';
import { type Counter, MICROSECONDS, WindowLedger } from './windows.ts';

const MAX_COUNTERS = 20_000;

export class CounterCache {
  readonly #counters = new Map<string, Counter>();
  /** The database's clock minus ours, microseconds. */
  #clockOffsetUs: number | undefined;
  readonly #monotonicMs: () => number;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  has(key: string): boolean {
    return this.#counters.has(key);
  }

  /** The batch decided from what is known, or undefined when that is not enough: then look under lock. */
  decide(entries: readonly Entry[], keys: Iterable<string>): { items: BatchItem[]; ledger: WindowLedger } | undefined {
    if (this.#clockOffsetUs === undefined) return undefined;
    const counters: [string, Counter][] = [];
    for (const key of keys) {
      const counter = this.#counters.get(key);
      if (counter === undefined) return undefined;
      counters.push([key, counter]);
    }
    const nowUs = Math.floor(this.#monotonicMs() * (MICROSECONDS / 1000) + this.#clockOffsetUs);
    const ledger = new WindowLedger(counters, nowUs);
    if (!ledger.isExact()) return undefined;
    for (const entry of entries) {
      if (entry.kind === 'plain' || entry.ready !== undefined) continue;
      // A call that does not fit is told when it would, which takes a look at the entries.
      const { demands } = entry.intent.evaluation;
      if (ledger.missing(demands).length > 0 || !demands.every((demand) => ledger.fits(demand))) return undefined;
    }
    const { items, short, faulty } = decideBatch(entries, ledger);
    return short.length === 0 && faulty.length === 0 ? { items, ledger } : undefined;
  }

  /** A batch was written, or is on its way, with this ledger. */
  learn(ledger: WindowLedger): void {
    if (this.#counters.size >= MAX_COUNTERS) this.#counters.clear();
    for (const [key, counter] of ledger.after()) this.#counters.set(key, counter);
  }

  /** The database's time as just read. */
  setClock(nowUs: number): void {
    this.#clockOffsetUs = nowUs - this.#monotonicMs() * (MICROSECONDS / 1000);
  }

  /** Something was not as assumed. */
  forget(): void {
    this.#counters.clear();
  }
}
