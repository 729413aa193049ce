import type { ClientBase } from 'pg';
import type { WorkspaceId } from '../ids.ts';

/**
 * Of everything the policy is read from, and of the archive of what was published last; ends with the hash that it was
 * published with. Made in the database: to see that nothing has changed, nothing is read out of it.
 */
export async function policyDigest(client: ClientBase, workspaceId: WorkspaceId): Promise<string> {
  const { rows } = await client.query<{ digest: string }>(
    `SELECT concat_ws(' ',
       (SELECT md5(string_agg(concat_ws(':', r.name, r.current_revision, v.document::text), ',' ORDER BY r.name))
          FROM roles r LEFT JOIN role_revisions v ON v.workspace_id = r.workspace_id AND v.role = r.name AND v.revision = r.current_revision
         WHERE r.workspace_id = $1),
       (SELECT md5(concat(g.revision, g.guards)) FROM workspace_guard_revisions g WHERE g.workspace_id = $1 ORDER BY g.revision DESC LIMIT 1),
       (SELECT md5(string_agg(concat_ws(':', c.name, c.access, c.destructive, c.impact::text), ',' ORDER BY c.name))
          FROM capabilities c WHERE c.workspace_id = $1),
       (SELECT md5(string_agg(f.name || f.document::text, ',' ORDER BY f.name)) FROM freezes f WHERE f.workspace_id = $1),
       (SELECT md5(string_agg(concat(o.id, o.freeze_name, o.starts_at, o.ends_at), ',' ORDER BY o.id))
          FROM freeze_overrides o WHERE o.workspace_id = $1 AND o.in_policy),
       (SELECT md5(concat(o.revision, o.document)) FROM source_revisions o WHERE o.workspace_id = $1 ORDER BY o.revision DESC LIMIT 1),
       (SELECT environment FROM workspaces WHERE id = $1),
       (SELECT concat_ws(' ', p.revision, md5(p.document::text), p.policy_hash) FROM policy_revisions p
         WHERE p.workspace_id = $1 ORDER BY p.revision DESC LIMIT 1)) AS digest`,
    [workspaceId],
  );
  return rows[0]?.digest ?? '';
}
