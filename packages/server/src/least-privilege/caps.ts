/** By how much a cap can be lowered, and the guard's document with it. Pure. */
import { formatUnits, type Guard, type JsonValue } from '@hivekey/policy';
import type { Edit } from './edits.ts';

/** A cap is wide when it is at least so many times the largest use. */
const WIDE = 3;
/** Room that is left above the largest use. */
const ROOM = 1.5;

export interface NarrowedCap {
  readonly limit: number;
  readonly usedInWords: string;
  readonly capInWords: string;
  readonly newInWords: string;
  /** Of the guard's document. */
  readonly edit: Edit;
}

/**
 * Undefined: it is not wide, not used at all, or not written as an upper limit. `held`: the most that a call which waited
 * for people would have added; under a narrower cap it would not have been refused instead.
 */
export function narrowedCap(
  { when: window, effect, otherwise }: Guard,
  largest: number,
  held: number,
): NarrowedCap | undefined {
  if (!('kind' in window) || effect !== 'allow' || otherwise === 'allow') return undefined;
  const { limit: cap, unit } = window;
  const needed = otherwise === 'deny' ? largest + held : largest;
  if (needed <= 0 || cap < WIDE * needed) return undefined;
  const limit = roundedUp(ROOM * needed);
  if (limit >= cap) return undefined;
  const words = (amount: number): string => (unit === undefined ? `${amount} calls` : formatUnits(amount, unit));
  return {
    limit,
    usedInWords: words(largest),
    capInWords: words(cap),
    newInWords: words(limit),
    edit: (guard) => withLimit(guard, cap, limit),
  };
}

/** To two digits, which is how people write limits. */
export function roundedUp(amount: number): number {
  const step = Math.max(1, 10 ** (Math.floor(Math.log10(amount)) - 1));
  return Math.ceil(amount / step) * step;
}

/** The operand is in major units where it is of money: in the same relation to its limit as before. */
function withLimit(guard: JsonValue, cap: number, limit: number): JsonValue {
  if (typeof guard !== 'object' || guard === null || !('when' in guard)) return guard;
  const { when } = guard;
  if (typeof when !== 'object' || when === null || !('lte' in when)) return guard;
  const { lte } = when;
  const numbered =
    typeof lte === 'number' ? lte : typeof lte === 'string' ? Number(lte.replaceAll(/[^0-9.]/g, '')) : Number.NaN;
  const operand = (limit * numbered) / cap;
  if (!Number.isFinite(operand)) return guard;
  const written = typeof lte === 'string' ? lte.replace(/[0-9][0-9.,]*/, String(operand)) : operand;
  return { ...guard, when: { ...when, lte: written } };
}
