/** People as reviewers are chosen from them. */
import type { ClientBase, Pool } from 'pg';
import { rolesOfPersonSql, type WorkspaceRole } from '../identity/index.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import type { Directory, KnownPerson } from './reviewers.ts';

interface Row extends Omit<KnownPerson, 'auditor' | 'reviewer'> {
  readonly roles: readonly WorkspaceRole[];
  readonly external: boolean;
}

const PEOPLE = `
SELECT p.id, p.email, p.active AND p.deleted_at IS NULL AS active, p.break_glass AS "breakGlass", p.manager_id AS "managerId",
       p.groups, p.label AS team, p.external, ${rolesOfPersonSql()} AS roles
  FROM people p WHERE p.workspace_id = $1 ORDER BY p.email`;

/** Of a name that several keys had, everybody who had one. */
const KEYS = `
SELECT name, array_agg(DISTINCT person_id) AS holders FROM admin_keys
 WHERE workspace_id = $1 AND person_id IS NOT NULL GROUP BY name`;

export async function readDirectory(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<Directory> {
  const { rows: people } = await client.query<Row>(PEOPLE, [workspaceId]);
  const { rows: keys } = await client.query<{ name: string; holders: PersonId[] }>(KEYS, [workspaceId]);
  const known = people.map(
    ({ roles, external, ...person }): KnownPerson => ({
      ...person,
      auditor: external || roles.includes('auditor'),
      reviewer: roles.includes('reviewer') || roles.includes('admin'),
    }),
  );
  return {
    people: new Map(known.map((person) => [person.id, person])),
    // Of an address that somebody had before, whoever has it now.
    byEmail: new Map(
      [...known.filter(({ active }) => !active), ...known.filter(({ active }) => active)].map((each) => [
        each.email,
        each,
      ]),
    ),
    keyHolders: new Map(keys.map(({ name, holders }) => [name, holders])),
  };
}
