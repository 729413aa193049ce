/** What selects events of the log, as SQL over the projection. */
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';

export interface EventFilter {
  /** Id or handle. */
  readonly agent?: string | undefined;
  /** Id or handle: all that it did and all that was done about it, and what others did on its behalf. */
  readonly about?: string | undefined;
  /** E-mail of the accountable person at that time. */
  readonly owner?: string | undefined;
  readonly action?: string | undefined;
  readonly verdict?: string | undefined;
  readonly reasonClass?: string | undefined;
  /** Name as called; of calls, unless a kind is named. */
  readonly tool?: string | undefined;
  /** Namespace of the MCP server or API; of calls, unless a kind is named. */
  readonly server?: string | undefined;
  readonly kind?: string | undefined;
  readonly session?: string | undefined;
  readonly run?: string | undefined;
  readonly approval?: string | undefined;
  /** Decision time, inclusive. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
  /** Words that stand in the reason, whatever their case. */
  readonly q?: string | undefined;
  /** Words that stand in the arguments as they are recorded, redacted: names and values. */
  readonly args?: string | undefined;
  /** Calls that a guard in shadow would have refused or held. */
  readonly shadow?: boolean | undefined;
  /** Records of what people are told: of approvals, delegations, transfers of agents and accounts for emergencies. */
  readonly told?: boolean | undefined;
}

/** Ready for queries. `$1` is the workspace. */
export interface Selection {
  readonly values: readonly unknown[];
  /** All of them hold. */
  readonly conditions: readonly string[];
  /** And one of these, each of which has an index of its own; empty: nothing more. */
  readonly branches: readonly string[];
}

const EQUALS = [
  ['owner', 'owner'],
  ['action', 'action'],
  ['verdict', 'verdict'],
  ['kind', 'kind'],
  ['session', 'session_id'],
] as const;

/** Kinds that have no index of kinds, because most records are of them. */
const CALLS: ReadonlySet<string> = new Set(['tool.call', 'tool.result']);

export async function selectionOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  filter: EventFilter,
): Promise<Selection> {
  const values: unknown[] = [workspaceId];
  const conditions = ['workspace_id = $1'];
  const place = (value: unknown): string => `$${values.push(value)}`;
  const { kind, reasonClass, tool, server } = filter;
  if (filter.agent !== undefined)
    conditions.push(`agent_id = ${place(await agentIdOf(client, workspaceId, filter.agent))}`);
  for (const [field, column] of EQUALS) {
    const value = filter[field];
    if (value !== undefined) conditions.push(`${column} = ${place(value)}`);
  }
  // What follows is said as the partial indexes of migration 0161 say it, so that they are taken.
  if (kind !== undefined && !CALLS.has(kind)) conditions.push(`kind NOT IN ('tool.call', 'tool.result')`);
  if (reasonClass !== undefined) {
    conditions.push(`reason_class = ${place(reasonClass)}`);
    if (reasonClass !== 'granted') conditions.push(`verdict <> 'allow'`);
  }
  if (filter.verdict === 'deny' || filter.verdict === 'review') conditions.push(`verdict <> 'allow'`);
  if ((tool !== undefined || server !== undefined) && kind === undefined) conditions.push(`kind = 'tool.call'`);
  if (tool !== undefined) conditions.push(`record ->> 'tool' = ${place(tool)}`);
  if (server !== undefined) conditions.push(`record ->> 'namespace' = ${place(server)}`);
  if (filter.run !== undefined) conditions.push(`record ? 'run_id' AND record ->> 'run_id' = ${place(filter.run)}`);
  if (filter.approval !== undefined)
    conditions.push(`record ? 'approval_id' AND record ->> 'approval_id' = ${place(filter.approval)}`);
  if (filter.shadow === true) conditions.push(`record ? 'shadow'`);
  // As the index actions_told has it.
  if (filter.told === true)
    conditions.push(
      `(kind LIKE 'approval.%' OR kind LIKE 'delegation.%' OR kind LIKE 'transfer.%' OR kind LIKE 'break_glass.%'
        OR kind IN ('blast_radius.exceeded', 'blast_radius.differs', 'drift.found', 'change.submitted', 'change.overdue',
                    'alert.opened', 'alert.assigned', 'alert.escalated'))`,
    );
  if (filter.from !== undefined) conditions.push(`ts >= ${place(filter.from)}`);
  if (filter.to !== undefined) conditions.push(`ts < ${place(filter.to)}`);
  if (filter.q !== undefined) conditions.push(`reason ILIKE ${place(containing(filter.q))}`);
  if (filter.args !== undefined)
    conditions.push(`kind = 'tool.call' AND (record -> 'args')::text ILIKE ${place(containing(filter.args))}`);
  const branches =
    filter.about === undefined ? [] : branchesAbout(place, await agentIdOf(client, workspaceId, filter.about));
  return { values, conditions, branches };
}

/** Its own records, versions of its roles, changes of them, and calls on its behalf. */
function branchesAbout(place: (value: unknown) => string, agentId: string): readonly string[] {
  const id = place(agentId);
  return [
    `agent_id = ${id}`,
    `kind = 'object.versioned' AND record ->> 'object_id' = ${id}`,
    `kind LIKE 'change.%' AND record -> 'objects' ? ${place(`assignment ${agentId}`)}`,
    `record ? 'chain' AND record -> 'chain' @> ${place(JSON.stringify([{ agent_id: agentId }]))}::jsonb`,
  ];
}

/** In one condition, for a query of few rows. */
export function whereOf({ conditions, branches }: Selection): string {
  const one = branches.length === 0 ? [] : [`(${branches.map((branch) => `(${branch})`).join(' OR ')})`];
  return [...conditions, ...one].join(' AND ');
}

/** Whether nothing but looking at row after row finds it. */
export function isSearch({ q, args }: EventFilter): boolean {
  return q !== undefined || args !== undefined;
}

function containing(words: string): string {
  return `%${words.replaceAll(/[\\%_]/g, '\\$&')}%`;
}

/** A handle is never given to another agent, so it stands for one id at all times. */
export async function agentIdOf(client: Pool | ClientBase, workspaceId: WorkspaceId, agent: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM agents WHERE workspace_id = $1 AND (id = $2 OR lower(handle) = lower($2)) ORDER BY id = $2 DESC LIMIT 1',
    [workspaceId, agent],
  );
  return rows[0]?.id ?? agent;
}
