/** Reads of changes. Each key begins with `changes`. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { whileAttended } from '../app/attended.ts';
import type {
  Change,
  ChangeComment,
  ChangeSettings,
  ChangeStatus,
  ChangeSummary,
  Drift,
  PolicyCode,
  Preview,
} from './change-types.ts';
import { at, get, getAll } from './client.ts';
import type { List } from './types.ts';

const FRESH_MS = 5_000;
const PREVIEW_MS = 1_000;

export interface ChangeFilter {
  readonly status?: ChangeStatus | undefined;
  readonly waiting?: true | undefined;
  readonly type?: string | undefined;
  readonly object?: string | undefined;
}

export const changesQuery = (filter: ChangeFilter) =>
  infiniteQueryOptions({
    queryKey: ['changes', 'list', filter],
    queryFn: ({ signal, pageParam }) =>
      get<List<ChangeSummary>>('/v1/changes', { ...filter, cursor: pageParam, limit: 50 }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    refetchInterval: whileAttended(FRESH_MS),
  });

export const waitingChangesQuery = queryOptions({
  queryKey: ['changes', 'waiting'],
  queryFn: ({ signal }) => get<List<ChangeSummary>>('/v1/changes', { waiting: true, limit: 50 }, signal),
  refetchInterval: whileAttended(30_000),
});

export const changeQuery = (change: string) =>
  queryOptions({
    queryKey: ['changes', 'one', change],
    queryFn: ({ signal }) => get<Change>(at`/v1/changes/${change}`, {}, signal),
    refetchInterval: whileAttended(FRESH_MS),
  });

/** Read again while the log is being replayed. */
export const changePreviewQuery = (change: string, preview: string | undefined) =>
  queryOptions({
    queryKey: ['changes', 'preview', change, preview],
    queryFn: ({ signal }) => get<Preview>(at`/v1/changes/${change}/preview`, {}, signal),
    enabled: preview !== undefined,
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? PREVIEW_MS : false),
  });

export const changeCommentsQuery = (change: string) =>
  queryOptions({
    queryKey: ['changes', 'comments', change],
    queryFn: ({ signal }) => getAll<ChangeComment>(at`/v1/changes/${change}/comments`, {}, signal),
    refetchInterval: whileAttended(FRESH_MS),
  });

export const driftQuery = queryOptions({
  queryKey: ['changes', 'drift'],
  queryFn: ({ signal }) => get<Drift>('/v1/drift', {}, signal),
  refetchInterval: whileAttended(30_000),
});

export const policyCodeQuery = queryOptions({
  queryKey: ['changes', 'code'],
  queryFn: ({ signal }) => get<PolicyCode>('/v1/policy-code', {}, signal),
});

export const changeSettingsQuery = queryOptions({
  queryKey: ['changes', 'settings'],
  queryFn: ({ signal }) => get<ChangeSettings>('/v1/change-settings', {}, signal),
});
