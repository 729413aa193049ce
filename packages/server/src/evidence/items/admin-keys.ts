/** Who stands behind `key:…` in the records: every admin key that there had been by the end of the period. */
import type { TableShape } from '@hivekey/evidence';
import { column } from '../column.ts';
import { endOf } from '../period.ts';
import type { ReportScope } from '../report.ts';

export const ADMIN_KEYS: TableShape = {
  name: 'admin-keys',
  title: 'Admin keys, and the people they belong to',
  columns: [
    column('actor', 'id', 'As records and other tables name it. A name is never given to another key.'),
    column('key_id', 'id', 'The key. One that was rotated has a row of its own.'),
    column('person_email', 'text', 'To whom it belongs. Empty: to nobody; a program has it.'),
    column('roles', 'list', 'What it may do in HiveKey.'),
    column('created_at', 'time', 'When it was made.'),
    column('created_by', 'text', 'By whom.'),
    column('expires_at', 'time', 'When it ends by itself. Empty: never.'),
    column('revoked_at', 'time', 'When it was ended. Empty: it had not been by the end of the period.'),
    column('replaced_by', 'id', 'The key that took its place.'),
  ],
};

export const ADMIN_KEYS_QUERY = `
SELECT 'key:' || k.name AS actor, k.id AS key_id, p.email AS person_email, k.roles, k.created_at, k.created_by, k.expires_at,
       CASE WHEN k.revoked_at < $2 THEN k.revoked_at END AS revoked_at, CASE WHEN k.revoked_at < $2 THEN k.replaced_by END AS replaced_by
  FROM admin_keys k LEFT JOIN people p ON p.workspace_id = k.workspace_id AND p.id = k.person_id
 WHERE k.workspace_id = $1 AND k.created_at < $2 ORDER BY k.created_at, k.id`;

export async function adminKeysIn({ client, workspaceId, period, asOf }: ReportScope): Promise<readonly object[]> {
  const { rows } = await client.query<object>(ADMIN_KEYS_QUERY, [workspaceId, endOf(period, asOf)]);
  return rows;
}
