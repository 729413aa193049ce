/** Approvals that are withdrawn: one by an administrator, or all that a stop covers. */

import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import type { Principal } from '../path/index.ts';
import { approvalNotFound } from './failures.ts';
import { findApproval, recordFields } from './rows.ts';

/** Throws `approval_not_found`, and `approval_<status>` when it is over or running. */
export async function cancelApproval(log: ActionLog, who: Administrator, id: string, reason: string): Promise<void> {
  await log.transact(who.workspaceId, async (transaction) => {
    const row = await findApproval(transaction.client, who.workspaceId, id, 'FOR UPDATE');
    if (row === undefined) throw approvalNotFound(id);
    const cancelled = await cancelWhere(transaction, who.workspaceId, 'id = $4', id, { actor: who.actor, reason });
    if (cancelled === 0)
      throw new Failure(
        409,
        `approval_${row.status}`,
        `The approval ${id} is ${row.status}.`,
        'Nothing is left to cancel.',
      );
  });
}

/** By the agent that asked, while nobody carries the call out; true when it was. Another agent's is as good as none. */
export function withdrawApproval(
  log: ActionLog,
  { workspaceId, agentId, agent }: Pick<Principal, 'workspaceId' | 'agentId' | 'agent'>,
  id: string,
): Promise<boolean> {
  return log.transact(workspaceId, async (transaction) => {
    const row = await findApproval(transaction.client, workspaceId, id, 'FOR UPDATE');
    if (row === undefined || row.agent_id !== agentId || row.status === 'expired') return false;
    const cancellation = { actor: `agent:${agent}`, reason: 'the agent withdrew the call' };
    return (await cancelWhere(transaction, workspaceId, 'id = $4', id, cancellation)) === 1;
  });
}

export interface Cancellation {
  readonly actor: string;
  readonly reason: string;
  readonly containmentId?: string;
}

/** Those of the agents; returns how many. Belongs into the transaction of the stop. */
export function cancelOfAgents(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  agents: readonly AgentId[],
  cancellation: Cancellation,
): Promise<number> {
  return cancelWhere(transaction, workspaceId, 'agent_id = ANY($4)', agents, cancellation);
}

/** These; returns how many. */
export function cancelEach(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  ids: readonly string[],
  cancellation: Cancellation,
): Promise<number> {
  return cancelWhere(transaction, workspaceId, 'id = ANY($4)', ids, cancellation);
}

/** Those of the capability; returns how many. */
export function cancelOfCapability(
  transaction: LoggedTransaction,
  workspaceId: WorkspaceId,
  capability: string,
  cancellation: Cancellation,
): Promise<number> {
  return cancelWhere(transaction, workspaceId, 'capability = $4', capability, cancellation);
}

interface CancelledRow {
  id: string;
  agent_id: string;
  agent: string;
  owner: string;
  capability: string;
  hash: string;
}

async function cancelWhere(
  { client, now, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  which: 'id = $4' | 'id = ANY($4)' | 'agent_id = ANY($4)' | 'capability = $4',
  value: unknown,
  { actor, reason, containmentId }: Cancellation,
): Promise<number> {
  const { rows } = await client.query<CancelledRow>(
    `UPDATE approvals SET status = 'cancelled', ended_at = $2, ended_reason = $3
      WHERE workspace_id = $1 AND ${which} AND status IN ('pending', 'approved')
     RETURNING id, agent_id, agent, owner, capability, hash`,
    [workspaceId, now, reason, value],
  );
  for (const row of rows)
    log({
      kind: 'approval.cancelled',
      actor,
      ...recordFields(row),
      reason: reason === '' ? undefined : reason,
      containment_id: containmentId,
    });
  return rows.length;
}
