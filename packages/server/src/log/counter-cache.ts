/**
 * Counters as this writer left them. While nobody else touches them, a batch can be decided from here and
 * checked in its own statement, by their versions and by the time until which nothing leaves a window. Whatever
 * is not sure is looked up under lock instead.
 */
import { decideBatch } from './decide-batch.ts';
import type { BatchItem, Entry } from './entries.ts';
import { type Counter, MICROSECONDS, WindowLedger } from './windows.ts';

const MAX_COUNTERS = 20_000;
/** A window whose next entry leaves this soon may not hold any more when the statement arrives. */
const MARGIN_US = 50_000;

export interface Guessed {
  readonly items: readonly BatchItem[];
  readonly ledger: WindowLedger;
  /** The decisions hold before this, by the database's clock. */
  readonly untilUs: number;
}

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
  decide(entries: readonly Entry[], keys: Iterable<string>): Guessed | undefined {
    if (this.#tick === undefined) return undefined;
    const counters: [string, Counter][] = [];
    for (const key of keys) {
      const counter = this.#counters.get(key);
      if (counter === undefined) return undefined;
      counters.push([key, counter]);
    }
    const untilUs = this.#holdUntil(entries);
    const nowUs = this.#tick.us + (this.#monotonicMs() - this.#tick.atMs) * (MICROSECONDS / 1000);
    if (untilUs === undefined || nowUs + MARGIN_US >= untilUs) return undefined;
    const ledger = new WindowLedger(counters, this.#tick.us);
    const { items, short, faulty } = decideBatch(entries, ledger);
    // A call that does not fit is told when it would, which takes a look at the entries.
    return short.length === 0 && faulty.length === 0 ? { items, ledger, untilUs } : undefined;
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

  /** Something was not as assumed. */
  forget(): void {
    this.#counters.clear();
  }

  /** Until when nothing leaves any demanded window; undefined when one of them is not known. */
  #holdUntil(entries: readonly Entry[]): number | undefined {
    let untilUs = Number.POSITIVE_INFINITY;
    for (const entry of entries) {
      if (entry.kind === 'plain' || entry.ready !== undefined) continue;
      for (const { key, windowSeconds } of entry.intent.evaluation.demands) {
        const window = this.#counters.get(key)?.windows.get(windowSeconds);
        if (window === undefined) return undefined;
        untilUs = Math.min(untilUs, window.untilUs);
      }
    }
    return untilUs;
  }
}
