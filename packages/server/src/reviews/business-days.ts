/** Deadlines in business days: Monday to Friday, UTC. Pure. */

const DAY_MS = 86_400_000;

/** The same time of day, `days` business days later. */
export function addBusinessDays(from: Date, days: number): Date {
  let at = from.getTime();
  for (let left = days; left > 0; ) {
    at += DAY_MS;
    const day = new Date(at).getUTCDay();
    if (day !== 0 && day !== 6) left -= 1;
  }
  return new Date(at);
}

/** Whole days by which something is late; 0 where it is not. */
export function daysLate(due: Date, at: Date): number {
  return Math.max(0, Math.ceil((at.getTime() - due.getTime()) / DAY_MS));
}
