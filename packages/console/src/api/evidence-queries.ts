/** Reads of evidence. Each key begins with `evidence`. */
import type {
  EvidenceBundle,
  EvidenceKey,
  EvidenceReport,
  EvidenceRows,
  EvidenceSummary,
  Sample,
  SampleItem,
  TieOut,
  TieOutCoverage,
  TieOutDifference,
} from '@hivekey/sdk';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { at, get, getAll, type Query, withQuery } from './client.ts';
import type { List } from './types.ts';

const ROWS = 50;

export interface Instants {
  readonly from: string;
  readonly to: string;
}

export const reportsQuery = queryOptions({
  queryKey: ['evidence', 'reports'],
  queryFn: ({ signal }) => getAll<EvidenceReport>('/v1/evidence/reports', {}, signal),
  staleTime: Number.POSITIVE_INFINITY,
});

export const summaryQuery = (report: string, period: Instants) =>
  queryOptions({
    queryKey: ['evidence', 'summary', report, period],
    queryFn: ({ signal }) => get<EvidenceSummary>(at`/v1/evidence/reports/${report}`, { ...period }, signal),
    staleTime: 60_000,
    retry: false,
  });

export const rowsQuery = (report: string, table: string, period: Instants) =>
  infiniteQueryOptions({
    queryKey: ['evidence', 'rows', report, table, period],
    queryFn: ({ signal, pageParam }) =>
      get<EvidenceRows>(
        at`/v1/evidence/reports/${report}/rows`,
        { ...period, table, limit: ROWS, cursor: pageParam },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor: next }) => next ?? undefined,
    staleTime: 60_000,
    retry: false,
  });

/** Where a table is to be had as a file. */
export function fileOf(report: string, query: Query): string {
  return withQuery(at`/v1/evidence/reports/${report}/file`, query);
}

export const bundlesQuery = queryOptions({
  queryKey: ['evidence', 'bundles'],
  queryFn: ({ signal }) => getAll<EvidenceBundle>('/v1/evidence/bundles', {}, signal),
  // One that is being built is followed.
  refetchInterval: ({ state }) => (state.data?.some(({ status }) => status === 'building') ? 2_000 : false),
});

export const evidenceKeyQuery = queryOptions({
  queryKey: ['evidence', 'key'],
  queryFn: ({ signal }) => get<EvidenceKey>('/v1/evidence/key', {}, signal),
});

export const samplesQuery = queryOptions({
  queryKey: ['evidence', 'samples'],
  queryFn: ({ signal }) => getAll<Sample>('/v1/samples', {}, signal),
});

export const sampleQuery = (id: string) =>
  queryOptions({
    queryKey: ['evidence', 'sample', id],
    queryFn: ({ signal }) => get<Sample>(at`/v1/samples/${id}`, {}, signal),
  });

export const sampleItemsQuery = (id: string) =>
  queryOptions({
    queryKey: ['evidence', 'sample items', id],
    queryFn: async ({ signal }) => (await get<List<SampleItem>>(at`/v1/samples/${id}/items`, {}, signal)).data,
  });

export const tieOutsQuery = queryOptions({
  queryKey: ['evidence', 'tie-outs'],
  queryFn: ({ signal }) => getAll<TieOut>('/v1/tie-outs', {}, signal),
});

export const coverageQuery = (period: Instants) =>
  queryOptions({
    queryKey: ['evidence', 'coverage', period],
    queryFn: async ({ signal }) =>
      (await get<List<TieOutCoverage>>('/v1/tie-outs/coverage', { ...period }, signal)).data,
  });

export const tieOutQuery = (id: string) =>
  queryOptions({
    queryKey: ['evidence', 'tie-out', id],
    queryFn: ({ signal }) => get<TieOut>(at`/v1/tie-outs/${id}`, {}, signal),
  });

export const differencesQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['evidence', 'differences', id],
    queryFn: ({ signal, pageParam }) =>
      get<List<TieOutDifference>>(at`/v1/tie-outs/${id}/differences`, { limit: ROWS, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor: next }) => next ?? undefined,
  });
