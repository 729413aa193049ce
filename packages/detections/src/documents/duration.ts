/** Lengths of time in rule files: `90s`, `15m`, `24h`, `7d`. */

const MILLISECONDS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const MAX_MS = 366 * 86_400_000;

/** In milliseconds; undefined for what is not a duration of 1 second to 366 days. `M` of the specification is not taken: months differ. */
export function parseDuration(text: unknown): number | undefined {
  const found = typeof text === 'string' ? /^([1-9][0-9]{0,8})([smhd])$/.exec(text) : null;
  if (found === null) return undefined;
  const ms = Number(found[1]) * (MILLISECONDS[found[2] ?? ''] ?? 0);
  return ms <= MAX_MS ? ms : undefined;
}

/** `5 minutes`, `1 hour`. */
export function durationInWords(ms: number): string {
  for (const [name, length] of [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
  ] as const)
    if (ms >= length && ms % length === 0 && !(name === 'day' && ms === length))
      return `${ms / length} ${name}${ms === length ? '' : 's'}`;
  return `${ms / 1_000} seconds`;
}
