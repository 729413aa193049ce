/** The period that is asked about: half-open, UTC, and begun. */
import type { Period } from '@hivekey/evidence';
import { Failure } from '../errors.ts';

/** As far back as the database's own times and JavaScript's agree, and the oldest log there can be. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);

/** Throws `period_invalid`, `period_in_future`. `from` and `to`: ISO 8601, of whatever zone. */
export function periodOf(from: string, to: string, nowMs: number): Period {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  if (!(fromMs >= EARLIEST_MS && fromMs < toMs))
    throw new Failure(
      422,
      'period_invalid',
      'A period begins before it ends, and not before the year 2000.',
      'Give from (inclusive) and to (exclusive) in UTC, such as 2026-07-01T00:00:00Z and 2026-10-01T00:00:00Z.',
    );
  if (fromMs > nowMs)
    throw new Failure(
      422,
      'period_in_future',
      'That period has not begun.',
      'Ask about one that has; of one that is not over, the header says up to when it was read.',
    );
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

/** Up to when there is anything to tell: its end, or the instant it is read at where it is not over. */
export function endOf({ to }: Period, asOf: string): string {
  return to < asOf ? to : asOf;
}
