/**
 * The bound: every source is answered for by one limit, and the sum of what the limits let through holds. Any such
 * choice is a bound; the smallest is looked for, from narrow limits to wide ones. Where limits nest, as agent in owner
 * in workspace, that is exactly min(Σ children, own limit) up the tree.
 */
import { type Limit, type Problem, type Source, windowsIn } from './limits.ts';

interface Share {
  readonly limit: Limit;
  readonly sources: readonly Source[];
  readonly value: number;
  /** Largest amount of one call; infinite for a limit on the measure itself. */
  readonly perCall: number;
}

export interface Cover {
  /** Infinite where a source has no limit. */
  readonly value: number;
  readonly shares: readonly Share[];
  /** Sources without a limit. */
  readonly open: readonly Source[];
}

/** Infinite amounts are counted, so that a limit over some of them is still worth taking. */
interface Cost {
  readonly open: number;
  readonly sum: number;
}

const NOTHING: Cost = { open: 0, sum: 0 };
const MAX_PASSES = 8;

/** Within an interval of that length. */
export function cover(problem: Problem, horizonSeconds: number): Cover {
  return new Search(problem, horizonSeconds).run();
}

class Search {
  readonly #sources: readonly Source[];
  readonly #limits: readonly Limit[];
  /** Of each source: the limit that is smallest for it alone, and what it lets through. */
  readonly #alone: readonly { readonly limit: number; readonly most: number }[];
  /** The limit that answers for a source with others; -1: its own. */
  readonly #by: number[];
  readonly #held: Set<number>[];
  /** By limit: the windows that the interval touches, of all its counters. */
  readonly #windows: readonly number[];

  constructor({ sources, limits }: Problem, horizonSeconds: number) {
    this.#sources = sources;
    this.#limits = limits;
    this.#windows = limits.map((limit) => windowsIn(limit, horizonSeconds) * limit.counters);
    const alone = sources.map(() => ({ limit: -1, most: Number.POSITIVE_INFINITY }));
    limits.forEach((limit, index) => {
      for (const [place, takes] of limit.over) {
        const held = alone[place];
        const windows = this.#windows[index] ?? 0;
        const calls = Math.floor(limit.limit / takes) * windows;
        const most = exact(limit.measures === 'amount' ? limit.limit * windows : calls * this.#perCall(place));
        if (held !== undefined && most < held.most) {
          held.limit = index;
          held.most = most;
        }
      }
    });
    this.#alone = alone;
    this.#by = sources.map(() => -1);
    this.#held = limits.map(() => new Set<number>());
  }

  run(): Cover {
    const order = this.#limits
      .map((limit, index) => ({ index, size: limit.over.size }))
      .filter(({ size }) => size > 1)
      .sort((a, b) => a.size - b.size || a.index - b.index);
    for (let pass = 0, moved = true; moved && pass < MAX_PASSES; pass += 1) {
      moved = false;
      for (const { index } of order) if (this.#take(index)) moved = true;
    }
    return this.#result();
  }

  /** Lets a limit answer for all that it is over, if that makes the bound smaller. */
  #take(index: number): boolean {
    const limit = this.#limits[index];
    const held = this.#held[index];
    if (limit === undefined || held === undefined) return false;
    const taken = [...limit.over.keys()].filter((place) => this.#by[place] !== index);
    if (taken.length === 0) return false;
    const losers = new Map<number, Set<number>>();
    let before = this.#cost(index, held);
    for (const place of taken) {
      const by = this.#by[place] ?? -1;
      if (by === -1) before = plus(before, this.#costAlone(place));
      else losers.set(by, (losers.get(by) ?? new Set()).add(place));
    }
    let after = this.#cost(index, limit.over.keys());
    for (const [loser, gone] of losers) {
      const has = this.#held[loser] ?? new Set<number>();
      before = plus(before, this.#cost(loser, has));
      after = plus(
        after,
        this.#cost(
          loser,
          [...has].filter((place) => !gone.has(place)),
        ),
      );
    }
    if (!isLess(after, before)) return false;
    for (const [loser, gone] of losers) for (const place of gone) this.#held[loser]?.delete(place);
    for (const place of taken) {
      this.#by[place] = index;
      held.add(place);
    }
    return true;
  }

  #perCall(place: number): number {
    const spend = this.#sources[place]?.spend;
    return spend?.kind === 'most' ? spend.perCall : Number.POSITIVE_INFINITY;
  }

  #costAlone(place: number): Cost {
    const most = this.#alone[place]?.most ?? Number.POSITIVE_INFINITY;
    return Number.isFinite(most) ? { open: 0, sum: most } : { open: 1, sum: 0 };
  }

  #cost(index: number, places: Iterable<number>): Cost {
    const limit = this.#limits[index];
    if (limit === undefined) return NOTHING;
    const budget = exact(limit.limit * (this.#windows[index] ?? 0));
    return limit.measures === 'amount' ? this.#sumCost(budget, places) : this.#callsCost(limit, budget, places);
  }

  #sumCost(budget: number, places: Iterable<number>): Cost {
    let alone = NOTHING;
    let any = false;
    for (const place of places) {
      any = true;
      alone = plus(alone, this.#costAlone(place));
    }
    if (!any || !Number.isFinite(budget)) return alone;
    return alone.open > 0 || alone.sum > budget ? { open: 0, sum: budget } : alone;
  }

  /** Calls go first to what has most for each. */
  #callsCost(limit: Limit, budget: number, places: Iterable<number>): Cost {
    const items = [...places].map((place) => ({
      place,
      perCall: this.#perCall(place),
      takes: limit.over.get(place) ?? 1,
    }));
    items.sort((a, b) => b.perCall / b.takes - a.perCall / a.takes || a.place - b.place);
    let left = budget;
    let cost = NOTHING;
    for (const { place, perCall, takes } of items) {
      const alone = this.#costAlone(place);
      if (!Number.isFinite(perCall)) {
        cost = plus(cost, alone);
        continue;
      }
      // a part of a call counts as that part: calls that take less may fit better than whole ones
      const most = Math.floor(exact(left * perCall) / takes);
      if (alone.open === 0 && alone.sum <= most) {
        cost = plus(cost, alone);
        // as many whole calls as surely went into it: what is left is never too little
        left -= Math.floor(alone.sum / perCall) * takes;
      } else {
        cost = plus(cost, Number.isFinite(most) ? { open: 0, sum: most } : { open: 1, sum: 0 });
        left = 0;
      }
    }
    return cost;
  }

  #result(): Cover {
    const shares: Share[] = [];
    let total = NOTHING;
    const add = (index: number, places: readonly number[], cost: Cost): void => {
      const limit = this.#limits[index];
      total = plus(total, cost);
      if (limit === undefined || cost.sum === 0) return;
      const sources = places.flatMap((place) => this.#sources[place] ?? []);
      const perCall =
        limit.measures === 'amount'
          ? Number.POSITIVE_INFINITY
          : Math.max(...places.map((place) => this.#perCall(place)));
      shares.push({ limit, sources, value: cost.sum, perCall });
    };
    this.#held.forEach((held, index) => {
      const places = [...held].sort((a, b) => a - b);
      const together = this.#cost(index, places);
      const apart = places.reduce((cost, place) => plus(cost, this.#costAlone(place)), NOTHING);
      if (isLess(together, apart)) add(index, places, together);
      else for (const place of places) this.#by[place] = -1;
    });
    this.#by.forEach((by, place) => {
      if (by === -1) add(this.#alone[place]?.limit ?? -1, [place], this.#costAlone(place));
    });
    const value = total.open > 0 ? Number.POSITIVE_INFINITY : exact(total.sum);
    const open = this.#by.flatMap((by, place) =>
      by === -1 && this.#costAlone(place).open > 0 ? (this.#sources[place] ?? []) : [],
    );
    return { value, shares, open };
  }
}

/** What cannot be counted exactly is no bound. */
function exact(value: number): number {
  return value <= Number.MAX_SAFE_INTEGER ? value : Number.POSITIVE_INFINITY;
}

function plus(a: Cost, b: Cost): Cost {
  return { open: a.open + b.open, sum: a.sum + b.sum };
}

function isLess(a: Cost, b: Cost): boolean {
  return a.open === b.open ? a.sum < b.sum : a.open < b.open;
}
