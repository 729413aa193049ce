/** Reads of readiness. Each key begins with `readiness`. */
import type {
  ControlExemption,
  Deficiency,
  Readiness,
  ReadinessControl,
  ReadinessRun,
  SegregationSet,
} from '@hivekey/sdk';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { at, get, getAll } from './client.ts';
import type { List } from './types.ts';

const RUNS = 30;
const DEVIATIONS = 50;

export interface ReadinessPeriod {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** The newest run without a period; with one it is tested for this answer, which takes a while. */
export const readinessQuery = (period: ReadinessPeriod) =>
  queryOptions({
    queryKey: ['readiness', 'state', period],
    queryFn: ({ signal }) => get<Readiness>('/v1/readiness', { ...period }, signal),
    staleTime: 60_000,
    retry: false,
  });

export const controlQuery = (id: string, period: ReadinessPeriod) =>
  infiniteQueryOptions({
    queryKey: ['readiness', 'control', id, period],
    queryFn: ({ signal, pageParam }) =>
      get<ReadinessControl>(
        at`/v1/readiness/controls/${id}`,
        { ...period, limit: DEVIATIONS, cursor: pageParam },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor: next }) => next ?? undefined,
    staleTime: 60_000,
    retry: false,
  });

/** The newest ones. */
export const runsQuery = queryOptions({
  queryKey: ['readiness', 'runs'],
  queryFn: async ({ signal }) => (await get<List<ReadinessRun>>('/v1/readiness/runs', { limit: RUNS }, signal)).data,
});

export const deficienciesQuery = (filter: { readonly control?: string; readonly status?: 'open' | 'closed' } = {}) =>
  queryOptions({
    queryKey: ['readiness', 'deficiencies', filter],
    queryFn: ({ signal }) => getAll<Deficiency>('/v1/deficiencies', { ...filter }, signal),
  });

export const exemptionsQuery = queryOptions({
  queryKey: ['readiness', 'exemptions'],
  queryFn: ({ signal }) => getAll<ControlExemption>('/v1/readiness/not-applicable', {}, signal),
});

export const dutiesQuery = queryOptions({
  queryKey: ['readiness', 'duties'],
  queryFn: async ({ signal }) => (await get<List<SegregationSet>>('/v1/segregation', {}, signal)).data,
});
