/** A month as weeks of days, and where the times of freezes lie on them. Pure; days are those of the browser's time zone. */
import type { FreezeTime } from '../../api/types.ts';

const DAYS = 7;

export interface Week {
  /** Midnights, from Monday. */
  readonly days: readonly Date[];
  /** Midnight after the last day. */
  readonly end: Date;
}

/** Part of the time of a freeze that lies in one week. */
export interface Bar {
  readonly time: FreezeTime;
  /** Columns, from 0; both included. */
  readonly first: number;
  readonly last: number;
  /** Line below the dates, from 0: bars of one line do not meet. */
  readonly line: number;
  /** It goes on beyond the week. */
  readonly fromBefore: boolean;
  readonly goesOn: boolean;
}

/** `2026-11` → the first of it; undefined for what is no month. */
export function monthOf(text: string | undefined): Date | undefined {
  const [, year, month] = /^([0-9]{4})-(0[1-9]|1[0-2])$/.exec(text ?? '') ?? [];
  return year === undefined ? undefined : new Date(Number(year), Number(month) - 1, 1);
}

export function monthText(date: Date): string {
  return `${String(date.getFullYear()).padStart(4, '0')}-${String(date.getMonth() + 1).padStart(2, '0')}`;
}

export function otherMonth(month: Date, by: number): Date {
  return new Date(month.getFullYear(), month.getMonth() + by, 1);
}

/** Whole weeks, Monday first, with the days of the months before and after that they share. */
export function weeksOf(month: Date): readonly Week[] {
  const [year, index] = [month.getFullYear(), month.getMonth()];
  const before = (month.getDay() + DAYS - 1) % DAYS;
  const inMonth = new Date(year, index + 1, 0).getDate();
  // Counted in days of the calendar: a day on which the clocks change has no 24 hours.
  const day = (n: number) => new Date(year, index, 1 - before + n);
  return Array.from({ length: Math.ceil((before + inMonth) / DAYS) }, (_, week) => ({
    days: Array.from({ length: DAYS }, (_, n) => day(week * DAYS + n)),
    end: day((week + 1) * DAYS),
  }));
}

/** `times` by their beginning. */
export function barsOf({ days, end }: Week, times: readonly FreezeTime[]): readonly Bar[] {
  const bars: Bar[] = [];
  const lineEnds: number[] = [];
  for (const time of times) {
    const startMs = (time.starts_at ?? Number.NEGATIVE_INFINITY) * 1000;
    const endMs = (time.ends_at ?? Number.POSITIVE_INFINITY) * 1000;
    const first = days.findLastIndex((day) => day.getTime() <= startMs);
    const last = days.findLastIndex((day) => day.getTime() < endMs);
    if (startMs >= end.getTime() || last === -1) continue;
    const from = Math.max(first, 0);
    const free = lineEnds.findIndex((column) => column < from);
    const line = free === -1 ? lineEnds.length : free;
    lineEnds[line] = last;
    bars.push({ time, first: from, last, line, fromBefore: first === -1, goesOn: endMs > end.getTime() });
  }
  return bars;
}
