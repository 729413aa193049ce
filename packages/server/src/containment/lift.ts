/** Lifting a stop is an act of its own. Agents come back only where nothing else covers them; tokens never do. */
import { type Agent, readAgent, settleStatus } from '../agents/index.ts';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { AgentId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { publishPolicy } from '../roles/index.ts';
import { type Containment, readContainment } from './containment.ts';
import { standingOrder } from './standing.ts';

/** Marks the stop lifted and undoes what it did to workspace and policy; the agents are settled by the caller. */
async function lift(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  { id, scope, target }: Containment,
  reason: string,
): Promise<readonly AgentId[]> {
  const { client } = transaction;
  await client.query(
    'UPDATE containments SET lifted_at = now(), lifted_by = $3, lift_reason = $4 WHERE workspace_id = $1 AND id = $2',
    [workspaceId, id, actor, reason],
  );
  transaction.log({ kind: 'containment.lifted', actor, containment_id: id, scope, target, reason });
  if (scope === 'tool') publishPolicy(transaction, workspaceId, actor, 'stops');
  if (scope === 'workspace') {
    await client.query("UPDATE workspace_state SET status = 'active', updated_at = now() WHERE workspace_id = $1", [
      workspaceId,
    ]);
    transaction.log({
      kind: 'workspace.changed',
      actor,
      changes: { status: ['stopped', 'active'] },
      containment_id: id,
    });
  }
  const { rows } = await client.query<{ agent_id: AgentId }>(
    'SELECT agent_id FROM containment_agents WHERE workspace_id = $1 AND containment_id = $2',
    [workspaceId, id],
  );
  return rows.map(({ agent_id }) => agent_id);
}

async function settleAndLog(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  agentIds: readonly AgentId[],
  facts: { readonly reason: string; readonly containment_id?: string | undefined },
): Promise<void> {
  for (const { agentId, agent, owner, before, after } of await settleStatus(transaction, workspaceId, agentIds)) {
    if (before === after) continue;
    transaction.log({
      kind: 'agent.restored',
      actor,
      agent,
      agent_id: agentId,
      owner,
      changes: { status: [before, after] },
      ...facts,
    });
  }
}

/** Lifting twice answers the lifted stop. Throws `containment_not_found`, and `stop_rehearsed` for one of a shadow agent. */
export async function liftIn(
  transaction: LoggedTransaction,
  who: Administrator,
  id: string,
  reason: string,
): Promise<Containment> {
  const { workspaceId } = who;
  const stop = await readContainment(transaction.client, workspaceId, id);
  if (stop.lifted_at !== null) return stop;
  if (stop.rehearsal !== null)
    throw new Failure(
      409,
      'stop_rehearsed',
      `The stop ${stop.id} is of a rehearsal's shadow agent, which does not come back.`,
      'There is nothing to lift.',
    );
  const agentIds = await lift(transaction, who, stop, reason);
  await settleAndLog(transaction, who, agentIds, { reason, containment_id: stop.id });
  return readContainment(transaction.client, workspaceId, id);
}

/**
 * Lifts the agent's own stop and suspension. Stops of its role, its owner or the workspace stay, and with them
 * the agent's status. With `what` 'stop' a suspension stays as well. Throws `owner_inactive`, and `agent_stopped_otherwise` when there is nothing of its own to lift.
 */
export async function restoreIn(
  transaction: LoggedTransaction,
  who: Administrator,
  agentOrId: string,
  reason: string,
  what: 'all' | 'stop' = 'all',
): Promise<Agent> {
  const { workspaceId } = who;
  const { client } = transaction;
  const agent = await readAgent(client, workspaceId, agentOrId);
  if (agent.status === 'active') return agent;
  await refuseInactiveOwner(transaction, who, agent);
  const own = await standingOrder(client, workspaceId, 'agent', agent.name);
  const { rowCount: released } = await client.query(
    `UPDATE agent_state SET suspended = false, owner_left = false, stopped_reason = NULL
      WHERE workspace_id = $1 AND agent_id = $2 AND (suspended OR owner_left) AND $3`,
    [workspaceId, agent.id, what === 'all'],
  );
  if (own === undefined && released === 0 && agent.attention.includes('expired'))
    throw new Failure(
      409,
      'agent_expired',
      `The time of "${agent.name}" is over.`,
      'Somebody other than its owner sets a later valid_until with PATCH /v1/agents/:agent.',
    );
  if (own === undefined && released === 0) throw await stoppedOtherwise(transaction, who, agent);
  if (own !== undefined) await lift(transaction, who, await readContainment(client, workspaceId, own), reason);
  await settleAndLog(transaction, who, [agent.id], { reason, containment_id: own });
  return readAgent(client, workspaceId, agent.id);
}

async function refuseInactiveOwner(
  { client }: LoggedTransaction,
  { workspaceId }: Administrator,
  { name, owner, ownerId }: Agent,
): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM people WHERE workspace_id = $1 AND id = $2 AND active', [
    workspaceId,
    ownerId,
  ]);
  if (rowCount !== 0) return;
  throw new Failure(
    409,
    'owner_inactive',
    `${owner}, who is accountable for "${name}", is not active.`,
    'Give the agent to an active person with PATCH /v1/agents/:agent.',
  );
}

async function stoppedOtherwise(
  { client }: LoggedTransaction,
  { workspaceId }: Administrator,
  { id, name }: Agent,
): Promise<Failure> {
  const { rows } = await client.query<{ id: string; scope: string; target: string }>(
    `SELECT k.id, k.scope, k.target FROM containment_agents c
       JOIN containments k ON k.workspace_id = c.workspace_id AND k.id = c.containment_id AND k.lifted_at IS NULL
      WHERE c.workspace_id = $1 AND c.agent_id = $2 ORDER BY k.ordered_at`,
    [workspaceId, id],
  );
  const stops = rows.map(({ id: stop, scope, target }) => `${stop} (${scope} ${target})`).join(', ');
  return new Failure(
    409,
    'agent_stopped_otherwise',
    `"${name}" is not stopped by itself but under ${stops}.`,
    'Lift that stop with POST /v1/containments/:id/lift.',
  );
}
