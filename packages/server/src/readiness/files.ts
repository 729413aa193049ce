/** What goes into files about a run. */
import type { RunDocument } from '@hivekey/evidence/controls';
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';

/** The run itself, canonical JSON. */
export const RUN_FILE = 'readiness.json';

/** Controls that passed while a deficiency of theirs was open: the run was too short, or too old, to close it. */
export async function warnedControls(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  { id, as_of }: Pick<RunDocument, 'id' | 'as_of'>,
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ control: string }>(
    `SELECT DISTINCT control FROM deficiencies
      WHERE workspace_id = $1 AND opened_at < $3 AND (closed_at IS NULL OR closed_at > $3) AND closed_by_run IS DISTINCT FROM $2`,
    [workspaceId, id, as_of],
  );
  return new Set(rows.map(({ control }) => control));
}
