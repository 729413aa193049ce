/**
 * All workspaces write below one folder, and a sink puts files aside and deletes old ones: a path is that of one sink, with
 * the names that its full files get. What another workspace has written stays, when its sink is deleted too.
 */
import { posix } from 'node:path';
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../../errors.ts';
import type { WorkspaceId } from '../../ids.ts';

/** `id`: of the sink that is to have the path; undefined: of none yet. Throws `sink_path_taken`. */
export async function refuseTakenPath(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string | undefined,
  { kind, settings }: { readonly kind: string; readonly settings: Readonly<Record<string, unknown>> },
): Promise<void> {
  if (kind !== 'file' || typeof settings.path !== 'string') return;
  const wanted = stemOf(settings.path);
  const { rows } = await client.query<{ path: string }>(
    `SELECT settings ->> 'path' AS path FROM sinks
      WHERE kind = 'file' AND id IS DISTINCT FROM $2 AND (status <> 'deleted' OR workspace_id <> $1)`,
    [workspaceId, id ?? null],
  );
  if (!rows.some(({ path }) => stemOf(path) === wanted)) return;
  throw new Failure(409, 'sink_path_taken', `Another sink writes to ${settings.path}.`, 'Choose another path.');
}

/** One at a time, whatever the workspace, to the end of the transaction. */
export async function lockPaths(client: ClientBase): Promise<void> {
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('hivekey file sinks', 0))`);
}

/** The same for a file and those that it puts aside; some file systems do not tell letters apart by case. */
function stemOf(path: string): string {
  return posix
    .normalize(path)
    .toLowerCase()
    .replace(/(\.\d{8,})*\.ndjson$/, '');
}
