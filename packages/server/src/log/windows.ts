/**
 * Sliding windows while a batch is decided: usage as it stands in the database, then demands one after the
 * other, each seeing what the ones before it reserved. Pure. A window of W seconds at the time t holds the
 * entries of (t - W, t]. Totals are bigints: amounts reach 2^53 and are summed without end.
 *
 * No window ever holds more than its limit, because a decision counts what is inside at a time not after it and
 * its own entry gets a time not before it, both by the database's clock.
 */
import type { WindowCharge, WindowDemand } from '@hivekey/policy';
import type { Reservation } from '../path/index.ts';

export const MICROSECONDS = 1_000_000;

/** Where a window's far edge is among the entries of its counter. */
export interface Window {
  /** Total of the counter there. */
  readonly gone: bigint;
  /** When the next entry leaves, exclusive; until then `gone` holds. Microseconds. */
  readonly untilUs: number;
}

export interface Counter {
  /** In the database; a write must find this one there. */
  readonly version: number;
  /** All that was ever charged. */
  readonly total: bigint;
  /** Entries are kept for at least this long. */
  readonly keepSeconds: number;
  /** By length in seconds: the windows that have been looked at. */
  readonly windows: ReadonlyMap<number, Window>;
}

/** What must leave a window before a demand fits. */
export interface Shortage {
  /** The counter's total that must be gone. */
  readonly total: bigint;
  /** What is gone already is not younger than this. */
  readonly sinceUs: number;
}

interface Working {
  readonly before: Counter;
  added: bigint;
  keepSeconds: number;
}

/** What the append does to the counters; keys in the order of their UTF-16 code units. */
export interface LedgerWrite {
  readonly keys: readonly string[];
  readonly versions: readonly number[];
  /** Key → units, of the counters that change. */
  readonly added: Readonly<Record<string, string>>;
  /** Key → seconds, where that grows. */
  readonly keepSeconds: Readonly<Record<string, number>>;
}

export class WindowLedger {
  /** A time, by the database's clock, that is not in the future. */
  readonly nowUs: number;
  readonly #counters = new Map<string, Working>();

  constructor(counters: Iterable<readonly [string, Counter]>, nowUs: number) {
    this.nowUs = nowUs;
    for (const [key, before] of counters)
      this.#counters.set(key, { before, added: 0n, keepSeconds: before.keepSeconds });
  }

  /** Units inside the demanded window, the reservations of this batch included. */
  used({ key, windowSeconds }: Pick<WindowDemand, 'key' | 'windowSeconds'>): bigint {
    const { before, added } = this.#counter(key);
    return before.total + added - this.#window(key, windowSeconds).gone;
  }

  /** Seconds until the oldest entry leaves the window; undefined when there is none in it. */
  nextFreesInSeconds({ key, windowSeconds }: Pick<WindowDemand, 'key' | 'windowSeconds'>): number | undefined {
    const { untilUs } = this.#window(key, windowSeconds);
    return Number.isFinite(untilUs) ? (untilUs - this.nowUs) / MICROSECONDS : undefined;
  }

  fits(demand: WindowDemand): boolean {
    return this.used(demand) + BigInt(demand.amount) <= BigInt(demand.limit);
  }

  /** Undefined when the demand fits, or never can. */
  shortage(demand: WindowDemand): Shortage | undefined {
    if (this.fits(demand) || demand.amount > demand.limit) return undefined;
    const excess = this.used(demand) + BigInt(demand.amount) - BigInt(demand.limit);
    const { gone } = this.#window(demand.key, demand.windowSeconds);
    return { total: gone + excess, sinceUs: this.nowUs - demand.windowSeconds * MICROSECONDS };
  }

  /** Seconds until an entry of `atUs` leaves the demanded window. Without `atUs` it is one of this batch that has to leave. */
  freesInSeconds({ windowSeconds }: WindowDemand, atUs: number | undefined): number {
    return ((atUs ?? this.nowUs) + windowSeconds * MICROSECONDS - this.nowUs) / MICROSECONDS;
  }

  /** Enters the charges of an allowed call and returns what to remember of them. */
  reserve(charges: readonly WindowCharge[]): Reservation[] {
    return charges.flatMap(({ key, amount, unit, keepSeconds }): Reservation[] => {
      const counter = this.#counter(key);
      counter.added += BigInt(amount);
      counter.keepSeconds = Math.max(counter.keepSeconds, keepSeconds);
      if (amount === 0) return [];
      const reservation = { key, version: counter.before.version + 1, amount, sinceUs: this.nowUs };
      return [unit === undefined ? reservation : { ...reservation, unit }];
    });
  }

  write(): LedgerWrite {
    const counters = [...this.#counters].sort(([a], [b]) => (a < b ? -1 : 1));
    const changed = counters.filter(([, { added }]) => added > 0n);
    return {
      keys: counters.map(([key]) => key),
      versions: counters.map(([, { before }]) => before.version),
      added: Object.fromEntries(changed.map(([key, { added }]) => [key, added.toString()])),
      keepSeconds: Object.fromEntries(
        changed.flatMap(([key, { before, keepSeconds }]) =>
          keepSeconds > before.keepSeconds ? [[key, keepSeconds]] : [],
        ),
      ),
    };
  }

  /** The counters as they stand once the batch is written. */
  *after(): Generator<[string, Counter]> {
    for (const [key, { before, added, keepSeconds }] of this.#counters) {
      if (added === 0n) {
        yield [key, before];
        continue;
      }
      const windows = new Map<number, Window>();
      for (const [seconds, { gone, untilUs }] of before.windows)
        windows.set(seconds, { gone, untilUs: Math.min(untilUs, this.nowUs + seconds * MICROSECONDS) });
      yield [key, { version: before.version + 1, total: before.total + added, keepSeconds, windows }];
    }
  }

  #counter(key: string): Working {
    const counter = this.#counters.get(key);
    if (counter === undefined) throw new Error(`the counter ${key} was not read`);
    return counter;
  }

  #window(key: string, seconds: number): Window {
    const window = this.#counter(key).before.windows.get(seconds);
    if (window === undefined) throw new Error(`the window of ${seconds} s of ${key} was not read`);
    return window;
  }
}

/** Beyond 2^53 the exact number has no bearing: no limit is that high. */
export function toNumber(units: bigint): number {
  return units > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(units);
}
