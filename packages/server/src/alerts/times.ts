/** When alerts were acknowledged and closed, for those that wait for it. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';

export interface AlertTimes {
  readonly id: string;
  readonly acknowledgedBy: string | null;
  readonly acknowledgedAt: Date | null;
  readonly closedAt: Date | null;
  /** The record that opened it; its `to` are those who were told. */
  readonly eventId: string;
}

export async function alertTimes(
  pool: Pool,
  workspaceId: WorkspaceId,
  ids: readonly string[],
): Promise<ReadonlyMap<string, AlertTimes>> {
  if (ids.length === 0) return new Map();
  const { rows } = await pool.query<AlertTimes>(
    `SELECT id, acknowledged_by AS "acknowledgedBy", acknowledged_at AS "acknowledgedAt", closed_at AS "closedAt", event_id AS "eventId"
       FROM alerts WHERE workspace_id = $1 AND id = ANY($2)`,
    [workspaceId, ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}
