/** How far each sink is on the live log, for those that wait for something to have arrived. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';

export interface SinkCursor {
  readonly id: string;
  readonly name: string;
  /** All up to here is settled. */
  readonly cursorSeq: number;
}

/** Of sinks that send: of those that are paused nothing is waited for. */
export async function liveCursors(pool: Pool, workspaceId: WorkspaceId): Promise<readonly SinkCursor[]> {
  const { rows } = await pool.query<SinkCursor>(
    `SELECT s.id, s.name, t.cursor_seq AS "cursorSeq" FROM sinks s
       JOIN sink_streams t ON t.workspace_id = s.workspace_id AND t.sink_id = s.id AND t.purpose = 'live'
      WHERE s.workspace_id = $1 AND s.status = 'active' ORDER BY s.id`,
    [workspaceId],
  );
  return rows;
}
