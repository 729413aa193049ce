/** When a batch is sent again. */

const BASE_MS = 500;
const LONGEST_MS = 60_000;
/** A receiver cannot put us off for longer than it takes a person to notice. */
const LONGEST_FLOOR_MS = 3_600_000;

/**
 * Milliseconds after the n-th failure in a row, n from 1: full jitter, up to a minute, and not before the receiver wants
 * it. `random` is in [0, 1). See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function retryAfterMs(failures: number, random: number, floorMs = 0): number {
  const longest = Math.min(LONGEST_MS, BASE_MS * 2 ** Math.min(failures, 30));
  return Math.max(random * longest, Math.min(floorMs, LONGEST_FLOOR_MS));
}
