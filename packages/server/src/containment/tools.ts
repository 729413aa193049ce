/** One line a tool that the covered agents could call, and how it is known that none of them can now. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CompiledPolicy } from '@hivekey/policy';
import type { ClientBase } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { CommittedStop, Stop } from './commit.ts';
import { type Probe, seeRefusal } from './probe.ts';
import type { StopContext } from './stop.ts';

/** More are refused by the same row of state, and are not asked for one by one. */
const MAX_PROBED = 500;
const POLICY_WAIT_MS = 1_000;

export interface ToolLine {
  readonly capability: string;
  /** How many of the covered agents it was granted to. */
  readonly agents: number;
  /** When the recording transaction was asked for it and refused; absent where it was not asked. */
  readonly refusedAtMs?: number;
}

/** Roles that covered agents wear together, and how many do. */
export interface Worn {
  readonly roles: readonly string[];
  readonly agents: number;
}

/** Read in the transaction of the stop. Undefined where the stop has its lines already. */
export async function wornUnder(
  client: ClientBase,
  workspaceId: WorkspaceId,
  { id, scope, agentIds }: Stop,
): Promise<readonly Worn[] | undefined> {
  const listed = await client.query('SELECT FROM containments WHERE workspace_id = $1 AND id = $2 AND tools_listed', [
    workspaceId,
    id,
  ]);
  if (listed.rowCount !== 0) return undefined;
  const { rows } = await client.query<Worn>(
    `SELECT roles, count(*)::int AS agents FROM (
       SELECT array_agg(r.role ORDER BY r.position, r.role) AS roles FROM agent_roles r
        WHERE r.workspace_id = $1 AND ($3 OR r.agent_id = ANY($2)) GROUP BY r.agent_id) worn
      GROUP BY roles`,
    [workspaceId, agentIds, scope === 'tool'],
  );
  return rows;
}

/**
 * Asks the recording transaction for every tool, in the name of an agent that is stopped. Undefined where the lines are
 * there already, or the policy cannot be read soon enough: a stop waits for its answer, not for a list. Never rejects.
 */
export async function seeToolsRefused(
  context: StopContext,
  workspaceId: WorkspaceId,
  stop: CommittedStop,
  probe: Probe,
): Promise<readonly ToolLine[] | undefined> {
  if (stop.worn === undefined) return undefined;
  const policy = await Promise.race([
    context.path.policy(workspaceId).catch(() => undefined),
    sleep(POLICY_WAIT_MS, undefined, { ref: false }),
  ]);
  if (policy === undefined) return undefined;
  const lines = linesOf(stop, stop.worn, policy);
  if (probe !== 'refused') return lines;
  return Promise.all(
    lines.map(async (line, i) => {
      if (i >= MAX_PROBED) return line;
      const seen = await seeRefusal(context, workspaceId, stop, line.capability);
      return seen === 'refused' ? { ...line, refusedAtMs: context.clock() } : line;
    }),
  );
}

function linesOf({ scope, target }: Stop, worn: readonly Worn[], policy: CompiledPolicy): ToolLine[] {
  const agentsOf = new Map<string, number>();
  for (const { roles, agents } of worn)
    for (const capability of policy.granted(roles)) agentsOf.set(capability, (agentsOf.get(capability) ?? 0) + agents);
  if (scope === 'tool') return [{ capability: target, agents: agentsOf.get(target) ?? 0 }];
  return [...agentsOf]
    .map(([capability, agents]) => ({ capability, agents }))
    .sort((a, b) => (a.capability < b.capability ? -1 : 1));
}

export async function keepTools(
  client: ClientBase,
  workspaceId: WorkspaceId,
  id: string,
  tools: readonly ToolLine[] | undefined,
): Promise<void> {
  if (tools === undefined) return;
  await client.query('UPDATE containments SET tools_listed = true WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    id,
  ]);
  await client.query(
    `INSERT INTO containment_tools (workspace_id, containment_id, capability, agents, established, refused_at)
     SELECT $1, $2, t.capability, t.agents, CASE WHEN t.ms IS NULL THEN 'state' ELSE 'probe' END, to_timestamp(t.ms / 1000.0)
       FROM unnest($3::text[], $4::int[], $5::float8[]) AS t (capability, agents, ms) ON CONFLICT DO NOTHING`,
    [
      workspaceId,
      id,
      tools.map(({ capability }) => capability),
      tools.map(({ agents }) => agents),
      tools.map(({ refusedAtMs }) => refusedAtMs ?? null),
    ],
  );
}
