/** Reading roles and their revisions. */
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { type RoleRow, roleNotFound } from './role.ts';

const REVISIONS = `
SELECT r.name, v.revision, v.document, v.author,
       (SELECT count(*) FROM agent_roles w JOIN agents a ON a.workspace_id = w.workspace_id AND a.id = w.agent_id
         WHERE w.workspace_id = r.workspace_id AND w.role = r.name AND a.rehearsal_id IS NULL) AS agents,
       floor(extract(epoch FROM r.created_at))::bigint AS created,
       floor(extract(epoch FROM v.created_at))::bigint AS updated_at
  FROM roles r JOIN role_revisions v ON v.workspace_id = r.workspace_id AND v.role = r.name
 WHERE r.workspace_id = $1`;

/** By name, up to `limit` roles after `after`, each at its current revision. */
export async function listRoles(
  pool: Pool,
  workspaceId: WorkspaceId,
  after: string | undefined,
  limit: number,
): Promise<RoleRow[]> {
  const { rows } = await pool.query<RoleRow>(
    `${REVISIONS} AND v.revision = r.current_revision AND ($2::text IS NULL OR r.name COLLATE "C" > $2 COLLATE "C")
 ORDER BY r.name COLLATE "C" LIMIT $3`,
    [workspaceId, after ?? null, limit],
  );
  return rows;
}

/** At its current revision. */
export async function findRole(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  name: string,
): Promise<RoleRow | undefined> {
  const { rows } = await client.query<RoleRow>(`${REVISIONS} AND v.revision = r.current_revision AND r.name = $2`, [
    workspaceId,
    name,
  ]);
  return rows[0];
}

/** At a revision, the current one without. Throws `role_not_found`, `role_revision_not_found`. */
export async function readRole(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  name: string,
  revision?: number,
): Promise<RoleRow> {
  const current = await findRole(client, workspaceId, name);
  if (current === undefined) throw roleNotFound(name);
  if (revision === undefined || revision === current.revision) return current;
  const { rows } = await client.query<RoleRow>(`${REVISIONS} AND r.name = $2 AND v.revision = $3`, [
    workspaceId,
    name,
    revision,
  ]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'role_revision_not_found',
    `The role "${name}" has no revision ${revision}.`,
    'List them with GET /v1/roles/:name/revisions.',
  );
}

/** Newest first, up to `limit` revisions before `before`. Throws `role_not_found`. */
export async function listRevisions(
  pool: Pool,
  workspaceId: WorkspaceId,
  name: string,
  before: number | undefined,
  limit: number,
): Promise<RoleRow[]> {
  await readRole(pool, workspaceId, name);
  const { rows } = await pool.query<RoleRow>(
    `${REVISIONS} AND r.name = $2 AND ($3::int IS NULL OR v.revision < $3) ORDER BY v.revision DESC LIMIT $4`,
    [workspaceId, name, before ?? null, limit],
  );
  return rows;
}

export async function agentsByRole(pool: Pool, workspaceId: WorkspaceId): Promise<ReadonlyMap<string, number>> {
  const { rows } = await pool.query<{ role: string; agents: number }>(
    `SELECT w.role, count(*) AS agents FROM agent_roles w JOIN agents a ON a.workspace_id = w.workspace_id AND a.id = w.agent_id
      WHERE w.workspace_id = $1 AND a.rehearsal_id IS NULL GROUP BY w.role`,
    [workspaceId],
  );
  return new Map(rows.map(({ role, agents }) => [role, agents]));
}

export function roleNameDiffers(named: string, address: string): Failure {
  return new Failure(
    422,
    'role_name_differs',
    `The file is of the role "${named}", the address names "${address}".`,
    'Send the file to the address of its role; a role cannot be renamed.',
  );
}
