/** The stop that stands on something, if one does. */
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';

export const SCOPES = ['agent', 'role', 'owner', 'tool', 'workspace'] as const;
export type Scope = (typeof SCOPES)[number];

/** Id of the containment of exactly this target. */
export async function standingOrder(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  scope: Scope,
  target: string,
): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM containments WHERE workspace_id = $1 AND scope = $2 AND target = $3 AND lifted_at IS NULL',
    [workspaceId, scope, target],
  );
  return rows[0]?.id;
}
