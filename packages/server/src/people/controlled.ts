/** What people may approve and do, under change control. */
import { z } from 'zod';
import { type ControlledType, documentOf, shaped } from '../versions/index.ts';
import { changeAuthorityIn } from './change.ts';
import { type PersonView, personChangeSchema } from './person.ts';

const schema = z.strictObject({
  authority: personChangeSchema.shape.authority.unwrap(),
  groups: personChangeSchema.shape.groups.unwrap(),
  roles: personChangeSchema.shape.roles.unwrap(),
});

type Row = Pick<PersonView, 'authority' | 'groups' | 'roles'>;

/** Which groups of a directory somebody is in is for the directory to say. */
const PEOPLE = `
SELECT id, authority, roles,
       ARRAY(SELECT g FROM unnest(groups) g
              WHERE g <> ALL (ARRAY(SELECT d.name FROM directory_groups d WHERE d.workspace_id = $1))) AS groups
  FROM people WHERE workspace_id = $1 AND deleted_at IS NULL`;

export const personAuthorityType: ControlledType = {
  type: 'person_authority',
  isPolicy: false,
  parse: (_id, document) => documentOf(sorted(authorityOf(document))),
  async list(client, workspaceId) {
    const { rows } = await client.query<Row & { id: string }>(PEOPLE, [workspaceId]);
    return new Map(rows.map(({ id, ...row }) => [id, documentOf(sorted(row))]));
  },
  async read(client, workspaceId, id) {
    const { rows } = await client.query<Row>(`${PEOPLE} AND id = $2`, [workspaceId, id]);
    const [row] = rows;
    return row && documentOf(sorted({ authority: row.authority, groups: row.groups, roles: row.roles }));
  },
  async apply(transaction, who, id, document) {
    const nothing = { authority: [], groups: [], roles: [] };
    await changeAuthorityIn(transaction, who, id, document === null ? nothing : authorityOf(document));
  },
  // An auditor is only that: whatever else was given comes to life when it is gone.
  async setsFree(client, workspaceId, before, after) {
    const isAuditor = async ({ roles, groups }: z.output<typeof schema>): Promise<boolean> => {
      if (roles.includes('auditor')) return true;
      const { rowCount } = await client.query(
        `SELECT FROM group_roles WHERE workspace_id = $1 AND "group" = ANY($2) AND role = 'auditor'`,
        [workspaceId, groups],
      );
      return (rowCount ?? 0) > 0;
    };
    return (await isAuditor(authorityOf(before))) && !(await isAuditor(authorityOf(after)));
  },
};

function authorityOf(document: unknown): z.output<typeof schema> {
  return shaped(schema, document, 'authority_invalid', 'The document');
}

/** Groups and roles are sets. */
function sorted({ authority, groups, roles }: Row): Row {
  return { authority, groups: groups.toSorted(), roles: roles.toSorted() };
}
