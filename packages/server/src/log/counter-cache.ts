/**
 * Counters as this writer left them. While nobody else touches them, a batch can be decided from here, as of a
 * moment ago, and checked in its own statement by their versions. Whatever is not sure is looked up under lock.
 */
import { decideBatch } from './decide-batch.ts';
import type { BatchItem, Entry } from './entries.ts';
import { type Counter, MICROSECONDS, WindowLedger } from './windows.ts';

const MAX_COUNTERS = 20_000;

export class CounterCache {
  readonly #monotonicMs: () => number;
  readonly #counters = new Map<string, Counter>();
  /** The database's time as last read, and ours then. */
  #tick: { readonly us: number; readonly atMs: number } | undefined;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  has(key: string): boolean {
    return this.#counters.has(key);
  }

  /** The batch decided from what is known, or undefined when that is not enough. */
  decide(entries: readonly Entry[], keys: Iterable<string>): { items: BatchItem[]; ledger: WindowLedger } | undefined {
    if (this.#tick === undefined) return undefined;
    const counters: [string, Counter][] = [];
    for (const key of keys) {
      const counter = this.#counters.get(key);
      if (counter === undefined) return undefined;
      counters.push([key, counter]);
    }
    // Behind the database's clock by the way of the reply; should ours be faster, the statement notices.
    const nowUs = Math.floor(this.#tick.us + (this.#monotonicMs() - this.#tick.atMs) * (MICROSECONDS / 1000));
    if (!this.#areKnown(entries, nowUs)) return undefined;
    const ledger = new WindowLedger(counters, nowUs);
    const { items, short, faulty } = decideBatch(entries, ledger);
    // A call that does not fit is told when it would, which takes a look at the entries.
    return short.length === 0 && faulty.length === 0 ? { items, ledger } : undefined;
  }

  /** A batch was written, or is on its way, with this ledger. */
  learn(ledger: WindowLedger): void {
    if (this.#counters.size >= MAX_COUNTERS) this.#counters.clear();
    for (const [key, counter] of ledger.after()) this.#counters.set(key, counter);
  }

  /** The database's time as just read. */
  setClock(nowUs: number): void {
    this.#tick = { us: nowUs, atMs: this.#monotonicMs() };
  }

  /** Something about these counters, or about any, was not as assumed. */
  forget(keys?: Iterable<string>): void {
    if (keys === undefined) this.#counters.clear();
    else for (const key of keys) this.#counters.delete(key);
  }

  /** Whether it is known what every demanded window holds at that time. */
  #areKnown(entries: readonly Entry[], nowUs: number): boolean {
    return entries.every((entry) => {
      if (entry.kind === 'plain' || entry.ready !== undefined) return true;
      return entry.intent.evaluation.demands.every(({ key, windowSeconds }) => {
        const window = this.#counters.get(key)?.windows.get(windowSeconds);
        return window !== undefined && nowUs < window.untilUs;
      });
    });
  }
}
