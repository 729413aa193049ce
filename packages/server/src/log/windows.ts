/**
 * Sliding windows while a batch is decided: usage as it stands in the database, then demands one after the
 * other, each seeing what the ones before it reserved. Pure. A window of W seconds at the time t holds the
 * entries of (t - W, t]. Totals are bigints: amounts reach 2^53 and are summed without end.
 */
import type { WindowCharge, WindowDemand } from '@hivekey/policy';
import type { EventId } from '../ids.ts';

export const MICROSECONDS = 1_000_000;

/** A window as far as it is known. */
interface Window {
  readonly total: bigint;
  /** Until then, exclusive, no entry leaves, so that the total holds. Microseconds. */
  readonly exactUntilUs: number;
}

/** A counter with its windows by length in seconds. */
export interface Counter {
  /** In the database; a write must find this one there. */
  readonly version: number;
  /** No new entry may be older than this. */
  readonly lastAtUs: number;
  readonly keepSeconds: number;
  readonly windows: ReadonlyMap<number, Window>;
}

/** A window that a demand asks for and the counter does not keep yet. */
export interface MissingWindow {
  readonly key: string;
  readonly seconds: number;
  readonly sinceUs: number;
}

/** One reservation, as it must be known to be given back. */
export interface Reservation {
  readonly key: string;
  readonly atUs: number;
  readonly amount: number;
}

interface Entry extends Reservation {
  readonly eventId: EventId;
}

interface Working {
  readonly version: number;
  /** The time of this batch for this counter. */
  readonly atUs: number;
  keepSeconds: number;
  readonly windows: Map<number, Window>;
}

/** A counter as APPEND_WITH_WINDOWS takes it. */
interface CounterWrite {
  readonly key: string;
  readonly version: number;
  readonly write: {
    readonly last_at_us: number;
    readonly keep_seconds: number;
    readonly window_seconds: readonly number[];
    readonly totals: readonly string[];
    readonly pruned_until_us: readonly number[];
  };
}

export class WindowLedger {
  readonly #counters = new Map<string, Working>();
  /** What the batch adds. */
  readonly entries: Entry[] = [];
  /** The database's time that the batch is decided at. */
  readonly nowUs: number;

  constructor(counters: Iterable<readonly [string, Counter]>, nowUs: number) {
    this.nowUs = nowUs;
    for (const [key, { version, lastAtUs, keepSeconds, windows }] of counters) {
      const atUs = Math.max(nowUs, lastAtUs);
      this.#counters.set(key, { version, atUs, keepSeconds, windows: new Map(windows) });
    }
  }

  /** The windows of these demands that the counters do not keep. */
  missing(demands: Iterable<WindowDemand>): MissingWindow[] {
    const missing = new Map<string, MissingWindow>();
    for (const { key, windowSeconds: seconds } of demands) {
      const counter = this.#counter(key);
      if (!counter.windows.has(seconds))
        missing.set(`${seconds} ${key}`, { key, seconds, sinceUs: counter.atUs - seconds * MICROSECONDS });
    }
    return [...missing.values()];
  }

  addWindow(key: string, seconds: number, total: bigint, oldestUs: number | null): void {
    this.#counter(key).windows.set(seconds, windowOf(total, seconds, oldestUs));
  }

  /** Whether every total holds at the time of this batch. */
  isExact(): boolean {
    for (const { atUs, windows } of this.#counters.values())
      for (const { exactUntilUs } of windows.values()) if (atUs >= exactUntilUs) return false;
    return true;
  }

  /** Units inside the demanded window, the reservations of this batch included. */
  used(demand: WindowDemand): bigint {
    return this.#window(demand).total;
  }

  fits(demand: WindowDemand): boolean {
    return this.used(demand) + BigInt(demand.amount) <= BigInt(demand.limit);
  }

  /** What must leave before the demand fits, and from which time on to look. Undefined when it fits, or never can. */
  shortage(demand: WindowDemand): { readonly needed: bigint; readonly sinceUs: number } | undefined {
    if (this.fits(demand) || demand.amount > demand.limit) return undefined;
    const needed = this.used(demand) + BigInt(demand.amount) - BigInt(demand.limit);
    return { needed, sinceUs: this.#counter(demand.key).atUs - demand.windowSeconds * MICROSECONDS };
  }

  /**
   * Seconds until an entry of `atUs` leaves the demanded window. Without `atUs` it is a reservation of this
   * batch that has to leave.
   */
  freesInSeconds({ key, windowSeconds }: WindowDemand, atUs: number | undefined): number {
    const now = this.#counter(key).atUs;
    return ((atUs ?? now) + windowSeconds * MICROSECONDS - now) / MICROSECONDS;
  }

  /** Enters the charges of an allowed call and returns what to remember of them. */
  reserve(charges: readonly WindowCharge[], eventId: EventId): Reservation[] {
    const amounts = new Map<string, number>();
    for (const { key, amount, keepSeconds } of charges) {
      const counter = this.#counter(key);
      counter.keepSeconds = Math.max(counter.keepSeconds, keepSeconds);
      for (const [seconds, { total, exactUntilUs }] of counter.windows)
        counter.windows.set(seconds, {
          total: total + BigInt(amount),
          exactUntilUs: Math.min(exactUntilUs, counter.atUs + seconds * MICROSECONDS),
        });
      amounts.set(key, (amounts.get(key) ?? 0) + amount);
    }
    const reservations = [...amounts].map(([key, amount]) => ({ key, atUs: this.#counter(key).atUs, amount }));
    for (const reservation of reservations) this.entries.push({ ...reservation, eventId });
    return reservations;
  }

  /** What becomes of every counter, pruned up to its own time. */
  writes(): CounterWrite[] {
    return [...this.#counters].map(([key, { version, atUs, keepSeconds, windows }]) => {
      const seconds = [...windows.keys()];
      const write = {
        last_at_us: atUs,
        keep_seconds: Math.max(keepSeconds, ...seconds),
        window_seconds: seconds,
        totals: [...windows.values()].map(({ total }) => total.toString()),
        pruned_until_us: seconds.map((each) => atUs - each * MICROSECONDS),
      };
      return { key, version, write };
    });
  }

  /** The counters as they stand once the batch is written. */
  *after(): Generator<[string, Counter]> {
    for (const [key, { version, atUs, keepSeconds, windows }] of this.#counters)
      yield [key, { version: version + 1, lastAtUs: atUs, keepSeconds, windows }];
  }

  #counter(key: string): Working {
    const counter = this.#counters.get(key);
    if (counter === undefined) throw new Error(`the counter ${key} was not read`);
    return counter;
  }

  #window({ key, windowSeconds }: WindowDemand): Window {
    const window = this.#counter(key).windows.get(windowSeconds);
    if (window === undefined) throw new Error(`the counter ${key} has no window of ${windowSeconds} s`);
    return window;
  }
}

/** `oldestUs` is the time of the oldest entry inside; null when there is none. */
export function windowOf(total: bigint, seconds: number, oldestUs: number | null): Window {
  return { total, exactUntilUs: oldestUs === null ? Number.POSITIVE_INFINITY : oldestUs + seconds * MICROSECONDS };
}
