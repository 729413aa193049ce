/**
 * The windows of one batch: usage as read under lock, then demands decided one after the other, each seeing
 * what the ones before it reserved. Pure. Totals are bigints: amounts reach 2^53 and are summed without end.
 */
import type { WindowCharge, WindowDemand } from '@hivekey/policy';
import type { EventId } from '../ids.ts';

const MICROSECONDS = 1_000_000;

/** A row of READ_WINDOWS. `seconds` and `total` are null for a counter without windows. */
export interface WindowRow {
  readonly key: string;
  readonly version: number;
  readonly keep_seconds: number;
  readonly at_us: number;
  readonly seconds: number | null;
  readonly total: string | null;
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

interface Counter {
  readonly version: number;
  /** The time of this batch for this counter, microseconds; never before its newest entry. */
  readonly atUs: number;
  keepSeconds: number;
  /** Window length in seconds → units inside, the reservations of this batch included. */
  readonly windows: Map<number, bigint>;
}

/** A counter as APPEND_WITH_WINDOWS takes it. */
interface CounterWrite {
  readonly key: string;
  readonly version: number;
  readonly last_at_us: number;
  readonly keep_seconds: number;
  readonly window_seconds: readonly number[];
  readonly totals: readonly string[];
  readonly pruned_until_us: readonly number[];
}

export interface Entry extends Reservation {
  readonly eventId: EventId;
}

export class WindowLedger {
  readonly #counters = new Map<string, Counter>();
  readonly entries: Entry[] = [];
  readonly released: Entry[] = [];

  constructor(rows: readonly WindowRow[]) {
    for (const row of rows) {
      const counter = this.#counters.get(row.key) ?? {
        version: row.version,
        atUs: row.at_us,
        keepSeconds: row.keep_seconds,
        windows: new Map<number, bigint>(),
      };
      this.#counters.set(row.key, counter);
      if (row.seconds !== null && row.total !== null) counter.windows.set(row.seconds, BigInt(row.total));
    }
  }

  has(key: string): boolean {
    return this.#counters.has(key);
  }

  missing(demands: Iterable<WindowDemand>): MissingWindow[] {
    const missing = new Map<string, MissingWindow>();
    for (const { key, windowSeconds } of demands) {
      const counter = this.#counter(key);
      if (!counter.windows.has(windowSeconds))
        missing.set(`${windowSeconds} ${key}`, {
          key,
          seconds: windowSeconds,
          sinceUs: counter.atUs - windowSeconds * MICROSECONDS,
        });
    }
    return [...missing.values()];
  }

  addWindow(key: string, seconds: number, total: bigint): void {
    this.#counter(key).windows.set(seconds, total);
  }

  /** Units inside the demanded window, the reservations of this batch included. */
  used({ key, windowSeconds }: WindowDemand): bigint {
    const total = this.#counter(key).windows.get(windowSeconds);
    if (total === undefined) throw new Error(`the counter ${key} has no window of ${windowSeconds} s`);
    return total;
  }

  /** What must leave before the demand fits, and from which time on to look. Undefined when it fits, or never can. */
  shortage(demand: WindowDemand): { readonly needed: bigint; readonly sinceUs: number } | undefined {
    const amount = BigInt(demand.amount);
    const limit = BigInt(demand.limit);
    const needed = this.used(demand) + amount - limit;
    if (needed <= 0n || amount > limit) return undefined;
    return { needed, sinceUs: this.#counter(demand.key).atUs - demand.windowSeconds * MICROSECONDS };
  }

  /**
   * Seconds until an entry of `atUs` leaves the demanded window. Without `atUs` it is a reservation of this
   * batch that has to leave.
   */
  freesInSeconds(demand: WindowDemand, atUs: number | undefined): number {
    const now = this.#counter(demand.key).atUs;
    return ((atUs ?? now) + demand.windowSeconds * MICROSECONDS - now) / MICROSECONDS;
  }

  /** Enters the charges of an allowed call and returns what to remember of them. */
  reserve(charges: readonly WindowCharge[], eventId: EventId): Reservation[] {
    const amounts = new Map<string, number>();
    for (const { key, amount, keepSeconds } of charges) {
      const counter = this.#counter(key);
      counter.keepSeconds = Math.max(counter.keepSeconds, keepSeconds);
      for (const [seconds, total] of counter.windows) counter.windows.set(seconds, total + BigInt(amount));
      amounts.set(key, (amounts.get(key) ?? 0) + amount);
    }
    const reservations = [...amounts].map(([key, amount]) => ({ key, atUs: this.#counter(key).atUs, amount }));
    for (const reservation of reservations) this.entries.push({ ...reservation, eventId });
    return reservations;
  }

  /** Takes the reservations of a call that never began out of the windows that still hold them. */
  release(reservations: readonly Reservation[], eventId: EventId): void {
    for (const reservation of reservations) {
      const counter = this.#counters.get(reservation.key);
      if (counter === undefined) continue;
      for (const [seconds, total] of counter.windows)
        if (reservation.atUs > counter.atUs - seconds * MICROSECONDS)
          counter.windows.set(seconds, total - BigInt(reservation.amount));
      this.released.push({ ...reservation, eventId });
    }
  }

  /** Every counter, pruned up to its own time. */
  counters(): CounterWrite[] {
    return [...this.#counters].map(([key, { version, atUs, keepSeconds, windows }]) => ({
      key,
      version,
      last_at_us: atUs,
      keep_seconds: Math.max(keepSeconds, ...windows.keys()),
      window_seconds: [...windows.keys()],
      totals: [...windows.values()].map(String),
      pruned_until_us: [...windows.keys()].map((seconds) => atUs - seconds * MICROSECONDS),
    }));
  }

  #counter(key: string): Counter {
    const counter = this.#counters.get(key);
    if (counter === undefined) throw new Error(`the counter ${key} was not read`);
    return counter;
  }
}
