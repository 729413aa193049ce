/** Reads of blast radii. Keys begin with `radius`. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { get } from './client.ts';
import type { AgentBlastRadius, BlastRadius, Proposals, RadiusLine } from './radius-types.ts';
import type { List } from './types.ts';

export interface Whose {
  readonly agent?: string;
  readonly role?: string;
  readonly owner?: string;
}

export const radiusQuery = (whose: Whose) =>
  queryOptions({
    queryKey: ['radius', 'one', whose],
    queryFn: ({ signal }) => get<BlastRadius>('/v1/blast-radius', { ...whose }, signal),
  });

export const fleetRadiusQuery = (horizon: string, line: RadiusLine) =>
  infiniteQueryOptions({
    queryKey: ['radius', 'fleet', horizon, line],
    queryFn: ({ signal, pageParam }) =>
      get<List<AgentBlastRadius>>('/v1/blast-radius/agents', { horizon, line, cursor: pageParam, limit: 50 }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });

export const proposalsQuery = (days: number) =>
  queryOptions({
    queryKey: ['radius', 'proposals', days],
    queryFn: ({ signal }) => get<Proposals>('/v1/least-privilege/proposals', { days, limit: 200 }, signal),
  });
