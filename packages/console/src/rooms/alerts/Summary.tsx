import { type AlertSummary, SEVERITIES } from '../../api/alert-types.ts';
import { count, duration, plural } from '../../ui/format.ts';
import classes from './alerts.module.css';
import { DISPOSITIONS } from './marks.tsx';

/** What waits, what is late, and how fast people were in the last days. */
export function Summary({ summary }: { readonly summary: AlertSummary }) {
  const { unclosed, overdue_acknowledge: lateStart, overdue_close: lateEnd, opened, days, dispositions } = summary;
  const waiting = [...SEVERITIES].reverse().filter((each) => unclosed[each] > 0);
  const judged = Object.entries(DISPOSITIONS).flatMap(([key, words]) => {
    const number = dispositions[key as keyof typeof dispositions] ?? 0;
    return number === 0 ? [] : [`${count(number)} ${words}`];
  });
  return (
    <dl className={classes.summary}>
      <div>
        <dt>To look at</dt>
        <dd>{waiting.length === 0 ? 'none' : waiting.map((each) => `${count(unclosed[each])} ${each}`).join(' · ')}</dd>
      </div>
      <div data-bad={lateStart + lateEnd > 0}>
        <dt>Overdue</dt>
        <dd>
          {lateStart + lateEnd === 0
            ? 'none'
            : `${plural(lateStart, 'acknowledgement')} · ${plural(lateEnd, 'closure')}`}
        </dd>
      </div>
      <div>
        <dt>Opened in {days} days</dt>
        <dd>{count(opened)}</dd>
      </div>
      <div>
        <dt>Judged</dt>
        <dd>{judged.length === 0 ? 'none yet' : judged.join(' · ')}</dd>
      </div>
      <div>
        <dt>Median until acknowledged</dt>
        <dd>{time(summary.median_acknowledge_seconds)}</dd>
      </div>
      <div>
        <dt>Median until closed</dt>
        <dd>{time(summary.median_close_seconds)}</dd>
      </div>
    </dl>
  );
}

function time(seconds: number | null): string {
  return seconds === null ? 'nothing to measure' : duration(seconds);
}
