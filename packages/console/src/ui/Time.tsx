import { Tooltip } from '@mantine/core';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { countdown, exactTime, localTime, readTime, relativeTime } from './format.ts';

/** One clock for all times on the page, so that they change together. */
const TICK_MS = 10_000;
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** How long ago, with the exact time on hover. `value`: epoch seconds or ISO 8601. */
export function Time({ value, absent = '—' }: { readonly value: number | string | null; readonly absent?: string }) {
  const nowMs = Math.max(useNow(), now);
  const date = value === null ? undefined : readTime(value);
  if (date === undefined) return <span className="muted">{absent}</span>;
  return (
    <Tooltip label={exactTime(date)}>
      <time dateTime={date.toISOString()} className="num">
        {relativeTime(date, Math.max(nowMs, Date.now() - TICK_MS))}
      </time>
    </Tooltip>
  );
}

/** Date and time, for whom how long ago is not enough; UTC on hover. `value`: epoch seconds or ISO 8601. */
export function Moment({ value, absent = '—' }: { readonly value: number | string | null; readonly absent?: string }) {
  const date = value === null ? undefined : readTime(value);
  if (date === undefined) return <span className="muted">{absent}</span>;
  return (
    <time dateTime={date.toISOString()} title={date.toISOString()} className="num">
      {localTime(date)}
    </time>
  );
}

/** What is left until `until` (epoch seconds), counting down each second. */
export function Countdown({ until, over }: { readonly until: number; readonly over: string }) {
  const [left, setLeft] = useState(() => until - Date.now() / 1000);
  useEffect(() => {
    const read = () => setLeft(until - Date.now() / 1000);
    read();
    const timer = setInterval(read, 1_000);
    return () => clearInterval(timer);
  }, [until]);
  const date = new Date(until * 1000);
  return (
    <Tooltip label={exactTime(date)}>
      <time dateTime={date.toISOString()} className="num">
        {left > 0 ? countdown(left) : over}
      </time>
    </Tooltip>
  );
}
