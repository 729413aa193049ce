/** Reads of the log in numbers, and of kept queries. */
import type { AgentActivity, LogFacet, LogHistogram, LogPreset, LogQuery } from '@hivekey/sdk';
import { queryOptions } from '@tanstack/react-query';
import { get, getAll } from './client.ts';
import type { EventFilter } from './types.ts';

/** How often bars and numbers are counted again while somebody looks. */
const FRESH_MS = 30_000;

export const histogramQuery = (filter: EventFilter) =>
  queryOptions({
    queryKey: ['events', 'histogram', filter],
    queryFn: ({ signal }) => get<LogHistogram>('/v1/audit/histogram', { ...filter }, signal),
    staleTime: FRESH_MS,
    // A search that takes too long would take too long again.
    retry: false,
  });

export const facetQuery = (filter: EventFilter, by: LogFacet['by']) =>
  queryOptions({
    queryKey: ['events', 'facet', filter, by],
    queryFn: ({ signal }) => get<LogFacet>('/v1/audit/facets', { ...filter, by, limit: 15 }, signal),
    staleTime: FRESH_MS,
    retry: false,
  });

export const activityQuery = (agent: string, from: string | undefined, to: string | undefined) =>
  queryOptions({
    queryKey: ['events', 'activity', agent, from, to],
    queryFn: ({ signal }) => get<AgentActivity>('/v1/audit/activity', { agent, from, to }, signal),
    staleTime: FRESH_MS,
    retry: false,
  });

export const presetsQuery = queryOptions({
  queryKey: ['saved queries', 'presets'],
  queryFn: ({ signal }) => getAll<LogPreset>('/v1/audit/presets', {}, signal),
  staleTime: Number.POSITIVE_INFINITY,
});

export const savedQueriesQuery = queryOptions({
  queryKey: ['saved queries', 'list'],
  queryFn: ({ signal }) => getAll<LogQuery>('/v1/audit/queries', {}, signal),
});
