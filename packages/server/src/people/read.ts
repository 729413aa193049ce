/** Reading people. */
import type { ClientBase, Pool } from 'pg';
import { effectiveRoles, rolesOfPersonSql } from '../identity/index.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { type PersonView, personNotFound, type SlackAccount } from './person.ts';

const PEOPLE = `
SELECT p.id, 'person' AS object, p.email, p.display_name, p.label, p.active, p.time_zone, p.groups, p.authority,
       (SELECT c.name FROM scim_connections c WHERE c.workspace_id = p.workspace_id AND c.id = p.directory) AS directory,
       p.user_name, p.external_id, floor(extract(epoch FROM p.deleted_at))::bigint AS deleted_at,
       (SELECT m.email FROM people m WHERE m.workspace_id = p.workspace_id AND m.id = p.manager_id) AS manager,
       p.roles, p.break_glass, p.external, ${rolesOfPersonSql()} AS effective_roles,
       CASE WHEN p.slack_user IS NOT NULL THEN jsonb_build_object('team', p.slack_team, 'user', p.slack_user) END AS slack,
       CASE WHEN p.directory IS NOT NULL THEN 'directory'
            WHEN EXISTS (SELECT FROM person_identities i WHERE i.workspace_id = p.workspace_id AND i.person_id = p.id
                            AND i.linked_how = 'first_sign_in') THEN 'sign_in' ELSE 'hand' END AS source,
       (SELECT count(*) FROM agents a WHERE a.workspace_id = p.workspace_id AND a.owner_id = p.id AND a.rehearsal_id IS NULL) AS agents,
       floor(extract(epoch FROM p.created_at))::bigint AS created
  FROM people p WHERE p.workspace_id = $1`;

export type Person = PersonView & { readonly id: PersonId };

function personOf(row: Person): Person {
  return { ...row, effective_roles: [...effectiveRoles(row.effective_roles)] };
}

export interface PeopleFilter {
  /** Part of the e-mail or name, in any case. */
  readonly q?: string | undefined;
  readonly group?: string | undefined;
  readonly active?: boolean | undefined;
  readonly source?: PersonView['source'] | undefined;
}

/** By e-mail, up to `limit` people after `after`. */
export async function listPeople(
  pool: Pool,
  workspaceId: WorkspaceId,
  { q, group, active, source }: PeopleFilter,
  after: string | undefined,
  limit: number,
): Promise<Person[]> {
  const { rows } = await pool.query<Person>(
    `SELECT * FROM (${PEOPLE} AND p.deleted_at IS NULL
        AND ($2::text IS NULL OR p.email COLLATE "C" > $2 COLLATE "C")
        AND ($4::text IS NULL OR position(lower($4) IN lower(p.email)) > 0 OR position(lower($4) IN lower(p.display_name)) > 0)
        AND ($5::text IS NULL OR p.groups @> ARRAY[$5]) AND ($6::boolean IS NULL OR p.active = $6)) p
      WHERE $7::text IS NULL OR p.source = $7 ORDER BY p.email COLLATE "C" LIMIT $3`,
    [workspaceId, after ?? null, limit, q ?? null, group ?? null, active ?? null, source ?? null],
  );
  return rows.map(personOf);
}

/** By id or e-mail. Throws `person_not_found`. */
export async function readPerson(client: Pool | ClientBase, workspaceId: WorkspaceId, person: string): Promise<Person> {
  const { rows } = await client.query<Person>(
    `${PEOPLE} AND (p.id = $2 OR (p.email = lower($2) AND p.deleted_at IS NULL))`,
    [workspaceId, person],
  );
  if (rows[0] === undefined) throw personNotFound(person);
  return personOf(rows[0]);
}

export interface SlackHolder {
  readonly id: PersonId;
  readonly email: string;
}

/** Whose account in Slack it is. */
export async function personOfSlack(
  pool: Pool,
  workspaceId: WorkspaceId,
  { team, user }: SlackAccount,
): Promise<SlackHolder | undefined> {
  const { rows } = await pool.query<SlackHolder>(
    'SELECT id, email FROM people WHERE workspace_id = $1 AND slack_team = $2 AND slack_user = $3',
    [workspaceId, team, user],
  );
  return rows[0];
}

/** Slack user ids of those of these people who have an account in the team. */
export async function slackUsersOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  team: string,
  emails: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ slack_user: string }>(
    `SELECT slack_user FROM people WHERE workspace_id = $1 AND slack_team = $2 AND active AND email = ANY($3)
      ORDER BY email`,
    [workspaceId, team, emails],
  );
  return rows.map(({ slack_user }) => slack_user);
}
