/** An agent gets another owner: the one place that does it, with its history. */
import { endConnections } from '../agent-auth/index.ts';
import type { AgentId, PersonId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { closeFinished } from './close.ts';
import type { Actor } from './leave.ts';
import { endOffers } from './transfer.ts';

export interface Gift {
  readonly agentId: AgentId;
  readonly from: PersonId;
  readonly to: PersonId;
  readonly reason: string;
  /** The offer that the new owner accepted; absent where nobody asked them. */
  readonly transferId?: string;
}

/**
 * Belongs into a transaction that settles the agent's status and writes `agent.changed`. Whatever else was offered of the
 * agent is withdrawn; a task that waited for it goes on without.
 */
export async function giveAgent(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Actor,
  { agentId, from, to, reason, transferId }: Gift,
): Promise<void> {
  const { client, now } = transaction;
  await client.query('UPDATE agents SET owner_id = $3 WHERE workspace_id = $1 AND id = $2', [workspaceId, agentId, to]);
  await client.query(
    `INSERT INTO ownership_history (workspace_id, agent_id, from_id, to_id, at, actor, reason, accepted_at, transfer_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [workspaceId, agentId, from, to, now, actor, reason, transferId === undefined ? null : now, transferId ?? null],
  );
  await endConnections(transaction, workspaceId, { agentId }, { actor, reason: 'the agent has another owner' });
  await endOffers(transaction, workspaceId, { agentId }, 'withdrawn', { actor, reason: 'it has another owner' });
  await endItems(transaction, workspaceId, agentId, transferId === undefined ? 'given' : 'accepted');
}

async function endItems(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  agentId: AgentId,
  outcome: 'given' | 'accepted',
): Promise<void> {
  const { rows } = await transaction.client.query<{ task_id: string }>(
    `UPDATE transfer_task_agents SET outcome = $3, ended_at = $4
      WHERE workspace_id = $1 AND agent_id = $2 AND outcome IS NULL RETURNING task_id`,
    [workspaceId, agentId, outcome, transaction.now],
  );
  for (const { task_id: taskId } of rows) await closeFinished(transaction, workspaceId, taskId);
}
