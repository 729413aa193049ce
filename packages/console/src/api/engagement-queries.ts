/** Reads of the auditor's room. Each key begins with `engagements`. */
import type {
  Engagement,
  EngagementAccess,
  EngagementNote,
  EngagementRequest,
  EngagementRun,
  EvidenceState,
  Readiness,
  Walkthrough,
} from '@hivekey/sdk';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { whileAttended } from '../app/attended.ts';
import { at, get, getAll } from './client.ts';
import type { List } from './types.ts';

const FRESH_MS = 10_000;

export const engagementsQuery = queryOptions({
  queryKey: ['engagements', 'list'],
  queryFn: ({ signal }) => getAll<Engagement>('/v1/engagements', {}, signal),
});

export const engagementQuery = (id: string) =>
  queryOptions({
    queryKey: ['engagements', 'one', id],
    queryFn: ({ signal }) => get<Engagement>(at`/v1/engagements/${id}`, {}, signal),
    refetchInterval: whileAttended(FRESH_MS),
  });

export const engagementRequestsQuery = (id: string) =>
  queryOptions({
    queryKey: ['engagements', 'requests', id],
    queryFn: ({ signal }) => getAll<EngagementRequest>(at`/v1/engagements/${id}/requests`, {}, signal),
    refetchInterval: whileAttended(FRESH_MS),
  });

export const evidenceStatesQuery = (id: string) =>
  queryOptions({
    queryKey: ['engagements', 'states', id],
    queryFn: ({ signal }) => getAll<EvidenceState>(at`/v1/engagements/${id}/states`, {}, signal),
  });

export const engagementNotesQuery = (id: string) =>
  queryOptions({
    queryKey: ['engagements', 'notes', id],
    queryFn: ({ signal }) => getAll<EngagementNote>(at`/v1/engagements/${id}/notes`, {}, signal),
  });

export const walkthroughQuery = (id: string) =>
  queryOptions({
    queryKey: ['engagements', 'script', id],
    queryFn: ({ signal }) => get<Walkthrough>(at`/v1/engagements/${id}/walkthrough`, {}, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const engagementRunsQuery = (id: string) =>
  queryOptions({
    queryKey: ['engagements', 'runs', id],
    queryFn: ({ signal }) => getAll<EngagementRun>(at`/v1/engagements/${id}/runs`, {}, signal),
  });

export const engagementAccessQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['engagements', 'access', id],
    queryFn: ({ signal, pageParam }) =>
      get<List<EngagementAccess>>(at`/v1/engagements/${id}/access`, { limit: 100, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor: next }) => next ?? undefined,
  });

/** Of the period of an engagement: tested as it is asked for, which takes a while. */
export const readinessOfQuery = ({ period_from: from, period_to: to }: Engagement) =>
  queryOptions({
    queryKey: ['engagements', 'readiness', from, to],
    queryFn: ({ signal }) => get<Readiness>('/v1/readiness', { from, to }, signal),
    staleTime: 300_000,
    retry: false,
  });

/** A record as an auditor is shown it: `masked` points at what is hidden. */
export interface MaskedEvent {
  readonly seq: number;
  readonly event_id: string;
  readonly kind: string;
  readonly ts: string;
  readonly agent?: string;
  readonly owner?: string;
  readonly action?: string;
  readonly verdict?: 'allow' | 'deny' | 'review';
  readonly reason_class?: string;
  readonly reason?: string;
  readonly masked: readonly string[];
}

export const entriesQuery = (verdict: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ['engagements', 'entries', verdict],
    queryFn: ({ signal, pageParam }) =>
      get<List<MaskedEvent>>('/v1/audit/events', { kind: 'tool.call', verdict, limit: 50, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor: next }) => next ?? undefined,
  });

export const entryQuery = (id: string) =>
  queryOptions({
    queryKey: ['engagements', 'entry', id],
    queryFn: ({ signal }) =>
      get<{ readonly event: MaskedEvent; readonly result: MaskedEvent | null }>(at`/v1/audit/events/${id}`, {}, signal),
    retry: false,
  });
