/** A task that has nothing left to wait for is over. */
import type { AgentId, PersonId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { concerned } from './open-task.ts';
import { readOwnershipSettings } from './settings.ts';

/** `done`, or `expired` where agents had to be revoked, which people are told. Nothing while some wait, or when it is over. */
export async function closeFinished(
  { client, now, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  taskId: string,
): Promise<void> {
  const { rows } = await client.query<{ person_id: PersonId; person: string; retired: AgentId[] | null }>(
    `UPDATE transfer_tasks t SET closed_at = $3, status = CASE WHEN r.retired IS NULL THEN 'done' ELSE 'expired' END
       FROM people p, (SELECT array_agg(agent_id) FILTER (WHERE outcome = 'retired') AS retired,
                              bool_and(outcome IS NOT NULL) AS is_finished
                         FROM transfer_task_agents WHERE workspace_id = $1 AND task_id = $2) r
      WHERE t.workspace_id = $1 AND t.id = $2 AND t.status = 'open' AND r.is_finished
        AND p.workspace_id = t.workspace_id AND p.id = t.person_id
     RETURNING t.person_id, p.email AS person, r.retired`,
    [workspaceId, taskId, now],
  );
  for (const { person_id, person, retired } of rows) {
    const { escalate_to: named } = await readOwnershipSettings(client, workspaceId);
    log({
      kind: 'transfer.closed',
      actor: 'system',
      task_id: taskId,
      person_id,
      person,
      status: retired === null ? 'done' : 'expired',
      ...(retired === null
        ? {}
        : {
            retired_count: retired.length,
            named,
            to: await concerned(client, workspaceId, retired, { leaver: person_id, named }),
          }),
    });
  }
}
