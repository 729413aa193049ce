/** Roles that come with groups, and what holds of every change of roles: nobody changes their own, and an administrator stays. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import {
  checkVoucher,
  MAY_BE_ADMIN,
  rolesOfPersonSql,
  WORKSPACE_ROLES,
  type WorkspaceRole,
} from '../identity/index.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { isReviewed, readControl } from '../versions/index.ts';

/** As it stands in `people.groups`, or in the claim of a provider, which need not look like ours. */
const groupName = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\p{C}]+$/u, 'has control characters');

export const groupRolesSchema = z
  .object({
    object: z.literal('group_roles'),
    groups: z.record(z.string(), z.array(z.enum(WORKSPACE_ROLES))),
  })
  .meta({ id: 'GroupRoles' });

export const newGroupRolesSchema = z.strictObject({
  groups: z
    .record(groupName, z.array(z.enum(WORKSPACE_ROLES)).min(1).max(WORKSPACE_ROLES.length))
    .refine((groups) => Object.keys(groups).length <= 200, 'has more than 200 groups'),
});

type GroupRoles = z.output<typeof groupRolesSchema>;

export async function readGroupRoles(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<GroupRoles> {
  const { rows } = await client.query<{ group: string; roles: WorkspaceRole[] }>(
    `SELECT "group", array_agg(role ORDER BY role) AS roles FROM group_roles WHERE workspace_id = $1 GROUP BY 1 ORDER BY 1`,
    [workspaceId],
  );
  return { object: 'group_roles', groups: Object.fromEntries(rows.map(({ group, roles }) => [group, roles])) };
}

/** All of them at once. Throws `own_session_required`, `change_required`, `own_roles`, `last_admin`. */
export function writeGroupRoles(
  log: ActionLog,
  who: Administrator,
  groups: Readonly<Record<string, readonly WorkspaceRole[]>>,
): Promise<GroupRoles> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async ({ client, now, log: record }) => {
    await checkVoucher(client, who);
    const before = await readGroupRoles(client, workspaceId);
    await refuseUnreviewed(client, workspaceId, before.groups, groups);
    const mine = who.person === undefined ? undefined : await rolesOf(client, workspaceId, who.person.id);
    const hadAdmin = await countAdmins(client, workspaceId);
    const rows = Object.entries(groups).flatMap(([group, roles]) =>
      [...new Set(roles)].map((role) => ({ group, role })),
    );
    // Of whoever loses a role by this, keys do no more than before.
    await client.query(
      `UPDATE people p SET had_role = true
        WHERE p.workspace_id = $1 AND NOT p.had_role
          AND p.id = ANY(ARRAY(SELECT person_id FROM admin_keys WHERE workspace_id = $1 AND revoked_at IS NULL))
          AND p.groups && ARRAY(SELECT "group" FROM group_roles WHERE workspace_id = $1)`,
      [workspaceId],
    );
    await client.query('DELETE FROM group_roles WHERE workspace_id = $1', [workspaceId]);
    await client.query(
      `INSERT INTO group_roles (workspace_id, "group", role, granted_by, granted_at)
       SELECT $1, g, r, $4, $5 FROM unnest($2::text[], $3::text[]) AS t(g, r)`,
      [workspaceId, rows.map(({ group }) => group), rows.map(({ role }) => role), actor, now],
    );
    if (who.person !== undefined && String(mine) !== String(await rolesOf(client, workspaceId, who.person.id)))
      throw ownRoles();
    if (hadAdmin > 0 && (await countAdmins(client, workspaceId)) === 0) throw lastAdmin();
    const after = await readGroupRoles(client, workspaceId);
    const names = [...new Set([...Object.keys(before.groups), ...Object.keys(after.groups)])].sort();
    const changes = Object.fromEntries(
      names
        .filter((name) => String(before.groups[name]) !== String(after.groups[name]))
        .map((name) => [name, [before.groups[name] ?? [], after.groups[name] ?? []]] as const),
    );
    if (Object.keys(changes).length > 0) record({ kind: 'group_roles.changed', actor, changes });
    return after;
  });
}

/** Where others review what people may do, no group gives more by the word of one. */
async function refuseUnreviewed(
  client: ClientBase,
  workspaceId: WorkspaceId,
  before: GroupRoles['groups'],
  after: Readonly<Record<string, readonly WorkspaceRole[]>>,
): Promise<void> {
  if (!isReviewed(await readControl(client, workspaceId), 'person_authority')) return;
  // Without it, what somebody was given beside it comes to life.
  const isAuditorLost = Object.entries(before).some(
    ([group, roles]) => roles.includes('auditor') && after[group]?.includes('auditor') !== true,
  );
  const isMore = Object.entries(after).some(([group, roles]) => roles.some((role) => !before[group]?.includes(role)));
  if (!isMore && !isAuditorLost) return;
  throw new Failure(
    409,
    'change_required',
    'In this workspace what people may do changes only when somebody else has reviewed it, and groups give roles.',
    'Give roles to people by a change of person_authority; or have a change take that type out of "types" of the change settings for a while.',
  );
}

async function rolesOf(
  client: ClientBase,
  workspaceId: WorkspaceId,
  personId: PersonId,
): Promise<readonly WorkspaceRole[]> {
  const { rows } = await client.query<{ roles: WorkspaceRole[] }>(
    `SELECT ARRAY(SELECT unnest(${rolesOfPersonSql()}) ORDER BY 1) AS roles FROM people p WHERE p.workspace_id = $1 AND p.id = $2`,
    [workspaceId, personId],
  );
  return rows[0]?.roles ?? [];
}

async function countAdmins(client: ClientBase, workspaceId: WorkspaceId): Promise<number> {
  const { rows } = await client.query<{ admins: number }>(
    `SELECT count(*)::int AS admins FROM people p WHERE p.workspace_id = $1 AND p.active AND NOT p.break_glass
        AND ${MAY_BE_ADMIN} AND 'admin' = ANY(${rolesOfPersonSql()}::text[]) AND NOT 'auditor' = ANY(${rolesOfPersonSql()}::text[])`,
    [workspaceId],
  );
  return rows[0]?.admins ?? 0;
}

/** Throws `own_roles`. Groups give roles, and authority is what a person may approve. */
export function refuseOwnRoles({ person }: Administrator, personId: PersonId): void {
  if (person?.id === personId) throw ownRoles();
}

/** After a change of the person's roles: throws `last_admin` when the person was the last one who is an administrator. */
export async function refuseWithoutAdmin(
  client: ClientBase,
  workspaceId: WorkspaceId,
  before: { readonly active: boolean; readonly effective_roles: readonly WorkspaceRole[] },
): Promise<void> {
  if (!before.active || !before.effective_roles.includes('admin')) return;
  if ((await countAdmins(client, workspaceId)) === 0) throw lastAdmin();
}

function ownRoles(): Failure {
  return new Failure(
    403,
    'own_roles',
    'Nobody changes their own roles, groups or authority.',
    'Have another administrator do it.',
  );
}

function lastAdmin(): Failure {
  return new Failure(
    409,
    'last_admin',
    'Nobody would be an administrator of this workspace any more.',
    'Make somebody else an administrator first.',
  );
}

export function breakGlassRoles(email: string): Failure {
  return new Failure(
    409,
    'break_glass_only',
    `${email} is an account for emergencies, which is administrator and nothing else.`,
    'End it with DELETE /v1/break-glass/:person, and set up another one.',
  );
}
