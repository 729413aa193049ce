/** When a failed delivery is tried again. */

const FIRST_SECONDS = 1;
const LONGEST_SECONDS = 3_600;
/** Receivers that failed together are not tried together. */
const JITTER = 0.2;

/** Seconds after the n-th failure in a row, n from 1: doubling up to an hour, spread by a fifth. `random` is in [0, 1). */
export function backoffSeconds(failures: number, random: number): number {
  const seconds = Math.min(FIRST_SECONDS * 2 ** Math.min(failures - 1, 30), LONGEST_SECONDS);
  return seconds * (1 + JITTER * (2 * random - 1));
}
