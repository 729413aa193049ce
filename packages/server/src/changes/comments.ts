/** What people say about a change. Nothing is decided by it. */
import type { Pool } from 'pg';
import type { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { newId, type WorkspaceId } from '../ids.ts';
import type { commentSchema } from './change.ts';
import type { ChangesContext } from './context.ts';
import { changeFields, findChange } from './rows.ts';

type CommentView = z.output<typeof commentSchema>;

/** Oldest first. */
export async function listComments(pool: Pool, workspaceId: WorkspaceId, id: string): Promise<readonly CommentView[]> {
  const { rows } = await pool.query<CommentView>(
    `SELECT k.id, 'change_comment' AS object, p.email AS person, k.actor, k.body, floor(extract(epoch FROM k.at))::bigint AS at
       FROM change_comments k LEFT JOIN people p ON p.workspace_id = k.workspace_id AND p.id = k.person_id
      WHERE k.workspace_id = $1 AND k.change_id = $2 ORDER BY k.at, k.id`,
    [workspaceId, id],
  );
  return rows;
}

/** Throws `change_not_found`. */
export function addComment(
  { log }: ChangesContext,
  { workspaceId, actor, person }: Administrator,
  idOrName: string,
  body: string,
): Promise<CommentView> {
  return log.transact(workspaceId, async (transaction) => {
    const { client, now } = transaction;
    const row = await findChange(client, workspaceId, idOrName);
    const id = newId<string>('cmt');
    await client.query(
      `INSERT INTO change_comments (workspace_id, change_id, id, person_id, actor, body, at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [workspaceId, row.id, id, person?.id ?? null, actor, body, now],
    );
    transaction.log({ kind: 'change.commented', actor, person: person?.email, ...changeFields(row), comment_id: id });
    const at = Math.floor(now.getTime() / 1000);
    return { id, object: 'change_comment', person: person?.email ?? null, actor, body, at };
  });
}
