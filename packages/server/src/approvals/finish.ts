/** How a released call ended, and what its repeats collect. */
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import type { Outcome } from '../path/index.ts';
import type { Envelope } from '../upstreams/index.ts';
import { recordFields } from './rows.ts';

/** When it is known already how it ended, only the result is added, where there is none. */
export async function finishApproval(
  log: ActionLog,
  workspaceId: WorkspaceId,
  id: string,
  outcome: Pick<Outcome, 'result' | 'errorCode'>,
  result: Envelope | undefined,
): Promise<void> {
  await log.transact(workspaceId, async ({ client, now, log: record }) => {
    const { rows } = await client.query<{
      id: string;
      agent_id: string;
      agent: string;
      owner: string;
      capability: string;
      hash: string;
      call_event_id: string;
    }>(
      `UPDATE approvals SET status = CASE WHEN $3 = 'unknown' THEN 'unknown' ELSE 'finished' END, outcome = $3, error_code = $4,
              ended_at = $5, result_key = coalesce(result_key, $6), result = coalesce(result, $7)
        WHERE workspace_id = $1 AND id = $2 AND status = 'released'
       RETURNING id, agent_id, agent, owner, capability, hash, call_event_id`,
      [workspaceId, id, outcome.result, outcome.errorCode, now, result?.wrappedKey, result?.ciphertext],
    );
    if (rows.length === 0 && result !== undefined)
      await client.query(
        `UPDATE approvals SET result_key = $3, result = $4
          WHERE workspace_id = $1 AND id = $2 AND status IN ('finished', 'unknown') AND result IS NULL`,
        [workspaceId, id, result.wrappedKey, result.ciphertext],
      );
    for (const row of rows)
      record({
        kind: 'approval.finished',
        actor: 'system',
        ...recordFields(row),
        released_event_id: row.call_event_id,
        outcome: outcome.result,
        error_code: outcome.errorCode,
      });
  });
}
