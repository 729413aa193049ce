/** Where else in this database something of a record stands: it goes with the payload, in the same transaction. And where outside. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';

/** Each with the entries that are `gone`. What cannot be told apart goes whole. */
const PLACES: readonly string[] = [
  // The request, the view and the result of a held call; one that is not over is never let go.
  `UPDATE approvals SET wrapped_key = '', ciphertext = '', reason = '[redacted]', result_key = NULL, result = NULL
     FROM gone WHERE workspace_id = $1 AND (approvals.event_id = gone.event_id OR call_event_id = gone.event_id)
      AND status NOT IN ('pending', 'approved', 'released') AND ciphertext <> ''`,
  `UPDATE alerts SET facts = '{"redacted": true}'
    WHERE workspace_id = $1 AND EXISTS (SELECT FROM gone WHERE gone.event_id = alerts.event_id OR gone.event_id = ANY(evidence))`,
  `UPDATE detection_findings SET document = document - ARRAY['group', 'key', 'measured', 'reason'] || '{"redacted": true}'
    WHERE workspace_id = $1 AND EXISTS (SELECT FROM gone WHERE gone.event_id = detection_findings.event_id
                                          OR gone.seq = detection_findings.seq OR document -> 'evidence' ? gone.event_id)`,
  `UPDATE sink_dead_letters SET why = '[redacted]'
    WHERE workspace_id = $1 AND EXISTS (SELECT FROM gone WHERE gone.seq BETWEEN first_seq AND last_seq)`,
  `UPDATE channel_messages SET facts = '{}'
    WHERE workspace_id = $1 AND EXISTS (SELECT FROM gone WHERE gone.event_id = channel_messages.event_id)`,
];

/** Before the rows of the entries go from the projection. */
export async function clearPlaces(
  client: ClientBase,
  workspaceId: WorkspaceId,
  seqs: readonly number[],
): Promise<void> {
  if (seqs.length === 0) return;
  for (const place of PLACES)
    await client.query(
      `WITH gone AS MATERIALIZED (SELECT seq, event_id FROM actions WHERE workspace_id = $1 AND seq = ANY($2)) ${place}`,
      [workspaceId, seqs],
    );
}

export const outsideSchema = z
  .object({
    place: z.enum(['sink', 'webhook', 'channel', 'export', 'backup']),
    name: z.string(),
    what: z.string().meta({ description: 'What is there, and who can remove it.' }),
  })
  .meta({ id: 'PlaceOutside' });
export type PlaceOutside = z.output<typeof outsideSchema>;

/** Where copies went that only the customer can remove. A sink that was deleted may still have what it got. */
export async function placesOutside(pool: Pool, workspaceId: WorkspaceId): Promise<readonly PlaceOutside[]> {
  const { rows } = await pool.query<PlaceOutside>(
    `SELECT 'sink' AS place, name || ' (' || kind || CASE WHEN status = 'deleted' THEN ', deleted' ELSE '' END || ')' AS name,
            'every event that was sent: delete it there by event_id' AS what
       FROM sinks WHERE workspace_id = $1
      UNION ALL SELECT 'webhook', url, 'every event of its kinds: its receiver has to delete it' FROM webhooks WHERE workspace_id = $1
      UNION ALL SELECT 'channel', kind, 'messages about approvals and alerts that were delivered' FROM channels WHERE workspace_id = $1
      UNION ALL SELECT 'export', coalesce('entries ' || (record ->> 'first_seq') || ' to ' || (record ->> 'last_seq'), 'a search') || ', taken by ' || (record ->> 'actor')
                       || ' on ' || to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'a file that was downloaded, or a Parquet copy of a day: delete it, and take it again'
                  FROM actions WHERE workspace_id = $1 AND kind = 'log.exported'
      ORDER BY place, name`,
    [workspaceId],
  );
  return [...rows, { place: 'backup', name: 'PostgreSQL', what: 'backups and replicas until they are overwritten' }];
}
