/** Who stands behind the admin keys that records name as their actor. */
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { actorOf } from './admin-keys.ts';

/**
 * An actor as people read it: `dana@acme.example (key:dana)`. One that is no key of a person stays as it is, and so does one that
 * was rotated into other hands: which of them it was, its name does not say.
 */
export async function peopleBehindKeys(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<(actor: string) => string> {
  const { rows } = await client.query<{ name: string; email: string }>(
    `SELECT k.name, min(p.email) AS email
       FROM admin_keys k LEFT JOIN people p ON p.workspace_id = k.workspace_id AND p.id = k.person_id
      WHERE k.workspace_id = $1 GROUP BY k.name HAVING count(p.id) = count(*) AND count(DISTINCT p.id) = 1`,
    [workspaceId],
  );
  const emails = new Map(rows.map(({ name, email }) => [actorOf(name), email]));
  return (actor) => {
    const email = emails.get(actor);
    return email === undefined ? actor : `${email} (${actor})`;
  };
}
