/**
 * Used values as a replay knows them: those that were surely used, and those that may have been. The two differ where
 * a call cannot be replayed, where the log begins, and at the edge of a time, as records carry the time of their node.
 */
import type { UsedValue } from '../model.ts';
import { CLOCK_TOLERANCE_MS } from './counters.ts';

/** No guard looks further back. */
const KEPT_MS = 367 * 86_400_000;
const SWEEP_EVERY = 10_000;

export class ReplayedUses {
  /** In order of time: the newest that is surely over at the time of the last, and those after it. */
  readonly #sure = new Map<string, UsedValue[]>();
  readonly #unsure = new Map<string, UsedValue>();
  /** Of the last use that the log does not show. */
  #unseenMs: number;
  #untilSweep = SWEEP_EVERY;

  /** Before `knownFromMs` there may have been calls that the log does not show. */
  constructor(knownFromMs: number) {
    this.#unseenMs = knownFromMs;
  }

  /** From now on, any value may have been used before. */
  lose(atMs: number): void {
    this.#unseenMs = Math.max(this.#unseenMs, atMs);
  }

  add(keys: readonly string[], eventId: string, usedAtMs: number, isSure: boolean): void {
    for (const key of keys) {
      const use = { key, eventId, usedAtMs };
      if (!isSure) this.#unsure.set(key, use);
      else {
        const uses = [...(this.#sure.get(key) ?? []), use];
        const settled = uses.findLastIndex((each) => each.usedAtMs <= usedAtMs - CLOCK_TOLERANCE_MS);
        this.#sure.set(key, uses.slice(Math.max(0, settled)));
      }
    }
    this.#sweep(usedAtMs);
  }

  /** What the state of a call at this time holds of the keys, at the least and at the most. */
  views(keys: readonly string[], atMs: number): { readonly least: UsedValue[]; readonly most: UsedValue[] } {
    const least = keys.flatMap((key): UsedValue[] => {
      const use = this.#sure.get(key)?.findLast((each) => each.usedAtMs <= atMs - CLOCK_TOLERANCE_MS);
      return use === undefined ? [] : [{ ...use, usedAtMs: use.usedAtMs - CLOCK_TOLERANCE_MS }];
    });
    const most = keys.flatMap((key): UsedValue[] => {
      const newest = this.#sure.get(key)?.at(-1);
      const unsure = this.#unsure.get(key);
      const usedAtMs = Math.max(
        newest?.usedAtMs ?? Number.NEGATIVE_INFINITY,
        unsure?.usedAtMs ?? Number.NEGATIVE_INFINITY,
        this.#unseenMs,
      );
      if (usedAtMs === Number.NEGATIVE_INFINITY) return [];
      return [{ key, eventId: newest?.eventId ?? '', usedAtMs: usedAtMs + CLOCK_TOLERANCE_MS }];
    });
    return { least, most };
  }

  #sweep(atMs: number): void {
    this.#untilSweep -= 1;
    if (this.#untilSweep > 0) return;
    this.#untilSweep = SWEEP_EVERY + this.#sure.size;
    for (const [key, uses] of this.#sure) if (isOver(uses.at(-1), atMs)) this.#sure.delete(key);
    for (const [key, use] of this.#unsure) if (isOver(use, atMs)) this.#unsure.delete(key);
  }
}

function isOver(use: UsedValue | undefined, atMs: number): boolean {
  return use === undefined || use.usedAtMs < atMs - KEPT_MS;
}
