/** Reads of alerts. Each key begins with `alerts`. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { whileAttended } from '../app/attended.ts';
import type { Alert, AlertCase, AlertDetail, AlertSettings, AlertSummary, Severity } from './alert-types.ts';
import { at, get } from './client.ts';
import type { List } from './types.ts';

const FRESH_MS = 5_000;

export interface AlertFilter {
  readonly unclosed?: true | undefined;
  readonly overdue?: true | undefined;
  readonly severity?: Severity | undefined;
  readonly source?: string | undefined;
  readonly rule?: string | undefined;
  readonly subject?: string | undefined;
  readonly assignee?: string | undefined;
  readonly case?: string | undefined;
  readonly incident?: string | undefined;
  readonly synthetic?: 'exclude' | 'only' | 'include' | undefined;
  readonly q?: string | undefined;
}

export const alertsQuery = (filter: AlertFilter) =>
  infiniteQueryOptions({
    queryKey: ['alerts', 'list', filter],
    queryFn: ({ signal, pageParam }) =>
      get<List<Alert>>('/v1/alerts', { ...filter, cursor: pageParam, limit: 50 }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    refetchInterval: whileAttended(FRESH_MS),
  });

export const alertSummaryQuery = queryOptions({
  queryKey: ['alerts', 'summary'],
  queryFn: ({ signal }) => get<AlertSummary>('/v1/alerts/summary', {}, signal),
  refetchInterval: whileAttended(15_000),
});

export const alertQuery = (id: string) =>
  queryOptions({
    queryKey: ['alerts', 'one', id],
    queryFn: ({ signal }) => get<AlertDetail>(at`/v1/alerts/${id}`, {}, signal),
    refetchInterval: whileAttended(FRESH_MS),
  });

export const alertCasesQuery = (unclosed: true | undefined) =>
  infiniteQueryOptions({
    queryKey: ['alerts', 'cases', unclosed],
    queryFn: ({ signal, pageParam }) =>
      get<List<AlertCase>>('/v1/alert-cases', { unclosed, cursor: pageParam, limit: 50 }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    refetchInterval: whileAttended(FRESH_MS),
  });

export const alertSettingsQuery = queryOptions({
  queryKey: ['alerts', 'settings'],
  queryFn: ({ signal }) => get<AlertSettings>('/v1/alert-settings', {}, signal),
});
