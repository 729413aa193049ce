/** What the outcome of a call gives back of its reservations. Pure. */
import type { Outcome, Reservation } from '../path/index.ts';

export interface Credit {
  readonly key: string;
  /** Of the counter, with the entry that was charged. */
  readonly version: number;
  /** Units given back; below zero, what the call spent beyond its reservation. */
  readonly amount: number;
  /** The entry is not older than this, microseconds. */
  readonly sinceUs: number;
}

/**
 * A call that was not attempted gives back all of it. One whose answer tells what it spent gives back the rest of
 * that unit. Anything else stays spent: an error and an unknown fate may have had their effect.
 */
export function creditsOf(reservations: readonly Reservation[] | undefined, outcome: Outcome): readonly Credit[] {
  if (reservations === undefined) return [];
  return reservations.flatMap(({ key, version, amount, unit, sinceUs }) => {
    const spent = outcome.result === 'not_attempted' ? 0 : unit === undefined ? undefined : outcome.spent?.[unit];
    return spent === undefined || spent === amount ? [] : [{ key, version, amount: amount - spent, sinceUs }];
  });
}
