/** When somebody opened a held call: how long they looked at it before deciding counts from there, by the server's clock. */
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { approvalNotFound } from './failures.ts';
import type { DecisionRow } from './rows.ts';

const OPEN = `
INSERT INTO approval_openings (workspace_id, approval_id, person_id, channel)
SELECT workspace_id, id, $3, $4 FROM approvals WHERE workspace_id = $1 AND id = $2
ON CONFLICT DO NOTHING`;

/** The first time of each person counts. Answers it. Throws `person_required`, `approval_not_found`. */
export async function openApproval(
  pool: Pool,
  {
    workspaceId,
    person,
  }: { readonly workspaceId: WorkspaceId; readonly person?: { readonly id: PersonId; readonly email: string } },
  id: string,
  channel: DecisionRow['channel'],
): Promise<Date> {
  if (person === undefined)
    throw new Failure(
      403,
      'person_required',
      'People open held calls, and this key belongs to none.',
      'Make a key of your own: hivekey key create NAME --person E-MAIL.',
    );
  await pool.query(OPEN, [workspaceId, id, person.id, channel]);
  const openedAt = await openedBy(pool, workspaceId, id, person.id);
  if (openedAt === undefined) throw approvalNotFound(id);
  return openedAt;
}

export async function openedBy(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
  person: PersonId,
): Promise<Date | undefined> {
  const { rows } = await client.query<{ opened_at: Date }>(
    'SELECT opened_at FROM approval_openings WHERE workspace_id = $1 AND approval_id = $2 AND person_id = $3',
    [workspaceId, id, person],
  );
  return rows[0]?.opened_at;
}
