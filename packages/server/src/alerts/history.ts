/** What the log says of an alert: its opening, every step of people, and what was done about it. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { LogRecord } from '../log/index.ts';

const MAX_STEPS = 500;

/** Oldest first; what was recorded a moment ago comes a moment later. */
export async function historyOf(pool: Pool, workspaceId: WorkspaceId, alertId: string): Promise<readonly LogRecord[]> {
  const { rows } = await pool.query<{ record: LogRecord }>(
    `SELECT record FROM actions WHERE workspace_id = $1 AND kind LIKE 'alert.%' AND record ->> 'alert_id' = $2
      ORDER BY seq LIMIT ${MAX_STEPS}`,
    [workspaceId, alertId],
  );
  return rows.map(({ record }) => record);
}
