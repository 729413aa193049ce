import { Tooltip } from '@mantine/core';
import { useSyncExternalStore } from 'react';
import { exactTime, readTime, relativeTime } from './format.ts';

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
