/** The population beside what others say: people who left, agents that changed hands, agents nobody stands behind, strangers in the log. */
import type { ClientBase } from 'pg';
import type { WorkspaceId } from '../ids.ts';

export const RECONCILIATIONS = ['owner_left', 'owner_moved', 'orphan', 'not_in_inventory'] as const;

export interface Reconciliation {
  readonly kind: (typeof RECONCILIATIONS)[number];
  /** Id of the agent, or of the identity. */
  readonly subject: string;
  readonly name: string;
  readonly detail: string;
  readonly since: string | null;
}

/** First of all, agents of people who are not here any more. */
const OWNERS = `
SELECT 'owner_left' AS kind, a.id AS subject, a.handle AS name, 'its owner ' || p.email || ' is not active' AS detail,
       (SELECT max(t.opened_at) FROM transfer_tasks t WHERE t.workspace_id = a.workspace_id AND t.person_id = p.id) AS since
  FROM agents a
  JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id AND s.status <> 'revoked'
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
 WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL AND (NOT p.active OR s.owner_left)
 ORDER BY a.id`;

/** Since the last campaign of the whole workspace. */
const MOVED = `
SELECT 'owner_moved' AS kind, h.agent_id AS subject, a.handle AS name, f.email || ' gave it to ' || t.email AS detail, h.at AS since
  FROM ownership_history h
  JOIN agents a ON a.workspace_id = h.workspace_id AND a.id = h.agent_id AND a.rehearsal_id IS NULL
  JOIN people f ON f.workspace_id = h.workspace_id AND f.id = h.from_id
  JOIN people t ON t.workspace_id = h.workspace_id AND t.id = h.to_id
 WHERE h.workspace_id = $1
   AND h.at > coalesce((SELECT max(c.snapshot_at) FROM review_campaigns c
                         WHERE c.workspace_id = h.workspace_id AND c.kind <> 'event' AND c.status <> 'voided'), '-infinity')
 ORDER BY h.at, h.number`;

/** A directory is connected, and does not know the owner; or the owner has nobody above to review what they own. */
const ORPHANS = `
SELECT 'orphan' AS kind, a.id AS subject, a.handle AS name, 'no directory knows its owner ' || p.email AS detail, NULL::timestamptz AS since
  FROM agents a
  JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id AND s.status <> 'revoked'
  JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id AND p.directory IS NULL AND NOT p.break_glass
 WHERE a.workspace_id = $1 AND a.rehearsal_id IS NULL
   AND EXISTS (SELECT FROM scim_connections c WHERE c.workspace_id = a.workspace_id AND c.revoked_at IS NULL)
 ORDER BY a.id`;

const STRANGERS = `
SELECT 'not_in_inventory' AS kind, u.id AS subject, u.identity AS name,
       u.kind || ', seen ' || u.count || ' times at ' || u.source AS detail, u.first_seen AS since
  FROM unregistered_identities u WHERE u.workspace_id = $1 AND u.dismissed_at IS NULL ORDER BY u.first_seen, u.id LIMIT 10000`;

export async function reconcile(client: ClientBase, workspaceId: WorkspaceId): Promise<readonly Reconciliation[]> {
  const found: Reconciliation[] = [];
  for (const query of [OWNERS, MOVED, ORPHANS, STRANGERS]) {
    const { rows } = await client.query<Omit<Reconciliation, 'since'> & { since: Date | null }>(query, [workspaceId]);
    found.push(...rows.map(({ since, ...row }) => ({ ...row, since: since?.toISOString() ?? null })));
  }
  return found;
}
