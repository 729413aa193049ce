/** What an agent's status follows from. Called inside the transaction of whatever changed it. */
import { cancelOfAgents } from '../approvals/index.ts';
import type { AgentId, PersonId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { AgentView } from './agent.ts';

export interface Settled {
  readonly agentId: AgentId;
  readonly agent: string;
  readonly owner: string;
  readonly before: AgentView['status'];
  readonly after: AgentView['status'];
}

/**
 * `revoked` while any stop that covers the agent stands, and for a shadow whose rehearsal is over; else `suspended` while a person or the owner's
 * leaving holds it, else `active`. Raises the revision in any case, so that no decision made before this
 * is recorded after it; and the epoch by $3, for stops that end tokens: it never falls, so no token made
 * before revives. Rows are locked in id order, like the recorder's. One update a row: a second one in the same
 * transaction would also look up its foreign key.
 */
const SETTLE = `
WITH due AS MATERIALIZED (
  SELECT s.agent_id, s.status AS before, a.handle AS agent, p.email AS owner,
         CASE WHEN EXISTS (
                SELECT FROM containment_agents c
                  JOIN containments k ON k.workspace_id = c.workspace_id AND k.id = c.containment_id AND k.lifted_at IS NULL
                 WHERE c.workspace_id = s.workspace_id AND c.agent_id = s.agent_id) THEN 'revoked'
              WHEN a.rehearsal_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM rehearsals r
                 WHERE r.workspace_id = a.workspace_id AND r.id = a.rehearsal_id AND r.status = 'running') THEN 'revoked'
              WHEN s.suspended OR s.owner_left THEN 'suspended'
              ELSE 'active' END AS after
    FROM agent_state s
    JOIN agents a ON a.workspace_id = s.workspace_id AND a.id = s.agent_id
    JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
   WHERE s.workspace_id = $1 AND s.agent_id = ANY($2)
   ORDER BY s.agent_id FOR UPDATE OF s),
settled AS (
  UPDATE agent_state s
     SET status = due.after, revision = s.revision + 1, authz_epoch = s.authz_epoch + $3,
         authz_cutoff = CASE WHEN $3 = 0 THEN s.authz_cutoff ELSE clock_timestamp() END
    FROM due WHERE s.workspace_id = $1 AND s.agent_id = due.agent_id)
SELECT agent_id AS "agentId", agent, owner, before, after FROM due ORDER BY agent_id`;

export async function settleStatus(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  agentIds: readonly AgentId[],
  { endsTokens = false }: { readonly endsTokens?: boolean } = {},
): Promise<readonly Settled[]> {
  if (agentIds.length === 0) return [];
  const { rows } = await client.query<Settled>(SETTLE, [workspaceId, agentIds, endsTokens ? 1 : 0]);
  return rows;
}

/** The owner was deactivated: all agents of that person are suspended. Resolves with those that were active. */
export async function ownerLeft(
  transaction: LoggedTransaction,
  { workspaceId, actor }: { readonly workspaceId: WorkspaceId; readonly actor: string },
  ownerId: PersonId,
): Promise<readonly AgentId[]> {
  const { rows } = await transaction.client.query<{ agent_id: AgentId }>(
    `UPDATE agent_state s SET owner_left = true FROM agents a
      WHERE s.workspace_id = $1 AND a.workspace_id = s.workspace_id AND a.id = s.agent_id AND a.owner_id = $2
     RETURNING s.agent_id`,
    [workspaceId, ownerId],
  );
  const settled = await settleStatus(
    transaction,
    workspaceId,
    rows.map(({ agent_id }) => agent_id),
  );
  const suspended = settled.filter(({ before, after }) => before !== after);
  for (const { agentId, agent, owner, before, after } of suspended) {
    transaction.log({
      kind: 'agent.changed',
      actor,
      agent,
      agent_id: agentId,
      owner,
      changes: { status: [before, after] },
      reason: 'the owner was deactivated',
    });
  }
  const agentIds = suspended.map(({ agentId }) => agentId);
  await cancelOfAgents(transaction, workspaceId, agentIds, { actor, reason: 'the owner was deactivated' });
  return agentIds;
}

/** Something that stands on the records of the owner's agents changed. */
export async function ownerChanged(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  ownerId: PersonId,
): Promise<void> {
  await client.query(
    `UPDATE agent_state s SET revision = s.revision + 1 FROM agents a
      WHERE s.workspace_id = $1 AND a.workspace_id = s.workspace_id AND a.id = s.agent_id AND a.owner_id = $2`,
    [workspaceId, ownerId],
  );
}
