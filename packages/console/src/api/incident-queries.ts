/** Reads of incidents. Each key begins with `incidents`. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { whileAttended } from '../app/attended.ts';
import type { Incident, IncidentDetail, IncidentTimeline } from './alert-types.ts';
import { at, get } from './client.ts';
import type { List } from './types.ts';

const FRESH_MS = 5_000;

export const incidentsQuery = infiniteQueryOptions({
  queryKey: ['incidents', 'list'],
  queryFn: ({ signal, pageParam }) =>
    get<List<Incident>>('/v1/incidents', { synthetic: 'include', cursor: pageParam, limit: 50 }, signal),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  refetchInterval: whileAttended(FRESH_MS),
});

export const incidentQuery = (id: string) =>
  queryOptions({
    queryKey: ['incidents', 'one', id],
    queryFn: ({ signal }) => get<IncidentDetail>(at`/v1/incidents/${id}`, {}, signal),
    refetchInterval: whileAttended(FRESH_MS),
  });

export const incidentTimelineQuery = (id: string) =>
  queryOptions({
    queryKey: ['incidents', 'timeline', id],
    queryFn: ({ signal }) => get<IncidentTimeline>(at`/v1/incidents/${id}/timeline`, {}, signal),
    refetchInterval: whileAttended(FRESH_MS),
  });
