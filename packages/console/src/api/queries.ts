/** What the rooms read, each with its cache key. Keys begin with the name of the thing, so that a change can drop all of it. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { whileAttended } from '../app/attended.ts';
import { at, get, getAll, setCsrfToken } from './client.ts';
import { ApiError } from './problem.ts';
import type {
  AdminKey,
  Agent,
  AgentToken,
  Approval,
  Budget,
  Capability,
  Containment,
  EventDetail,
  EventProof,
  Freeze,
  FreezeOverride,
  FullApproval,
  Guard,
  HttpApi,
  HttpOperation,
  List,
  Matrix,
  McpDefinition,
  McpServer,
  Person,
  Role,
  Session,
  UpstreamSecret,
  VisibleTool,
} from './types.ts';

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      const session = await get<Session>('/v1/session', {}, signal);
      setCsrfToken(session.csrf_token);
      return session;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: Number.POSITIVE_INFINITY,
});

export interface AgentFilter {
  readonly status?: string | undefined;
  readonly role?: string | undefined;
  readonly owner?: string | undefined;
  readonly q?: string | undefined;
}

export function agentsQuery(filter: AgentFilter) {
  return infiniteQueryOptions({
    queryKey: ['agents', 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      get<List<Agent>>('/v1/agents', { ...filter, limit: 100, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: List<Agent>) => (page.has_more ? (page.next_cursor ?? undefined) : undefined),
    placeholderData: keepPreviousData,
  });
}

/** For pickers and the palette: the first agents that match what was typed. */
export function agentSearchQuery(q: string, limit = 20) {
  return queryOptions({
    queryKey: ['agents', 'search', q, limit],
    queryFn: ({ signal }) => get<List<Agent>>('/v1/agents', { q, limit }, signal),
    placeholderData: keepPreviousData,
  });
}

export function agentQuery(agent: string) {
  return queryOptions({
    queryKey: ['agents', 'one', agent],
    queryFn: ({ signal }) => get<Agent>(at`/v1/agents/${agent}`, {}, signal),
  });
}

export function agentToolsQuery(agent: string) {
  return queryOptions({
    queryKey: ['agents', 'tools', agent],
    queryFn: ({ signal }) => getAll<VisibleTool>(at`/v1/agents/${agent}/tools`, {}, signal),
  });
}

/** Of an agent or a role. */
export function budgetsQuery(whose: { readonly agent: string } | { readonly role: string }) {
  return queryOptions({
    queryKey: ['budgets', whose],
    queryFn: ({ signal }) => getAll<Budget>('/v1/budgets', whose, signal),
  });
}

export function tokensQuery(agent: string) {
  return queryOptions({
    queryKey: ['tokens', agent],
    queryFn: ({ signal }) => getAll<AgentToken>('/v1/tokens', { agent }, signal),
  });
}

export const rolesQuery = queryOptions({
  queryKey: ['roles', 'list'],
  queryFn: ({ signal }) => getAll<Role>('/v1/roles', {}, signal),
});

export function roleQuery(name: string) {
  return queryOptions({
    queryKey: ['roles', 'one', name],
    queryFn: ({ signal }) => get<Role>(at`/v1/roles/${name}`, {}, signal),
  });
}

export function revisionsQuery(name: string) {
  return queryOptions({
    queryKey: ['roles', 'revisions', name],
    queryFn: ({ signal }) => getAll<Role>(at`/v1/roles/${name}/revisions`, {}, signal),
  });
}

export const matrixQuery = queryOptions({
  queryKey: ['roles', 'matrix'],
  queryFn: ({ signal }) => get<Matrix>('/v1/matrix', {}, signal),
});

export const capabilitiesQuery = queryOptions({
  queryKey: ['capabilities'],
  queryFn: ({ signal }) => getAll<Capability>('/v1/capabilities', {}, signal),
});

export const serversQuery = queryOptions({
  queryKey: ['servers', 'list'],
  queryFn: ({ signal }) => getAll<McpServer>('/v1/mcp/servers', {}, signal),
});

export function serverQuery(server: string) {
  return queryOptions({
    queryKey: ['servers', 'one', server],
    queryFn: ({ signal }) => get<McpServer>(at`/v1/mcp/servers/${server}`, {}, signal),
  });
}

export function definitionsQuery(server: string) {
  return queryOptions({
    queryKey: ['servers', 'definitions', server],
    queryFn: ({ signal }) => getAll<McpDefinition>(at`/v1/mcp/servers/${server}/definitions`, {}, signal),
  });
}

export const httpApisQuery = queryOptions({
  queryKey: ['servers', 'http apis'],
  queryFn: ({ signal }) => getAll<HttpApi>('/v1/http/apis', {}, signal),
});

export function httpApiQuery(api: string) {
  return queryOptions({
    queryKey: ['servers', 'http api', api],
    queryFn: ({ signal }) => get<HttpApi>(at`/v1/http/apis/${api}`, {}, signal),
  });
}

/** As definitions, so that they are looked at and approved like those of MCP servers. */
export function operationsQuery(api: string) {
  return queryOptions({
    queryKey: ['servers', 'operations', api],
    queryFn: async ({ signal }): Promise<readonly McpDefinition[]> => {
      const operations = await getAll<HttpOperation>(at`/v1/http/apis/${api}/operations`, {}, signal);
      return operations.map(({ operation, method, path, ...rest }) => ({
        ...rest,
        kind: 'operation',
        name: `${method} ${path}`,
        upstream_name: operation,
      }));
    },
  });
}

export const secretsQuery = queryOptions({
  queryKey: ['secrets'],
  queryFn: ({ signal }) => getAll<UpstreamSecret>('/v1/secrets', {}, signal),
});

export const peopleQuery = queryOptions({
  queryKey: ['people'],
  queryFn: ({ signal }) => getAll<Person>('/v1/people', {}, signal),
});

export const keysQuery = queryOptions({
  queryKey: ['keys'],
  queryFn: ({ signal }) => getAll<AdminKey>('/v1/keys', {}, signal),
});

export const workspaceGuardsQuery = queryOptions({
  queryKey: ['workspace', 'guards'],
  queryFn: ({ signal }) => get<{ readonly guards: readonly Guard[] }>('/v1/workspace/guards', {}, signal),
});

export const activeStopsQuery = queryOptions({
  queryKey: ['containments', 'active'],
  queryFn: ({ signal }) => getAll<Containment>('/v1/containments', { active: true }, signal),
  refetchInterval: whileAttended(15_000),
});

export const stopsQuery = queryOptions({
  queryKey: ['containments', 'all'],
  queryFn: ({ signal }) => get<List<Containment>>('/v1/containments', { limit: 200 }, signal),
});

export function stopQuery(id: string) {
  return queryOptions({
    queryKey: ['containments', 'one', id],
    queryFn: ({ signal }) => get<Containment>(at`/v1/containments/${id}`, {}, signal),
  });
}

export function eventQuery(id: string) {
  return queryOptions({
    queryKey: ['events', id],
    queryFn: ({ signal }) => get<EventDetail>(at`/v1/audit/events/${id}`, {}, signal),
    // The result of a call may come after it was opened.
    refetchInterval: (query) => {
      const detail = query.state.data;
      return detail?.event.verdict === 'allow' && detail.result === null ? 1_000 : false;
    },
  });
}

export function proofQuery(id: string) {
  return queryOptions({
    queryKey: ['events', id, 'proof'],
    queryFn: ({ signal }) => get<EventProof>(at`/v1/audit/events/${id}/proof`, {}, signal),
    staleTime: 60_000,
    retry: 2,
  });
}

/** The most that are shown as waiting; what comes beyond them is older. */
export const MOST_WAITING = 200;

export const waitingQuery = queryOptions({
  queryKey: ['approvals', 'waiting'],
  queryFn: ({ signal }) => get<List<Approval>>('/v1/approvals', { status: 'pending', limit: MOST_WAITING }, signal),
  refetchInterval: whileAttended(5_000),
});

export const approvalsQuery = infiniteQueryOptions({
  queryKey: ['approvals', 'all'],
  queryFn: ({ pageParam, signal }) => get<List<Approval>>('/v1/approvals', { limit: 100, cursor: pageParam }, signal),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page: List<Approval>) => (page.has_more ? (page.next_cursor ?? undefined) : undefined),
});

/** States in which something is still to come. */
const UNSETTLED: ReadonlySet<string> = new Set(['pending', 'approved', 'released']);

export function approvalQuery(id: string) {
  const interval = whileAttended(2_000);
  return queryOptions({
    queryKey: ['approvals', 'one', id],
    queryFn: ({ signal }) => get<FullApproval>(at`/v1/approvals/${id}`, {}, signal),
    refetchInterval: (query) => {
      const { data } = query.state;
      return data !== undefined && UNSETTLED.has(data.status) ? interval() : false;
    },
  });
}

export const freezesQuery = queryOptions({
  queryKey: ['freezes', 'list'],
  queryFn: ({ signal }) => getAll<Freeze>('/v1/freezes', {}, signal),
  refetchInterval: whileAttended(15_000),
});

export function overridesQuery(freeze: string) {
  return queryOptions({
    queryKey: ['freezes', 'overrides', freeze],
    queryFn: ({ signal }) => getAll<FreezeOverride>(at`/v1/freezes/${freeze}/overrides`, {}, signal),
    refetchInterval: whileAttended(5_000),
  });
}
