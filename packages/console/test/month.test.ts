import { describe, expect, it } from 'vitest';
import { barsOf, monthOf, monthText, otherMonth, type Week, weeksOf } from '../src/rooms/freezes/month.ts';

const seconds = (date: Date) => date.getTime() / 1000;
const on = (day: number, hour = 0) => seconds(new Date(2026, 10, day, hour));
const freeze = (name: string, starts_at: number | null, ends_at: number | null) => ({
  freeze: name,
  starts_at,
  ends_at,
});

/** That with Monday 9 November 2026. */
function week(): Week {
  const found = weeksOf(new Date(2026, 10, 1)).find(({ days }) => days[0]?.getDate() === 9);
  if (found === undefined) throw new Error('there is no such week');
  return found;
}

describe('a month', () => {
  it('is whole weeks from Monday', () => {
    const weeks = weeksOf(new Date(2026, 10, 1));
    expect(weeks.map(({ days }) => days[0]?.getDate())).toEqual([26, 2, 9, 16, 23, 30]);
    expect(weeks.every(({ days }) => days.length === 7 && days[0]?.getDay() === 1)).toBe(true);
    expect(weeks.at(-1)?.end).toEqual(new Date(2026, 11, 7));
    expect(weeksOf(new Date(2027, 1, 1))).toHaveLength(4);
  });

  it('reads and writes its name, over the turn of a year', () => {
    expect(monthText(otherMonth(new Date(2026, 11, 1), 1))).toBe('2027-01');
    expect(monthOf('2027-01')).toEqual(new Date(2027, 0, 1));
    for (const wrong of [undefined, '', '2027-13', '2027-1', 'x']) expect(monthOf(wrong)).toBeUndefined();
  });
});

describe('bars of a week', () => {
  it('lie on the days that the time touches; midnight ends the day before', () => {
    const [bar] = barsOf(week(), [freeze('a', on(10, 22), on(12))]);
    expect(bar).toMatchObject({ first: 1, last: 2, line: 0, fromBefore: false, goesOn: false });
  });

  it('are cut where the time begins before or goes on', () => {
    const bars = barsOf(week(), [
      freeze('a', null, null),
      freeze('b', on(1), on(9, 1)),
      freeze('c', on(15, 23), on(17)),
    ]);
    expect(bars).toMatchObject([
      { first: 0, last: 6, fromBefore: true, goesOn: true },
      { first: 0, last: 0, fromBefore: true, goesOn: false },
      { first: 6, last: 6, fromBefore: false, goesOn: true },
    ]);
  });

  it('do not meet on one line', () => {
    const times = [freeze('a', on(9), on(11)), freeze('b', on(10), on(12)), freeze('c', on(11), on(13))];
    expect(barsOf(week(), times).map(({ line }) => line)).toEqual([0, 1, 0]);
  });

  it('are none of what ends before the week or begins after it', () => {
    expect(barsOf(week(), [freeze('a', on(2), on(9)), freeze('b', on(16), on(18))])).toEqual([]);
  });
});
