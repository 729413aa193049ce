/** Replayed calls, counted: how many would change, by which rule, and how many cannot be replayed, and why. */
import type { Verdict } from '../model.ts';
import type { ReplayedCall } from './replay.ts';

export interface ReplayCounts {
  readonly calls: number;
  readonly same: number;
  readonly changed: number;
  readonly unreplayable: number;
  /** Changes by what was and what would be, most first. */
  readonly by_rule: readonly {
    readonly before: Verdict;
    readonly after: Verdict;
    readonly rule: string | null;
    readonly calls: number;
  }[];
  readonly unreplayable_by: readonly { readonly why: string; readonly detail: string; readonly calls: number }[];
  /** The first of the changed calls. */
  readonly changes: readonly ReplayedCall[];
}

/** Most kinds of reasons that are counted one by one. */
const MAX_KINDS = 1_000;

export class ReplayTally {
  readonly #limit: number;
  readonly #changes: ReplayedCall[] = [];
  readonly #byRule = new Map<string, ReplayCounts['by_rule'][number]>();
  readonly #unreplayableBy = new Map<string, ReplayCounts['unreplayable_by'][number]>();
  #calls = 0;
  #same = 0;
  #changed = 0;
  #unreplayable = 0;

  /** `limit`: how many changed calls are kept. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(call: ReplayedCall): void {
    const { before, after } = call;
    this.#calls += 1;
    if ('unreplayable' in after) {
      this.#unreplayable += 1;
      const { unreplayable: why, detail } = after;
      count(this.#unreplayableBy, `${why} ${detail}`, { why, detail, calls: 0 });
    } else if (after.verdict === before.verdict) this.#same += 1;
    else {
      this.#changed += 1;
      if (this.#changes.length < this.#limit) this.#changes.push(call);
      const rule = after.rule ?? before.rule ?? null;
      const kind = { before: before.verdict, after: after.verdict, rule, calls: 0 };
      count(this.#byRule, `${before.verdict} ${after.verdict} ${rule}`, kind);
    }
  }

  result(): ReplayCounts {
    return {
      calls: this.#calls,
      same: this.#same,
      changed: this.#changed,
      unreplayable: this.#unreplayable,
      by_rule: mostFirst(this.#byRule),
      unreplayable_by: mostFirst(this.#unreplayableBy),
      changes: this.#changes,
    };
  }
}

function count<T extends { readonly calls: number }>(kinds: Map<string, T>, key: string, kind: T): void {
  const held = kinds.get(key);
  if (held === undefined && kinds.size >= MAX_KINDS) return;
  kinds.set(key, { ...kind, calls: (held?.calls ?? 0) + 1 });
}

function mostFirst<T extends { readonly calls: number }>(kinds: ReadonlyMap<string, T>): readonly T[] {
  return [...kinds.values()].sort((a, b) => b.calls - a.calls);
}
