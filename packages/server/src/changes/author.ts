/** In whose name a change is carried out. */
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import type { ChangeRow } from './rows.ts';

/**
 * Its author, by the credential of its last edit: what is written stands under the name of who wrote it, whoever
 * activates it, so that authors are barred from approving calls that it holds. It has no roles: what the change may do was
 * decided by who approved it.
 */
export async function authorOf(
  client: Pool | ClientBase,
  { workspace_id: workspaceId, id, author, author_id, author_email }: ChangeRow,
): Promise<Administrator> {
  const { rows } = await client.query<{ credential_id: Administrator['credentialId'] }>(
    `SELECT credential_id FROM change_edits
      WHERE workspace_id = $1 AND change_id = $2 AND what = 'edit' AND person_id = $3 ORDER BY edit DESC LIMIT 1`,
    [workspaceId, id, author_id],
  );
  const [last] = rows;
  if (last === undefined) throw new Error(`the change ${id} has no edit of its author`);
  return {
    workspaceId,
    credentialId: last.credential_id,
    actor: author,
    via: 'key',
    roles: [],
    person: { id: author_id, email: author_email },
  };
}
