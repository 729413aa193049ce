/** Groups of people as the API shows them. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { WORKSPACE_ROLES } from '../identity/index.ts';
import type { WorkspaceId } from '../ids.ts';

export const groupSchema = z
  .object({
    object: z.literal('group'),
    name: z.string().meta({ description: 'As policies, roles and people name it.' }),
    id: z.string().nullable().meta({ description: 'Null for a group kept by hand.' }),
    display_name: z.string().meta({ description: 'As the directory calls it.' }),
    source: z.enum(['directory', 'hand']),
    connection: z.string().nullable().meta({ description: 'The SCIM connection that wrote it last.' }),
    external_id: z.string().nullable(),
    members: z.int(),
    roles: z
      .array(z.enum(WORKSPACE_ROLES))
      .meta({ description: 'Roles in the workspace that its members have by it.' }),
    updated_at: z.int().nullable(),
  })
  .meta({ id: 'Group' });

export const groupMemberSchema = z
  .object({
    object: z.literal('group_member'),
    person: z.string(),
    email: z.string(),
    display_name: z.string(),
    active: z.boolean(),
  })
  .meta({ id: 'GroupMember' });

/** Names only grow with the people who have them, so that they are counted there: no group kept by hand has a row. */
const GROUPS = `
WITH named AS (
  SELECT t.name, count(*)::int AS members FROM people p, unnest(p.groups) AS t(name)
   WHERE p.workspace_id = $1 AND p.deleted_at IS NULL AND p.groups <> '{}' GROUP BY t.name),
every AS (
  SELECT coalesce(d.name, n.name) COLLATE "C" AS name, d.id, d.display_name, d.external_id, d.directory, d.modified_at, coalesce(n.members, 0) AS members
    FROM named n FULL JOIN (SELECT * FROM directory_groups WHERE workspace_id = $1) d ON d.name = n.name)
SELECT 'group' AS object, e.name, e.id, coalesce(e.display_name, e.name) AS display_name,
       CASE WHEN e.id IS NULL THEN 'hand' ELSE 'directory' END AS source,
       (SELECT c.name FROM scim_connections c WHERE c.workspace_id = $1 AND c.id = e.directory) AS connection,
       e.external_id, e.members,
       ARRAY(SELECT r.role FROM group_roles r WHERE r.workspace_id = $1 AND r."group" = e.name ORDER BY r.role) AS roles,
       floor(extract(epoch FROM e.modified_at))::bigint AS updated_at
  FROM every e WHERE ($2::text IS NULL OR e.name > $2 COLLATE "C")
   AND ($4::text IS NULL OR e.name = ANY(ARRAY(
         SELECT unnest(m.groups) FROM people m
          WHERE m.workspace_id = $1 AND m.deleted_at IS NULL AND (m.id = $4 OR m.email = lower($4)))))
 ORDER BY e.name LIMIT $3`;

/** Of one person, by id or e-mail, where one is named. */
export async function listGroups(
  pool: Pool,
  workspaceId: WorkspaceId,
  person: string | undefined,
  after: string | undefined,
  limit: number,
): Promise<z.output<typeof groupSchema>[]> {
  const { rows } = await pool.query<z.output<typeof groupSchema>>(GROUPS, [
    workspaceId,
    after ?? null,
    limit,
    person ?? null,
  ]);
  return rows;
}

/** Nobody for a group that is not there: without people it is only a name. */
export async function listMembers(
  pool: Pool,
  workspaceId: WorkspaceId,
  group: string,
  after: string | undefined,
  limit: number,
): Promise<z.output<typeof groupMemberSchema>[]> {
  const { rows } = await pool.query<z.output<typeof groupMemberSchema>>(
    `SELECT 'group_member' AS object, p.id AS person, p.email, p.display_name, p.active FROM people p
      WHERE p.workspace_id = $1 AND p.deleted_at IS NULL AND p.groups @> ARRAY[$2]
        AND ($3::text IS NULL OR p.email COLLATE "C" > $3 COLLATE "C") ORDER BY p.email COLLATE "C" LIMIT $4`,
    [workspaceId, group, after ?? null, limit],
  );
  return rows;
}
