/** Whether edits of controlled objects have to be reviewed, and of which types. */
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { OBJECT_TYPES, type ObjectType } from './object.ts';

export interface Control {
  readonly mode: 'direct' | 'reviewed';
  readonly types: readonly ObjectType[];
}

interface Row {
  mode: 'direct' | 'reviewed';
  types: ObjectType[] | null;
}

/**
 * As the settings were last let in: their newest version, not the row of the table. Whoever edits that row does not
 * open the gate by it, and neither does the transaction that is changing it.
 */
export async function readControl(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<Control> {
  const { rows } = await client.query<{ document: Row | null }>(
    `SELECT document FROM object_versions WHERE workspace_id = $1 AND object_type = 'change_settings' AND object_id = '*'
      ORDER BY version DESC LIMIT 1`,
    [workspaceId],
  );
  const { mode = 'direct', types = null } = rows[0]?.document ?? {};
  return { mode, types: types ?? OBJECT_TYPES };
}
