/** The records of the log as they are stored, in its order: for those who read much of it. Those that have left it are passed over. Nothing is verified. */
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { projectedSize, sealedBlocks } from './projector.ts';

/** What is read from the database at once: at least one block, and about this many bytes. */
const BYTES_AT_ONCE = 4 * 1024 * 1024;
const MAX_BLOCKS_AT_ONCE = 512;
const LINE_FEED = 0x0a;

export interface RecordLine {
  readonly seq: number;
  /** JSON in UTF-8. */
  readonly record: Buffer;
}

/** Global number of the first entry of that time or later, by its time; `last + 1` where there is none. */
export async function seqFrom(
  pool: Pool,
  workspaceId: WorkspaceId,
  from: Date,
): Promise<{ readonly first: number; readonly last: number }> {
  const last = await projectedSize(pool, workspaceId);
  const { rows } = await pool.query<{ seq: number }>(
    'SELECT seq FROM actions WHERE workspace_id = $1 AND ts >= $2 ORDER BY ts, seq LIMIT 1',
    [workspaceId, from],
  );
  return { first: rows[0]?.seq ?? last + 1, last };
}

/** A list for each time the database is asked; memory does not grow with the log. */
export async function* recordLines(
  client: ClientBase,
  workspaceId: WorkspaceId,
  first: number,
  last: number,
): AsyncGenerator<readonly RecordLine[], void, undefined> {
  let limit = 1;
  for (let next = first; next <= last; ) {
    const blocks = await sealedBlocks(client, workspaceId, next, limit);
    const end = blocks.at(-1);
    if (end === undefined) return;
    yield blocks.flatMap(({ firstGlobalSeq, records }) => linesOf(records, firstGlobalSeq, first, last));
    next = end.firstGlobalSeq + end.count;
    const bytes = blocks.reduce((sum, { records }) => sum + records.length, 0);
    limit = Math.max(1, Math.min(MAX_BLOCKS_AT_ONCE, Math.floor((BYTES_AT_ONCE / Math.max(1, bytes)) * blocks.length)));
  }
}

function linesOf(records: Buffer, firstSeq: number, first: number, last: number): RecordLine[] {
  const lines: RecordLine[] = [];
  let seq = firstSeq;
  for (let start = 0; start <= records.length; seq += 1) {
    const found = records.indexOf(LINE_FEED, start);
    const end = found < 0 ? records.length : found;
    if (seq >= first && seq <= last && end > start) lines.push({ seq, record: records.subarray(start, end) });
    start = end + 1;
  }
  return lines;
}
