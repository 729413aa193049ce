import { Skeleton } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useEffect, useRef } from 'react';
import type { LogEvent } from '../../api/types.ts';
import { rowLink } from '../../ui/DataTable.tsx';
import { clockTime, exactTime, readTime } from '../../ui/format.ts';
import { useNow } from '../../ui/Time.tsx';
import { VerdictMark } from '../../ui/Verdict.tsx';
import classes from './log.module.css';
import { summaryOf } from './matches.ts';
import type { LiveEvents } from './use-live-events.ts';

const ROW = 34;
const OVERSCAN = 12;
/** Older events are loaded when fewer rows than this are left below. */
const NEAR_END = 20;
const SKELETONS = Array.from({ length: 12 }, (_, i) => `bar ${i}`);

/** The stream as a table. Only the rows in view are in the document; arrows move between them. */
export function EventRows({
  log,
  onTop,
  opened,
}: {
  readonly log: LiveEvents;
  readonly onTop: (atTop: boolean) => void;
  readonly opened: string | undefined;
}) {
  const { events, outcomeOf, hasOlder, isLoadingOlder, loadOlder } = log;
  const scroller = useRef<HTMLDivElement>(null);
  const nowMs = useNow();
  const rows = useVirtualizer({
    count: events?.length ?? 0,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => events?.[index]?.seq ?? index,
    estimateSize: () => ROW,
    overscan: OVERSCAN,
  });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  const isNearEnd = events !== undefined && last >= events.length - NEAR_END;
  useEffect(() => {
    if (isNearEnd && hasOlder && !isLoadingOlder) loadOlder();
  }, [isNearEnd, hasOlder, isLoadingOlder, loadOlder]);

  function onKeyDown(event: KeyboardEvent): void {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const row = document.activeElement?.closest('[data-index]')?.getAttribute('data-index');
    if (step === 0 || row === null || row === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(Number(row) + step, (events?.length ?? 1) - 1));
    rows.scrollToIndex(next);
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-index="${next}"] a`)?.focus({ preventScroll: true }),
    );
  }
  return (
    // Arrow keys move between the links of the rows, which take the focus themselves.
    <div
      id="log-rows"
      ref={scroller}
      className={classes.table}
      role="table"
      aria-label="Events, newest first"
      aria-rowcount={hasOlder ? -1 : (events?.length ?? 0) + 1}
      aria-busy={events === undefined}
      onKeyDown={onKeyDown}
      onScroll={({ currentTarget }) => onTop(currentTarget.scrollTop < ROW)}
    >
      <div role="rowgroup" className={classes.headGroup}>
        <div role="row" className={classes.head}>
          <span role="columnheader">Time</span>
          <span role="columnheader">Agent</span>
          <span role="columnheader">Action</span>
          <span role="columnheader">Verdict</span>
          <span role="columnheader">Reason</span>
          <span role="columnheader">Outcome</span>
          <span role="columnheader" className={classes.end}>
            Latency
          </span>
        </div>
      </div>
      {events === undefined ? (
        SKELETONS.map((key) => (
          <div key={key} className={classes.skeleton}>
            <Skeleton height={12} />
          </div>
        ))
      ) : (
        <div role="rowgroup" style={{ height: rows.getTotalSize(), position: 'relative' }}>
          {shown.map(({ index, start }) => {
            const event = events[index];
            return event === undefined ? null : (
              <Row
                key={event.seq}
                event={event}
                outcome={outcomeOf(event)}
                index={index}
                top={start}
                nowMs={nowMs}
                isOpen={event.event_id === opened}
              />
            );
          })}
        </div>
      )}
    </div>
  );
}

function Row({
  event,
  outcome,
  index,
  top,
  nowMs,
  isOpen,
}: {
  readonly event: LogEvent;
  readonly outcome: string | null;
  readonly index: number;
  readonly top: number;
  readonly nowMs: number;
  readonly isOpen: boolean;
}) {
  const date = readTime(event.ts);
  const isCall = event.kind === 'tool.call';
  const text = isCall ? (event.reason ?? '') : summaryOf(event);
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      data-index={index}
      data-open={isOpen}
      className={classes.row}
      style={{ top, height: ROW }}
    >
      <span role="cell" className="num mono" title={date === undefined ? event.ts : exactTime(date)}>
        {date === undefined ? event.ts : clockTime(date, nowMs)}
      </span>
      <span role="cell" className="truncate" title={event.owner === undefined ? '' : `owner: ${event.owner}`}>
        {event.agent ?? <span className="muted">{event.actor ?? 'system'}</span>}
      </span>
      <span role="cell" className="truncate">
        <Link
          to="/log"
          search={(old) => ({ ...old, event: event.event_id })}
          className={`${rowLink} mono`}
          title={event.action ?? event.kind}
        >
          {isCall ? (event.action ?? event.kind) : event.kind}
        </Link>
      </span>
      <span role="cell">
        {event.verdict === undefined ? null : <VerdictMark verdict={event.verdict} reasonClass={event.reason_class} />}
      </span>
      <span role="cell" className="truncate" title={text}>
        {text}
      </span>
      <span role="cell" className={outcome === 'error' || outcome === 'unknown' ? classes.bad : 'muted'}>
        {isCall ? outcomeWords(outcome) : ''}
      </span>
      <span role="cell" className={`${classes.end} num muted`}>
        {event.latency_ms === undefined ? '' : `${event.latency_ms} ms`}
      </span>
    </div>
  );
}

function outcomeWords(outcome: string | null): string {
  switch (outcome) {
    case null:
      return 'in flight';
    case 'not_attempted':
      return 'not run';
    default:
      return outcome;
  }
}
