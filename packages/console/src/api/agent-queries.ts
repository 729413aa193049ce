/** What the rooms read of how agents come about, who answers for them, and of credentials. Keys as in queries.ts. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { whileAttended } from '../app/attended.ts';
import type {
  AgentRequest,
  AgentSettings,
  AgentVersion,
  Authority,
  BrowserSignInSettings,
  ConnectionRequest,
  Credential,
  EncryptionKeys,
  FullTransferTask,
  OAuthClient,
  Orphan,
  Ownership,
  OwnershipSettings,
  OwnershipTransfer,
  RequestStatus,
  StoredSecret,
  TransferTask,
  UnregisteredIdentity,
  WorkloadIssuer,
} from './agent-types.ts';
import { at, get, getAll } from './client.ts';
import type { List } from './types.ts';

const nextPage = <T>(page: List<T>): string | undefined =>
  page.has_more ? (page.next_cursor ?? undefined) : undefined;
const fromTheStart = undefined as string | undefined;

/** Requests without an answer; the newest, as far as a count is drawn. */
export const waitingRequestsQuery = queryOptions({
  queryKey: ['agents', 'requests', 'waiting'],
  queryFn: ({ signal }) => get<List<AgentRequest>>('/v1/agent-requests', { status: 'requested', limit: 100 }, signal),
  refetchInterval: whileAttended(10_000),
});

export function requestsQuery(status: RequestStatus | undefined) {
  return infiniteQueryOptions({
    queryKey: ['agents', 'requests', 'list', status],
    queryFn: ({ pageParam, signal }) =>
      get<List<AgentRequest>>('/v1/agent-requests', { status, limit: 100, cursor: pageParam }, signal),
    initialPageParam: fromTheStart,
    getNextPageParam: nextPage,
    placeholderData: keepPreviousData,
    refetchInterval: whileAttended(10_000),
  });
}

export function requestQuery(id: string) {
  const interval = whileAttended(5_000);
  return queryOptions({
    queryKey: ['agents', 'requests', 'one', id],
    queryFn: ({ signal }) => get<AgentRequest>(at`/v1/agent-requests/${id}`, {}, signal),
    refetchInterval: (query) => (query.state.data?.status === 'requested' ? interval() : false),
  });
}

export const agentSettingsQuery = queryOptions({
  queryKey: ['agents', 'settings'],
  queryFn: ({ signal }) => get<AgentSettings>('/v1/agent-settings', {}, signal),
});

export function versionsQuery(agent: string) {
  return infiniteQueryOptions({
    queryKey: ['agents', 'versions', agent],
    queryFn: ({ pageParam, signal }) =>
      get<List<AgentVersion>>(at`/v1/agents/${agent}/versions`, { limit: 50, cursor: pageParam }, signal),
    initialPageParam: fromTheStart,
    getNextPageParam: nextPage,
  });
}

/** `instant`: ISO 8601; now when absent. */
export function authorityQuery(agent: string, instant: string | undefined) {
  return queryOptions({
    queryKey: ['agents', 'authority', agent, instant],
    queryFn: ({ signal }) => get<Authority>(at`/v1/agents/${agent}/authority`, { at: instant }, signal),
    placeholderData: keepPreviousData,
  });
}

export function unregisteredQuery(dismissed: boolean) {
  return infiniteQueryOptions({
    queryKey: ['agents', 'unregistered', dismissed],
    queryFn: ({ pageParam, signal }) =>
      get<List<UnregisteredIdentity>>(
        '/v1/unregistered-identities',
        { dismissed, limit: 100, cursor: pageParam },
        signal,
      ),
    initialPageParam: fromTheStart,
    getNextPageParam: nextPage,
    refetchInterval: whileAttended(10_000),
  });
}

export function ownershipQuery(agent: string) {
  return queryOptions({
    queryKey: ['agents', 'ownership', agent],
    queryFn: ({ signal }) => get<Ownership>(at`/v1/agents/${agent}/ownership`, {}, signal),
  });
}

export const ownershipSettingsQuery = queryOptions({
  queryKey: ['agents', 'ownership settings'],
  queryFn: ({ signal }) => get<OwnershipSettings>('/v1/ownership-settings', {}, signal),
});

/** Offers without an answer, to one person. */
export function offersToQuery(person: string) {
  return queryOptions({
    queryKey: ['agents', 'offers', person],
    queryFn: ({ signal }) =>
      getAll<OwnershipTransfer>('/v1/ownership-transfers', { to: person, status: 'proposed' }, signal),
    refetchInterval: whileAttended(15_000),
  });
}

/** Offers without an answer, to anybody. */
export const openOffersQuery = queryOptions({
  queryKey: ['agents', 'offers', 'open'],
  queryFn: ({ signal }) => getAll<OwnershipTransfer>('/v1/ownership-transfers', { status: 'proposed' }, signal),
  refetchInterval: whileAttended(15_000),
});

/** Tasks with agents that wait; as far as a count is drawn. */
export const openTasksQuery = queryOptions({
  queryKey: ['agents', 'tasks', 'open'],
  queryFn: ({ signal }) => get<List<TransferTask>>('/v1/transfer-tasks', { status: 'open', limit: 100 }, signal),
  refetchInterval: whileAttended(15_000),
});

export const tasksQuery = infiniteQueryOptions({
  queryKey: ['agents', 'tasks', 'list'],
  queryFn: ({ pageParam, signal }) =>
    get<List<TransferTask>>('/v1/transfer-tasks', { limit: 50, cursor: pageParam }, signal),
  initialPageParam: fromTheStart,
  getNextPageParam: nextPage,
  refetchInterval: whileAttended(15_000),
});

export function taskQuery(id: string) {
  const interval = whileAttended(5_000);
  return queryOptions({
    queryKey: ['agents', 'tasks', 'one', id],
    queryFn: ({ signal }) => get<FullTransferTask>(at`/v1/transfer-tasks/${id}`, {}, signal),
    refetchInterval: (query) => (query.state.data?.status === 'open' ? interval() : false),
  });
}

export const orphansQuery = queryOptions({
  queryKey: ['agents', 'orphans'],
  queryFn: ({ signal }) => getAll<Orphan>('/v1/orphans', {}, signal),
});

/** With which agents can reach it. */
export function secretQuery(name: string) {
  return queryOptions({
    queryKey: ['secrets', 'one', name],
    queryFn: ({ signal }) => get<StoredSecret>(at`/v1/secrets/${name}`, {}, signal),
  });
}

export const encryptionKeysQuery = queryOptions({
  queryKey: ['secrets', 'keys'],
  queryFn: ({ signal }) => get<EncryptionKeys>('/v1/secrets/keys', {}, signal),
  refetchInterval: (query) => (query.state.data?.rewrap?.state === 'running' ? 1_000 : false),
});

/** Tokens, keys, federation rules and connections, the newest first, dead ones too. */
export function credentialsQuery(agent: string) {
  return queryOptions({
    queryKey: ['credentials', 'of', agent],
    queryFn: async ({ signal }) => (await get<List<Credential>>(at`/v1/agents/${agent}/credentials`, {}, signal)).data,
  });
}

export const workloadIssuersQuery = queryOptions({
  queryKey: ['credentials', 'issuers'],
  queryFn: async ({ signal }) => (await get<List<WorkloadIssuer>>('/v1/workload-issuers', {}, signal)).data,
});

export const oauthClientsQuery = queryOptions({
  queryKey: ['credentials', 'clients'],
  queryFn: async ({ signal }) => (await get<List<OAuthClient>>('/v1/oauth-clients', {}, signal)).data,
});

export const browserSignInSettingsQuery = queryOptions({
  queryKey: ['credentials', 'browser sign-in'],
  queryFn: ({ signal }) => get<BrowserSignInSettings>('/v1/browser-sign-in-settings', {}, signal),
});

/** It waits for one answer, and is asked for once. */
export function connectionRequestQuery(id: string) {
  return queryOptions({
    queryKey: ['connection request', id],
    queryFn: ({ signal }) => get<ConnectionRequest>(at`/v1/connection-requests/${id}`, {}, signal),
    retry: false,
    refetchOnWindowFocus: false,
  });
}
