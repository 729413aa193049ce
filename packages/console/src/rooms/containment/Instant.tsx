import { clockTime, readTime } from '../../ui/format.ts';

/** A moment of a receipt, to the millisecond. */
export function Instant({ at, absent = 'not measured' }: { readonly at: string | null; readonly absent?: string }) {
  const date = at === null ? undefined : readTime(at);
  return date === undefined ? (
    <span className="muted">{absent}</span>
  ) : (
    <time dateTime={date.toISOString()} className="num" title={date.toISOString()}>
      {clockTime(date, Date.now())}
    </time>
  );
}
