/** What has left the log of a period: told beside every report that reads it, never left out in silence. */
import type { Facts } from '@hivekey/evidence';
import type { ReportScope } from './report.ts';

export type Absences = Pick<Facts, 'exclusions' | 'redactions'>;

interface Row {
  kind: 'log.pruned' | 'log.redacted';
  event_id: string;
  removed: string[] | null;
  gone: number;
}

// When an entry was committed is known without its payload, and a moment after it was decided.
const ABSENT = `
WITH entries AS (
  SELECT min(s.first_global_seq) AS first, max(s.first_global_seq + s.count - 1) AS last
    FROM log_seals s JOIN log_blocks b USING (workspace_id, shard_id, block)
   WHERE s.workspace_id = $1 AND b.committed_at >= $2 AND b.committed_at < $3)
SELECT a.kind, a.event_id, a.removed,
       (SELECT sum(upper(r) - lower(r)) FROM unnest(a.entries * int8multirange(int8range(e.first, least(e.last, a.removed_through), '[]'))) AS r)::bigint AS gone
  FROM log_absences a CROSS JOIN entries e
 WHERE a.workspace_id = $1 AND e.first <= least(e.last, a.removed_through)
   AND a.entries && int8range(e.first, least(e.last, a.removed_through), '[]')
 ORDER BY a.seq`;

export async function absencesIn({ client, workspaceId, period }: ReportScope): Promise<Absences> {
  const { rowCount } = await client.query('SELECT FROM log_absences WHERE workspace_id = $1 LIMIT 1', [workspaceId]);
  if (rowCount === 0) return { exclusions: [], redactions: [] };
  const { rows } = await client.query<Row>(ABSENT, [workspaceId, period.from, period.to]);
  return {
    exclusions: rows
      .filter(({ kind }) => kind === 'log.pruned')
      .map(({ event_id: by, gone }) => ({
        what: 'entries of the log of this period whose payload is gone; their hashes and places are kept',
        count: gone,
        reason: `their retention period was over: log.pruned ${by}`,
      })),
    redactions: rows
      .filter(({ kind }) => kind === 'log.redacted')
      .map(({ event_id: by, gone, removed }) => ({
        fields: removed ?? [],
        rule: `two people took them out of a record: log.redacted ${by}`,
        count: gone,
      })),
  };
}
