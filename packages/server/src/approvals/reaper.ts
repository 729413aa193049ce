/**
 * What happens to approvals by themselves. Any number of nodes look; whoever moves a row writes its record, in one
 * transaction, so nothing is done twice, and what a dead node left is done by the next.
 */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import type { Outcome } from '../path/index.ts';
import { finishApproval } from './finish.ts';
import { recordFields } from './rows.ts';

/** Most rows that one look takes on. */
const AT_ONCE = 200;
/** Whoever forwarded a call says itself how it ended, and keeps what came back; after this long the log's word is taken. */
const OWN_WORD_SECONDS = 5;

interface DueRow {
  workspace_id: WorkspaceId;
  ids: string[];
}

/** No answer by the deadline is a denial. Returns how many were moved. */
export async function expireApprovals(pool: Pool, log: ActionLog): Promise<number> {
  const { rows } = await pool.query<DueRow>({
    name: 'approvals-due',
    text: `SELECT workspace_id, array_agg(id) AS ids FROM (
             SELECT workspace_id, id FROM approvals
              WHERE status IN ('pending', 'approved') AND expires_at <= clock_timestamp()
              ORDER BY expires_at LIMIT ${AT_ONCE}) due GROUP BY workspace_id`,
  });
  let moved = 0;
  for (const { workspace_id: workspaceId, ids } of rows)
    moved += await log.transact(workspaceId, async (transaction) => {
      const expired = await transaction.client.query<{
        id: string;
        agent_id: string;
        agent: string;
        owner: string;
        capability: string;
        hash: string;
      }>(
        `UPDATE approvals SET status = 'expired', ended_at = clock_timestamp()
          WHERE workspace_id = $1 AND id = ANY($2) AND status IN ('pending', 'approved') AND expires_at <= clock_timestamp()
         RETURNING id, agent_id, agent, owner, capability, hash`,
        [workspaceId, ids],
      );
      for (const row of expired.rows)
        transaction.log({ kind: 'approval.expired', actor: 'system', ...recordFields(row) });
      return expired.rows.length;
    });
  return moved;
}

/** Released calls whose result is on the log while their approval does not say so: their node died, or its word was lost. */
export async function reconcileReleased(pool: Pool, log: ActionLog): Promise<void> {
  const { rows } = await pool.query<{ workspace_id: WorkspaceId; id: string; outcome: Outcome['result'] }>({
    name: 'approvals-reconcile',
    text: `SELECT a.workspace_id, a.id, c.outcome FROM approvals a
             JOIN actions c ON c.workspace_id = a.workspace_id AND c.call_event_id = a.call_event_id AND c.kind = 'tool.result'
            WHERE a.status = 'released'
              AND (a.result IS NOT NULL OR c.ts < clock_timestamp() - interval '${OWN_WORD_SECONDS} seconds')
            LIMIT ${AT_ONCE}`,
  });
  for (const { workspace_id: workspaceId, id, outcome } of rows)
    await finishApproval(log, workspaceId, id, { result: outcome }, undefined);
}
