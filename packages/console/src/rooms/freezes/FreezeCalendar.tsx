import { ActionIcon, Button } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { freezeTimesQuery } from '../../api/queries.ts';
import { ErrorNotice } from '../../ui/Notice.tsx';
import { Section } from '../../ui/Page.tsx';
import { useNow } from '../../ui/Time.tsx';
import { zonedTime } from './freeze-file.ts';
import classes from './freezes.module.css';
import { type Bar, barsOf, monthOf, monthText, otherMonth, type Week, weeksOf } from './month.ts';

const route = getRouteApi('/in/freezes');
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const MONTH = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric' });
const WEEKDAY = new Intl.DateTimeFormat('en-GB', { weekday: 'short' });

/** A month of freezes, on the clock of this browser. */
export function FreezeCalendar() {
  const { month: asked } = route.useSearch();
  const navigate = route.useNavigate();
  const today = new Date(Math.max(useNow(), Date.now()));
  const month = monthOf(asked) ?? otherMonth(today, 0);
  const weeks = weeksOf(month);
  const {
    data = [],
    error,
    refetch,
  } = useQuery(freezeTimesQuery(seconds(weeks[0]?.days[0]), seconds(weeks.at(-1)?.end)));
  const turn = (to: Date) => void navigate({ search: (old) => ({ ...old, month: monthText(to) }), replace: true });
  return (
    <Section
      title={MONTH.format(month)}
      aside={
        <div className={classes.turn}>
          <span className="muted">{ZONE}</span>
          <Button variant="default" size="compact-sm" onClick={() => turn(today)}>
            Today
          </Button>
          <ActionIcon variant="default" aria-label="Month before" onClick={() => turn(otherMonth(month, -1))}>
            <IconChevronLeft size={16} aria-hidden />
          </ActionIcon>
          <ActionIcon variant="default" aria-label="Month after" onClick={() => turn(otherMonth(month, 1))}>
            <IconChevronRight size={16} aria-hidden />
          </ActionIcon>
        </div>
      }
    >
      {error === null ? null : <ErrorNotice error={error} retry={() => void refetch()} />}
      <div>
        <div className={classes.weekdays} aria-hidden>
          {weeks[0]?.days.map((day) => (
            <span key={day.getTime()}>{WEEKDAY.format(day)}</span>
          ))}
        </div>
        {weeks.map((week) => (
          <WeekRow key={week.end.getTime()} week={week} month={month} today={today} bars={barsOf(week, data)} />
        ))}
      </div>
    </Section>
  );
}

function WeekRow({
  week,
  month,
  today,
  bars,
}: {
  readonly week: Week;
  readonly month: Date;
  readonly today: Date;
  readonly bars: readonly Bar[];
}) {
  return (
    <div className={classes.week}>
      {week.days.map((day, column) => (
        <div
          key={day.getTime()}
          className={classes.day}
          style={{ gridColumn: column + 1 }}
          data-other={day.getMonth() !== month.getMonth()}
        >
          <time dateTime={localDay(day)} aria-current={isSame(day, today) ? 'date' : undefined}>
            {day.getDate()}
          </time>
        </div>
      ))}
      {bars.map(({ time, first, last, line, fromBefore, goesOn }) => (
        <Link
          key={`${time.freeze} ${time.starts_at}`}
          to="/freezes"
          search={(old) => ({ ...old, freeze: time.freeze })}
          className={classes.bar}
          style={{ gridColumn: `${first + 1} / ${last + 2}`, gridRow: line + 2 }}
          data-before={fromBefore}
          data-on={goesOn}
          title={`${time.freeze}, ${spanText(time.starts_at, time.ends_at)}`}
        >
          {time.freeze}
        </Link>
      ))}
    </div>
  );
}

function spanText(from: number | null, to: number | null): string {
  return `${from === null ? 'since long ago' : zonedTime(from, ZONE)} to ${to === null ? 'no end' : zonedTime(to, ZONE)}`;
}

function seconds(date: Date | undefined): number {
  return Math.floor((date?.getTime() ?? 0) / 1000);
}

function isSame(a: Date, b: Date): boolean {
  return localDay(a) === localDay(b);
}

function localDay(date: Date): string {
  return `${monthText(date)}-${String(date.getDate()).padStart(2, '0')}`;
}
