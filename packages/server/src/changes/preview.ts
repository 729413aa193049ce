import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { Preview } from '../previews/index.ts';
import type { ChangesContext } from './context.ts';
import { closed } from './failures.ts';
import { findChange } from './rows.ts';

/** Where it failed, and nobody has approved by it. Throws `change_<status>`, `preview_done`. */
export async function remakePreview(
  { pool, log, previews }: ChangesContext,
  { workspaceId, actor, person }: Administrator,
  idOrName: string,
): Promise<Preview> {
  const row = await findChange(pool, workspaceId, idOrName);
  const isReviewed = row.emergency_review === 'due' || row.emergency_review === 'overdue';
  if (row.preview_id === null || (row.status !== 'submitted' && !isReviewed)) throw closed(row);
  const before = await previews.find(workspaceId, row.preview_id);
  if (row.preview_hash !== null || (before !== undefined && before.state !== 'failed')) throw previewDone();
  const preview = await previews.start(workspaceId, { operations: row.operations });
  await log.transact(workspaceId, async (transaction) => {
    const { rowCount } = await transaction.client.query(
      `UPDATE changes SET preview_id = $3 WHERE workspace_id = $1 AND id = $2 AND preview_id = $4 AND preview_hash IS NULL`,
      [workspaceId, row.id, preview.id, row.preview_id],
    );
    if (rowCount === 0) throw previewDone();
    transaction.log({
      kind: 'change.previewed',
      actor,
      person: person?.email,
      change_id: row.id,
      preview_id: preview.id ?? undefined,
    });
  });
  return preview;
}

function previewDone(): Failure {
  return new Failure(
    409,
    'preview_done',
    'The preview has not failed.',
    'Read it with GET /v1/changes/:change/preview.',
  );
}
