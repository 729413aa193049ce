/**
 * Sliding windows as a replay knows them: between what was surely used and what may have been. The two differ where
 * a call cannot be replayed, where the log begins, and where an entry is about to leave: records carry the time of
 * their node, which is only about that of the database.
 */
import type { WindowCharge, WindowDemand } from '../model.ts';

/** Nodes and database are taken to agree to this. */
export const CLOCK_TOLERANCE_MS = 1_000;

export interface Usage {
  readonly least: number;
  /** Infinity where it has no bound that is known. */
  readonly most: number;
}

/** One call's part of a counter. */
export interface Entered {
  readonly counter: Counter;
  readonly index: number;
  readonly charge: WindowCharge;
}

interface View {
  /** Of the first entry inside, counted from the counter's first ever; and what is inside. */
  leastFrom: number;
  least: number;
  mostFrom: number;
  most: number;
  /** How many of the latter have an amount that nobody knows. */
  unknown: number;
}

/** How sure it is that a call was charged, and how much. */
export type Certainty = 'sure' | 'unsure' | 'unsure amount';

const PRUNE_AFTER = 1_024;

class Counter {
  readonly #times: number[] = [];
  readonly #least: number[] = [];
  readonly #most: number[] = [];
  readonly #unknown: boolean[] = [];
  readonly #views = new Map<number, View>();
  #dropped = 0;
  keepMs = 0;

  get isIdle(): boolean {
    return this.#times.length === 0;
  }

  enter(atMs: number, amount: number, certainty: Certainty): number {
    const least = certainty === 'sure' ? amount : 0;
    const isUnknown = certainty === 'unsure amount';
    this.#times.push(atMs);
    this.#least.push(least);
    this.#most.push(amount);
    this.#unknown.push(isUnknown);
    for (const view of this.#views.values()) {
      view.least += least;
      view.most += amount;
      if (isUnknown) view.unknown += 1;
    }
    return this.#dropped + this.#times.length - 1;
  }

  /** Gives back of an entry, where it is still there. */
  credit(index: number, amount: number): void {
    const at = index - this.#dropped;
    const [least, most] = [this.#least[at], this.#most[at]];
    if (least === undefined || most === undefined) return;
    // what may not have been charged may not have been given back
    const sure = least === most ? amount : 0;
    this.#least[at] = least - sure;
    this.#most[at] = most - sure;
    for (const view of this.#views.values()) {
      if (index >= view.leastFrom) view.least -= sure;
      if (index >= view.mostFrom) view.most -= sure;
    }
  }

  used(windowSeconds: number, atMs: number): Usage {
    const view = this.#view(windowSeconds);
    const edge = atMs - windowSeconds * 1_000;
    while (this.#leavesBy(view.leastFrom, edge + CLOCK_TOLERANCE_MS)) {
      view.least -= this.#least[view.leastFrom - this.#dropped] ?? 0;
      view.leastFrom += 1;
    }
    while (this.#leavesBy(view.mostFrom, edge - CLOCK_TOLERANCE_MS)) {
      view.most -= this.#most[view.mostFrom - this.#dropped] ?? 0;
      if (this.#unknown[view.mostFrom - this.#dropped] === true) view.unknown -= 1;
      view.mostFrom += 1;
    }
    return { least: view.least, most: view.unknown > 0 ? Number.POSITIVE_INFINITY : view.most };
  }

  /** Forgets what no window can hold any more. */
  prune(atMs: number): void {
    const edge = atMs - this.keepMs - CLOCK_TOLERANCE_MS;
    let gone = 0;
    while ((this.#times[gone] ?? Number.POSITIVE_INFINITY) <= edge) gone += 1;
    if (gone < PRUNE_AFTER && gone < this.#times.length) return;
    for (const list of [this.#times, this.#least, this.#most, this.#unknown]) list.splice(0, gone);
    this.#dropped += gone;
    for (const view of this.#views.values()) {
      // its window has left them behind, and was not asked about since
      if (view.leastFrom < this.#dropped || view.mostFrom < this.#dropped) this.#views.clear();
    }
  }

  #leavesBy(index: number, edgeMs: number): boolean {
    const time = this.#times[index - this.#dropped];
    return time !== undefined && time <= edgeMs;
  }

  #view(windowSeconds: number): View {
    const held = this.#views.get(windowSeconds);
    if (held !== undefined) return held;
    const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);
    const view: View = {
      leastFrom: this.#dropped,
      least: sum(this.#least),
      mostFrom: this.#dropped,
      most: sum(this.#most),
      unknown: this.#unknown.filter(Boolean).length,
    };
    this.#views.set(windowSeconds, view);
    return view;
  }
}

export type { Counter };

export class ReplayedCounters {
  readonly #counters = new Map<string, Counter>();
  #knownFromMs: number;
  #untilSweep = 0;

  /** Before `knownFromMs` there may have been calls that the log does not show. */
  constructor(knownFromMs: number) {
    this.#knownFromMs = knownFromMs;
  }

  /** Counters that are held now. */
  get size(): number {
    return this.#counters.size;
  }

  used({ key, windowSeconds }: WindowDemand, atMs: number): Usage {
    const { least, most } = this.#counters.get(key)?.used(windowSeconds, atMs) ?? { least: 0, most: 0 };
    const isKnown = atMs - windowSeconds * 1_000 - CLOCK_TOLERANCE_MS >= this.#knownFromMs;
    return { least, most: isKnown ? most : Number.POSITIVE_INFINITY };
  }

  /** From now on nothing is known of what was before. */
  lose(atMs: number): void {
    this.#knownFromMs = Math.max(this.#knownFromMs, atMs);
  }

  enter(charges: readonly WindowCharge[], atMs: number, certainty: Certainty): readonly Entered[] {
    this.#sweep(atMs);
    return charges.map((charge) => {
      let counter = this.#counters.get(charge.key);
      if (counter === undefined) {
        counter = new Counter();
        this.#counters.set(charge.key, counter);
      }
      counter.keepMs = Math.max(counter.keepMs, charge.keepSeconds * 1_000);
      const index = counter.enter(atMs, charge.amount, certainty);
      counter.prune(atMs);
      return { counter, index, charge };
    });
  }

  /** Now and then all are looked through, so that the counters of those who went away do not stay. */
  #sweep(atMs: number): void {
    this.#untilSweep -= 1;
    if (this.#untilSweep > 0) return;
    this.#untilSweep = 10_000 + this.#counters.size;
    for (const [key, counter] of this.#counters) {
      counter.prune(atMs);
      if (counter.isIdle) this.#counters.delete(key);
    }
  }
}
