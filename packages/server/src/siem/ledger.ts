/** The rows of the ledger: what became of the entries of each day. */
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { Move } from './outcome.ts';

interface Place {
  readonly workspaceId: WorkspaceId;
  readonly sinkId: string;
}

/** Of what was rejected, and is not any more. The rows are there: it was counted on them. */
export async function moveDays(
  client: ClientBase,
  { workspaceId, sinkId }: Place,
  moves: readonly Move[],
): Promise<void> {
  for (const { day, accepted, unconfirmed, filtered } of moves)
    await client.query({
      name: 'sink-move-day',
      text: `UPDATE sink_ledger SET accepted = accepted + $4, unconfirmed = greatest(0, least(unconfirmed + $5, accepted + $4)),
                    rejected = rejected - $4 - $6, produced = produced - $6, filtered = filtered + $6
              WHERE workspace_id = $1 AND sink_id = $2 AND day = $3`,
      values: [workspaceId, sinkId, day, accepted, unconfirmed, filtered],
    });
}

/** `YYYY-MM-DD` → how many are not sent, because two people passed over them. */
export async function skipDays(
  client: ClientBase,
  { workspaceId, sinkId }: Place,
  days: readonly {
    readonly day: string;
    readonly entries: number;
    readonly firstSeq: number;
    readonly lastSeq: number;
  }[],
): Promise<void> {
  await client.query(
    `INSERT INTO sink_ledger AS l (workspace_id, sink_id, day, produced, rejected, first_seq, last_seq)
     SELECT $1, $2, d.day, d.entries, d.entries, d."firstSeq", d."lastSeq"
       FROM jsonb_to_recordset($3::jsonb) AS d (day date, entries bigint, "firstSeq" bigint, "lastSeq" bigint)
     ON CONFLICT (workspace_id, sink_id, day) DO UPDATE SET
       produced = l.produced + excluded.produced, rejected = l.rejected + excluded.rejected,
       first_seq = least(l.first_seq, excluded.first_seq), last_seq = greatest(l.last_seq, excluded.last_seq)`,
    [workspaceId, sinkId, JSON.stringify(days)],
  );
}

export interface LedgerDay {
  readonly day: string;
  readonly produced: number;
  readonly accepted: number;
  readonly unconfirmed: number;
  readonly rejected: number;
  readonly filtered: number;
  readonly retried: number;
  readonly replayed: number;
  readonly duplicates: number;
  readonly checkpoints: number;
  readonly bytes: number;
  readonly maxLagMs: number;
  readonly gapSeconds: number;
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
}

export function emptyDay(day: string): LedgerDay {
  return {
    ...{
      day,
      produced: 0,
      accepted: 0,
      unconfirmed: 0,
      rejected: 0,
      filtered: 0,
      retried: 0,
      replayed: 0,
      duplicates: 0,
    },
    ...{ checkpoints: 0, bytes: 0, maxLagMs: 0, gapSeconds: 0, firstSeq: null, lastSeq: null },
  };
}

/** By day, both ends included. */
export async function readLedger(
  pool: Pool | ClientBase,
  { workspaceId, sinkId }: Place,
  from: string,
  to: string,
): Promise<readonly LedgerDay[]> {
  const { rows } = await pool.query<LedgerDay>(
    `SELECT day::text, produced, accepted, unconfirmed, rejected, filtered, retried, replayed, duplicates, checkpoints, bytes,
            max_lag_ms AS "maxLagMs", gap_seconds AS "gapSeconds", first_seq AS "firstSeq", last_seq AS "lastSeq"
       FROM sink_ledger WHERE workspace_id = $1 AND sink_id = $2 AND day BETWEEN $3 AND $4 ORDER BY day`,
    [workspaceId, sinkId, from, to],
  );
  return rows;
}

/** What the log has of each day from a number on, whatever became of it at the sink. */
export async function countInLog(
  pool: Pool | ClientBase,
  workspaceId: WorkspaceId,
  range: { readonly fromSeq: number; readonly toSeq?: number; readonly fromDay?: string; readonly toDay?: string },
): Promise<
  readonly { readonly day: string; readonly entries: number; readonly firstSeq: number; readonly lastSeq: number }[]
> {
  const values: unknown[] = [workspaceId, range.fromSeq];
  const where = ['workspace_id = $1', 'seq >= $2'];
  if (range.toSeq !== undefined) where.push(`seq <= $${values.push(range.toSeq)}`);
  if (range.fromDay !== undefined)
    where.push(`ts >= ($${values.push(range.fromDay)}::date)::timestamp AT TIME ZONE 'UTC'`);
  if (range.toDay !== undefined)
    where.push(`ts < ($${values.push(range.toDay)}::date + 1)::timestamp AT TIME ZONE 'UTC'`);
  const { rows } = await pool.query<{ day: string; entries: number; firstSeq: number; lastSeq: number }>(
    `SELECT (ts AT TIME ZONE 'UTC')::date::text AS day, count(*) AS entries, min(seq) AS "firstSeq", max(seq) AS "lastSeq"
       FROM actions WHERE ${where.join(' AND ')} GROUP BY 1 ORDER BY 1`,
    values,
  );
  return rows;
}
