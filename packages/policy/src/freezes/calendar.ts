/**
 * When a change freeze is in force: local wall times of an IANA time zone, once or by an RFC 5545 rule.
 *
 * The rule is followed on the wall clock, and each start and end is then placed on the time line. Where the wall
 * clock skips a time or shows it twice, a freeze begins at the earlier and ends at the later of the two readings:
 * a change of the clocks never shortens it.
 */
import { RRuleTemporal } from 'rrule-temporal';
import { Temporal } from 'temporal-polyfill';
import type { Freeze } from '../model.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
/** Occurrences that touch are one stretch; beyond so many, its end is looked for again when this part is over. */
const MAX_JOINED = 400;

/** Epoch milliseconds: from `fromMs` on and before `untilMs`. */
export interface Interval {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A stretch of time in which the freeze is either in force or not. */
export interface Stretch extends Interval {
  readonly inForce: boolean;
}

export type Schedule = Pick<Freeze, 'timeZone' | 'starts' | 'ends' | 'repeats'>;

export class Calendar {
  readonly #timeZone: string;
  /** Wall times are counted as if they were UTC. */
  readonly #startMs: number;
  readonly #lengthMs: number;
  readonly #rule: RRuleTemporal | undefined;
  /** The stretch last asked for: nearly every call is in the one of the call before. */
  #last: Stretch | undefined;

  /** Throws a RangeError for a time zone, a time or a rule that there is not. */
  constructor({ timeZone, starts, ends, repeats }: Schedule) {
    this.#timeZone = timeZone;
    this.#startMs = wallMs(starts);
    this.#lengthMs = wallMs(ends) - this.#startMs;
    this.#rule = repeats === undefined ? undefined : ruleOf(repeats, this.#startMs, timeZone);
    this.#place(this.#startMs, 'earlier');
  }

  /** The rule says that the first start is one, and there is an end after it. */
  get fault(): 'ends_first' | 'starts_outside' | undefined {
    if (this.#lengthMs <= 0) return 'ends_first';
    const first = this.#rule === undefined ? this.#startMs : this.#next(this.#startMs - 1);
    return first === this.#startMs ? undefined : 'starts_outside';
  }

  at(ms: number): Stretch {
    const last = this.#last;
    if (last !== undefined && last.fromMs <= ms && ms < last.untilMs) return last;
    const found = this.#find(ms);
    this.#last = found;
    return found;
  }

  #find(ms: number): Stretch {
    // Wall clocks are less than a day from UTC, and are set back or forth by a day at most: what begins before this
    // has ended a day before `ms`.
    const from = ms - this.#lengthMs - 3 * DAY_MS;
    let endedMs = this.#rule === undefined || from <= this.#startMs ? Number.NEGATIVE_INFINITY : ms - DAY_MS;
    let start = this.#firstFrom(from);
    for (; start !== undefined; start = this.#next(start)) {
      const occurrence = this.#stretch(start);
      if (ms < occurrence.fromMs) return { inForce: false, fromMs: endedMs, untilMs: occurrence.fromMs };
      if (ms < occurrence.untilMs) return this.#joined(occurrence, start);
      endedMs = Math.max(endedMs, occurrence.untilMs);
    }
    return { inForce: false, fromMs: endedMs, untilMs: Number.POSITIVE_INFINITY };
  }

  /** With the occurrences that begin before this one has ended. */
  #joined({ fromMs, untilMs }: Interval, start: number): Stretch {
    let end = untilMs;
    let next = this.#next(start);
    for (let joined = 0; next !== undefined && joined < MAX_JOINED; joined += 1, next = this.#next(next)) {
      const following = this.#stretch(next);
      if (following.fromMs > end) break;
      end = Math.max(end, following.untilMs);
    }
    return { inForce: true, fromMs, untilMs: end };
  }

  #stretch(start: number): Interval {
    return { fromMs: this.#place(start, 'earlier'), untilMs: this.#place(start + this.#lengthMs, 'later') };
  }

  #firstFrom(wall: number): number | undefined {
    if (this.#rule === undefined) return this.#startMs;
    return this.#next(Math.max(wall, this.#startMs) - 1);
  }

  /** The next start on the wall clock after that one. */
  #next(wall: number): number | undefined {
    return this.#rule?.next(new Date(wall), false)?.epochMilliseconds;
  }

  #place(wall: number, disambiguation: 'earlier' | 'later'): number {
    const onTheWall = Temporal.Instant.fromEpochMilliseconds(wall).toZonedDateTimeISO('UTC').toPlainDateTime();
    return onTheWall.toZonedDateTime(this.#timeZone, { disambiguation }).epochMilliseconds;
  }
}

/** `2027-01-04 08:00 Europe/Berlin`; the seconds only where there are some. */
export function momentInWords(ms: number, timeZone: string): string {
  const at = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(timeZone);
  const smallestUnit = at.second === 0 ? 'minute' : 'second';
  return `${at.toPlainDate()} ${at.toPlainTime().toString({ smallestUnit })} ${timeZone}`;
}

function wallMs(text: string): number {
  return Temporal.PlainDateTime.from(text).toZonedDateTime('UTC').epochMilliseconds;
}

const UNTIL = /(^|;)UNTIL=([0-9]{8})(?:T([0-9]{6})(Z?))?(?=;|$)/;

function ruleOf(repeats: string, startMs: number, timeZone: string): RRuleTemporal {
  const dtstart = Temporal.Instant.fromEpochMilliseconds(startMs).toZonedDateTimeISO('UTC');
  return new RRuleTemporal({
    rruleString: untilOnTheWall(repeats, timeZone),
    dtstart,
    temporal: Temporal,
    strict: true,
  });
}

/** An UNTIL in UTC, as RFC 5545 wants it, on the wall clock of the zone; a date lasts to its end. */
function untilOnTheWall(repeats: string, timeZone: string): string {
  return repeats.replace(UNTIL, (_, before: string, date: string, time: string | undefined, zulu: string) => {
    const written = Temporal.PlainDateTime.from(`${date}T${time ?? '235959'}`);
    const wall = zulu === 'Z' ? written.toZonedDateTime('UTC').withTimeZone(timeZone).toPlainDateTime() : written;
    const compact = wall.toString({ smallestUnit: 'second' }).replaceAll(/[-:]/g, '');
    return `${before}UNTIL=${compact}Z`;
  });
}

/** Seconds until then, rounded up; undefined for a time that never comes. */
export function secondsUntil(ms: number, fromMs: number): number | undefined {
  return Number.isFinite(ms) ? Math.ceil((ms - fromMs) / SECOND_MS) : undefined;
}
