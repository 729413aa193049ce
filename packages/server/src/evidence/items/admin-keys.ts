/** Who stands behind `key:…` in the records: every admin key that there had been by the end of the period. */
import type { TableShape } from '@hivekey/evidence';
import { column } from '../column.ts';
import { endOf } from '../period.ts';
import type { ReportScope } from '../report.ts';

export const ADMIN_KEYS: TableShape = {
  name: 'admin-keys',
  title: 'Admin keys, and the people they belong to',
  columns: [
    column(
      'actor',
      'id',
      'As records and other tables name it. Only a key that takes the place of another has its name.',
    ),
    column('key_id', 'id', 'The key. One that was rotated has a row of its own.'),
    column('person_email', 'text', 'To whom it belongs. Empty: to nobody; a program has it.'),
    column('roles', 'list', 'What it may do in HiveKey.'),
    column('created_at', 'time', 'When it was made.'),
    column('created_by', 'text', 'By whom.'),
    column('ended_at', 'time', 'When it was revoked, or expired. Empty: it could be used at the end of the period.'),
    column('replaced_by', 'id', 'The key that took its place in the period or before.'),
  ],
};

export const ADMIN_KEYS_QUERY = `
SELECT 'key:' || k.name AS actor, k.id AS key_id, p.email AS person_email, k.roles, k.created_at, k.created_by,
       CASE WHEN least(k.revoked_at, k.expires_at) < $2 THEN least(k.revoked_at, k.expires_at) END AS ended_at, r.id AS replaced_by
  FROM admin_keys k
  LEFT JOIN people p ON p.workspace_id = k.workspace_id AND p.id = k.person_id
  LEFT JOIN admin_keys r ON r.workspace_id = k.workspace_id AND r.id = k.replaced_by AND r.created_at < $2
 WHERE k.workspace_id = $1 AND k.created_at < $2 ORDER BY k.created_at, k.id`;

export async function adminKeysIn({ client, workspaceId, period, asOf }: ReportScope): Promise<readonly object[]> {
  const { rows } = await client.query<object>(ADMIN_KEYS_QUERY, [workspaceId, endOf(period, asOf)]);
  return rows;
}
