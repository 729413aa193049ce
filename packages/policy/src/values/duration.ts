/** Lengths of windows: `60s`, `15m`, `24h`, `7d`. */

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
const DURATION = /^([1-9][0-9]{0,8})(s|m|h|d|w)$/;
/** A counter keeps its entries for its longest window. */
const MAX_WINDOW_SECONDS = 366 * 86_400;

/** Undefined for what is not a duration of 1 second to 366 days. */
export function parseDuration(text: string): number | undefined {
  const found = DURATION.exec(text);
  if (found === null) return undefined;
  const seconds = Number(found[1]) * (SECONDS[found[2] ?? ''] ?? 0);
  return seconds <= MAX_WINDOW_SECONDS ? seconds : undefined;
}

/** `minute`, `hour`, `24 hours`, `7 days`: what stands after "in any". */
export function durationInWords(seconds: number): string {
  for (const [name, length] of [
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
  ] as const) {
    // a day reads as 24 hours: it slides, it does not begin at midnight
    if (name === 'day' && seconds === 86_400) return '24 hours';
    if (seconds % length === 0) return seconds === length ? name : `${seconds / length} ${name}s`;
  }
  return seconds === 1 ? 'second' : `${seconds} seconds`;
}
