/** Reading people. */
import type { ClientBase, Pool } from 'pg';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { type PersonView, personNotFound, type SlackAccount } from './person.ts';

const PEOPLE = `
SELECT p.id, 'person' AS object, p.email, p.display_name, p.label, p.active, p.groups, p.authority,
       CASE WHEN p.slack_user IS NOT NULL THEN jsonb_build_object('team', p.slack_team, 'user', p.slack_user) END AS slack,
       (SELECT count(*) FROM agents a WHERE a.workspace_id = p.workspace_id AND a.owner_id = p.id AND a.rehearsal_id IS NULL) AS agents,
       floor(extract(epoch FROM p.created_at))::bigint AS created
  FROM people p WHERE p.workspace_id = $1`;

export type Person = PersonView & { readonly id: PersonId };

/** By e-mail, up to `limit` people after `after`. */
export async function listPeople(
  pool: Pool,
  workspaceId: WorkspaceId,
  after: string | undefined,
  limit: number,
): Promise<Person[]> {
  const { rows } = await pool.query<Person>(
    `${PEOPLE} AND ($2::text IS NULL OR p.email COLLATE "C" > $2 COLLATE "C") ORDER BY p.email COLLATE "C" LIMIT $3`,
    [workspaceId, after ?? null, limit],
  );
  return rows;
}

/** By id or e-mail. Throws `person_not_found`. */
export async function readPerson(client: Pool | ClientBase, workspaceId: WorkspaceId, person: string): Promise<Person> {
  const { rows } = await client.query<Person>(`${PEOPLE} AND (p.id = $2 OR p.email = lower($2))`, [
    workspaceId,
    person,
  ]);
  if (rows[0] === undefined) throw personNotFound(person);
  return rows[0];
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
