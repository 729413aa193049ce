/** Previews in the database: those that are done only ever come in; a run is there until then. */
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { type Preview, type PreviewDocument, previewHash } from './preview.ts';
import type { PreviewRequest } from './types.ts';

export type StoredRequest = PreviewRequest & { readonly replayDays: number };

/** A node that has not said for so long that it is at it, is not. */
const STALE_SECONDS = 45;
/** What could not be replayed is kept for so long, to be told. */
const FAILED_DAYS = 7;

interface Row {
  state: Preview['state'];
  sha256: string | null;
  created: number;
  error: string | null;
  document: PreviewDocument;
}

/** Undefined: there is none. Throws `preview_altered` where the document is not what its hash says. */
export async function findPreview(pool: Pool, workspaceId: WorkspaceId, id: string): Promise<Preview | undefined> {
  const { rows } = await pool.query<Row>(
    `SELECT 'done' AS state, sha256, floor(extract(epoch FROM created_at))::bigint AS created, NULL AS error, document
       FROM previews WHERE workspace_id = $1 AND id = $2
     UNION ALL
     SELECT CASE WHEN error IS NULL THEN 'running' ELSE 'failed' END, NULL,
            floor(extract(epoch FROM created_at))::bigint, error, document
       FROM preview_runs WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  if (row.sha256 !== null && row.sha256 !== previewHash(row.document))
    throw new Failure(
      500,
      'preview_altered',
      `The preview ${id} is not what was stored.`,
      'Somebody has written to the database. Make the preview again, and look for who it was.',
    );
  return { object: 'preview', id, ...row };
}

export async function storePreview(
  pool: Pool,
  workspaceId: WorkspaceId,
  id: string,
  document: PreviewDocument,
  createdAt: Date,
): Promise<Preview> {
  const sha256 = previewHash(document);
  // In one statement with the end of its run: nobody finds neither, or both. A second run of it stores nothing.
  await pool.query(
    `WITH ended AS (DELETE FROM preview_runs WHERE workspace_id = $1 AND id = $2)
     INSERT INTO previews (workspace_id, id, sha256, document, created_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (workspace_id, id) DO NOTHING`,
    [workspaceId, id, sha256, JSON.stringify(document), createdAt],
  );
  const created = Math.floor(createdAt.getTime() / 1_000);
  return { object: 'preview', id, state: 'done', sha256, created, error: null, document };
}

export async function beginRun(
  pool: Pool,
  nodeId: string,
  workspaceId: WorkspaceId,
  id: string,
  request: StoredRequest,
  document: PreviewDocument,
  createdAt: Date,
): Promise<void> {
  await pool.query(
    `WITH over AS (DELETE FROM preview_runs WHERE error IS NOT NULL AND created_at < clock_timestamp() - make_interval(days => ${FAILED_DAYS}))
     INSERT INTO preview_runs (workspace_id, id, request, document, node_id, alive_at, created_at)
     VALUES ($1, $2, $3, $4, $5, clock_timestamp(), $6)`,
    [workspaceId, id, JSON.stringify(request), JSON.stringify(document), nodeId, createdAt],
  );
}

export async function keepAlive(pool: Pool, nodeId: string, ids: readonly string[]): Promise<void> {
  await pool.query('UPDATE preview_runs SET alive_at = clock_timestamp() WHERE id = ANY($2) AND node_id = $1', [
    nodeId,
    ids,
  ]);
}

export async function failRun(pool: Pool, workspaceId: WorkspaceId, id: string, error: string): Promise<void> {
  await pool.query('UPDATE preview_runs SET error = $3 WHERE workspace_id = $1 AND id = $2', [workspaceId, id, error]);
}

/** Takes up a run whose node is gone; undefined: it is not there, or another is at it. */
export async function takeUp(
  pool: Pool,
  nodeId: string,
  workspaceId: WorkspaceId,
  id: string,
): Promise<{ readonly request: StoredRequest; readonly createdAt: Date } | undefined> {
  const { rows } = await pool.query<{ request: StoredRequest; createdAt: Date }>(
    `UPDATE preview_runs SET node_id = $3, alive_at = clock_timestamp()
      WHERE workspace_id = $1 AND id = $2 AND error IS NULL
        AND alive_at < clock_timestamp() - make_interval(secs => ${STALE_SECONDS})
      RETURNING request, created_at AS "createdAt"`,
    [workspaceId, id, nodeId],
  );
  return rows[0];
}
