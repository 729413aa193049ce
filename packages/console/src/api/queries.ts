/** What the rooms read, each with its cache key. Keys begin with the name of the thing, so that a change can drop all of it. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { whileAttended } from '../app/attended.ts';
import type { StoredSecret } from './agent-types.ts';
import { at, get, getAll, getText, setCsrfToken } from './client.ts';
import { ApiError } from './problem.ts';
import type {
  AdminKey,
  Agent,
  Approval,
  Breaker,
  BreakerReading,
  Budget,
  Capability,
  Channel,
  ChannelMessage,
  Containment,
  ContainmentProposal,
  ContainmentReach,
  ContainmentScope,
  ContainmentSettings,
  Delegation,
  Drill,
  EventDetail,
  EventProof,
  Freeze,
  FreezeOverride,
  FreezeTime,
  FullApproval,
  Guard,
  HttpApi,
  HttpOperation,
  List,
  LogEvent,
  Matrix,
  MatrixCells,
  McpDefinition,
  McpServer,
  Permissions,
  Quarantine,
  Rehearsal,
  Risk,
  RiskTransmitter,
  Role,
  Session,
  Sources,
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

/** Only another version of the server has another one. */
export const permissionsQuery = queryOptions({
  queryKey: ['permissions'],
  queryFn: ({ signal }) => get<Permissions>('/v1/permissions', {}, signal),
  staleTime: Number.POSITIVE_INFINITY,
});

export interface AgentFilter {
  readonly status?: string | undefined;
  readonly role?: string | undefined;
  readonly owner?: string | undefined;
  readonly deputy?: string | undefined;
  readonly q?: string | undefined;
  readonly attention?: string | undefined;
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

/** Of an agent, a role or an owner; without any, those that the whole workspace shares. */
export interface Whose {
  readonly agent?: string | undefined;
  readonly role?: string | undefined;
  readonly owner?: string | undefined;
}

export function budgetsQuery(whose: Whose) {
  return queryOptions({
    queryKey: ['budgets', whose],
    queryFn: ({ signal }) => getAll<Budget>('/v1/budgets', { ...whose }, signal),
    refetchInterval: whileAttended(5_000),
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

export const matrixCellsQuery = queryOptions({
  queryKey: ['roles', 'matrix', 'cells'],
  queryFn: ({ signal }) => get<MatrixCells>('/v1/matrix/cells', {}, signal),
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
  queryKey: ['secrets', 'list'],
  queryFn: ({ signal }) => getAll<StoredSecret>('/v1/secrets', {}, signal),
});

export const channelsQuery = queryOptions({
  queryKey: ['channels'],
  queryFn: ({ signal }) => getAll<Channel>('/v1/channels', {}, signal),
  refetchInterval: whileAttended(10_000),
});

/** The newest. */
export const failedMessagesQuery = queryOptions({
  queryKey: ['channels', 'failed'],
  queryFn: ({ signal }) => get<List<ChannelMessage>>('/v1/channel-messages', { status: 'failed', limit: 20 }, signal),
  refetchInterval: whileAttended(10_000),
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
  refetchInterval: whileAttended(5_000),
});

/** The newest. */
export const stopsQuery = queryOptions({
  queryKey: ['containments', 'all'],
  queryFn: ({ signal }) => get<List<Containment>>('/v1/containments', { limit: 200 }, signal),
  refetchInterval: whileAttended(15_000),
});

/** Whom and what a stop would cover now. */
export function reachQuery(scope: ContainmentScope, target: string) {
  return queryOptions({
    queryKey: ['containments', 'reach', scope, target],
    queryFn: ({ signal }) => get<ContainmentReach>('/v1/containment-reach', { scope, target }, signal),
    refetchInterval: whileAttended(2_000),
  });
}

/** The text as it is signed. Nodes and results come later than the order does, so it is read anew each time. */
export function signedReceiptQuery(id: string) {
  return queryOptions({
    queryKey: ['containments', 'receipt', id],
    queryFn: ({ signal }) => getText(at`/v1/containments/${id}/receipt`, signal),
  });
}

/** What waits for a second person. */
export const proposalsQuery = queryOptions({
  queryKey: ['containments', 'proposals'],
  queryFn: ({ signal }) => getAll<ContainmentProposal>('/v1/containment-proposals', { status: 'proposed' }, signal),
  refetchInterval: whileAttended(5_000),
});

export const containmentSettingsQuery = queryOptions({
  queryKey: ['containments', 'settings'],
  queryFn: ({ signal }) => get<ContainmentSettings>('/v1/containment-settings', {}, signal),
});

export const drillsQuery = queryOptions({
  queryKey: ['drills', 'list'],
  queryFn: ({ signal }) => getAll<Drill>('/v1/drills', {}, signal),
  refetchInterval: whileAttended(15_000),
});

/** The newest. */
export const rehearsalsQuery = queryOptions({
  queryKey: ['drills', 'rehearsals'],
  queryFn: ({ signal }) => get<List<Rehearsal>>('/v1/containments/rehearsals', { limit: 50 }, signal),
  refetchInterval: whileAttended(5_000),
});

export const activeQuarantinesQuery = queryOptions({
  queryKey: ['quarantines', 'active'],
  queryFn: ({ signal }) => getAll<Quarantine>('/v1/quarantines', { active: true }, signal),
  refetchInterval: whileAttended(5_000),
});

/** The newest of those that ended. */
export const endedQuarantinesQuery = queryOptions({
  queryKey: ['quarantines', 'ended'],
  queryFn: ({ signal }) => get<List<Quarantine>>('/v1/quarantines', { active: false, limit: 100 }, signal),
});

export const breakersQuery = queryOptions({
  queryKey: ['breakers', 'list'],
  queryFn: ({ signal }) => getAll<Breaker>('/v1/breakers', {}, signal),
  refetchInterval: whileAttended(5_000),
});

export function readingsQuery(breaker: string) {
  return queryOptions({
    queryKey: ['breakers', 'readings', breaker],
    queryFn: ({ signal }) => getAll<BreakerReading>(at`/v1/breakers/${breaker}/readings`, {}, signal),
    refetchInterval: whileAttended(2_000),
  });
}

/** The newest trips of all breakers. */
export const tripsQuery = queryOptions({
  queryKey: ['breakers', 'trips'],
  queryFn: ({ signal }) =>
    get<List<LogEvent>>('/v1/audit/events', { kind: 'breaker.tripped', order: 'desc', limit: 200 }, signal),
  refetchInterval: whileAttended(5_000),
});

export const activeRisksQuery = queryOptions({
  queryKey: ['risks', 'active'],
  queryFn: ({ signal }) => getAll<Risk>('/v1/risks', { active: true }, signal),
  refetchInterval: whileAttended(5_000),
});

/** The newest of those that ended. */
export const endedRisksQuery = queryOptions({
  queryKey: ['risks', 'ended'],
  queryFn: ({ signal }) => get<List<Risk>>('/v1/risks', { active: false, limit: 100 }, signal),
});

export const transmittersQuery = queryOptions({
  queryKey: ['transmitters'],
  queryFn: ({ signal }) => getAll<RiskTransmitter>('/v1/risk-transmitters', {}, signal),
});

export const sourcesQuery = queryOptions({
  queryKey: ['sources'],
  queryFn: ({ signal }) => get<Sources>('/v1/workspace/sources', {}, signal),
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

/** Not over. */
export const delegationsQuery = queryOptions({
  queryKey: ['delegations', 'open'],
  queryFn: ({ signal }) => getAll<Delegation>('/v1/delegations', { open: true }, signal),
  refetchInterval: whileAttended(15_000),
});

export const freezesQuery = queryOptions({
  queryKey: ['freezes', 'list'],
  queryFn: ({ signal }) => getAll<Freeze>('/v1/freezes', {}, signal),
  refetchInterval: whileAttended(15_000),
});

/** Epoch seconds. */
export function freezeTimesQuery(from: number, to: number) {
  return queryOptions({
    queryKey: ['freezes', 'times', from, to],
    queryFn: async ({ signal }) => (await get<List<FreezeTime>>('/v1/freeze-times', { from, to }, signal)).data,
    refetchInterval: whileAttended(60_000),
    placeholderData: keepPreviousData,
  });
}

export function overridesQuery(freeze: string) {
  return queryOptions({
    queryKey: ['freezes', 'overrides', freeze],
    queryFn: ({ signal }) => getAll<FreezeOverride>(at`/v1/freezes/${freeze}/overrides`, {}, signal),
    refetchInterval: whileAttended(5_000),
  });
}
