/** Expands sealed blocks into the queryable `actions`. Derived: it can be dropped and made again, and checked. */
import type { ClientBase, Pool, PoolClient } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { absentIn, standIns } from './absences.ts';
import { readBlock } from './block.ts';
import { PROJECT, PROJECT_OUTCOMES, PROJECTED_ROWS, SEALED_BLOCKS } from './sql/project.ts';

/** The channel on which followers hear of new rows; the payload is `{"workspace", "seq"}` with the last new number. */
export const LOG_CHANNEL = 'hivekey_log';

const BLOCKS_AT_ONCE = 32;

/** A block with its global numbers. */
export interface SealedBlock {
  readonly firstGlobalSeq: number;
  readonly shardId: string;
  readonly firstSeq: number;
  readonly count: number;
  /** How many of its records have left the log: their places are empty. */
  readonly absent: number;
  readonly records: Buffer;
  readonly entryHashes: Buffer;
  readonly previousHead: Buffer;
  /** By the clock of the database. */
  readonly committedAt: Date;
}

export interface Projection {
  /** New rows; 0 also while another node projects. */
  readonly rows: number;
  readonly hasMore: boolean;
  /** The last projected global number, when there are new rows. */
  readonly lastSeq: number | undefined;
}

const NOTHING: Projection = { rows: 0, hasMore: false, lastSeq: undefined };

/** The block that holds the global number `fromSeq`, and those after it. */
export async function sealedBlocks(
  client: ClientBase | Pool,
  workspaceId: WorkspaceId,
  fromSeq: number,
  limit = BLOCKS_AT_ONCE,
): Promise<SealedBlock[]> {
  const { rows } = await client.query<SealedBlock>({
    name: 'log-sealed-blocks',
    text: SEALED_BLOCKS,
    values: [workspaceId, fromSeq, limit],
  });
  return rows;
}

/** Projects the next sealed blocks, if no other node is at it. */
export async function project(pool: Pool, workspaceId: WorkspaceId): Promise<Projection> {
  return inTransaction(pool, async (client) => {
    const next = await lockCursor(client, workspaceId);
    if (next === undefined) return NOTHING;
    const blocks = await sealedBlocks(client, workspaceId, next);
    const last = blocks.at(-1);
    if (last === undefined) return NOTHING;
    for (const block of blocks)
      await client.query({
        name: 'log-project',
        text: PROJECT,
        values: await projectionValues(client, workspaceId, block),
      });
    const lastSeq = last.firstGlobalSeq + last.count - 1;
    await client.query({ name: 'log-project-outcomes', text: PROJECT_OUTCOMES, values: [workspaceId, next, lastSeq] });
    await client.query('UPDATE projection_cursor SET next_seq = $2 WHERE workspace_id = $1', [
      workspaceId,
      lastSeq + 1,
    ]);
    await client.query('SELECT pg_notify($1, $2)', [
      LOG_CHANNEL,
      JSON.stringify({ workspace: workspaceId, seq: lastSeq }),
    ]);
    return { rows: lastSeq + 1 - next, hasMore: blocks.length === BLOCKS_AT_ONCE, lastSeq };
  });
}

/** The last projected global number; 0 when there is none. */
export async function projectedSize(pool: Pool, workspaceId: WorkspaceId): Promise<number> {
  const { rows } = await pool.query<{ size: number }>({
    name: 'log-projected-size',
    text: 'SELECT next_seq - 1 AS size FROM projection_cursor WHERE workspace_id = $1',
    values: [workspaceId],
  });
  return rows[0]?.size ?? 0;
}

/** Throws the rows away and makes them again from the blocks. Readers see them come back in order. */
export async function rebuildProjection(pool: Pool, workspaceId: WorkspaceId): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query('SELECT FROM projection_cursor WHERE workspace_id = $1 FOR UPDATE', [workspaceId]);
    await client.query('DELETE FROM actions WHERE workspace_id = $1', [workspaceId]);
    await client.query('UPDATE projection_cursor SET next_seq = 1 WHERE workspace_id = $1', [workspaceId]);
  });
  let step: Projection;
  do step = await project(pool, workspaceId);
  while (step.hasMore);
}

/** A row that is not what the blocks say. */
export interface ProjectionDifference {
  readonly seq: number;
  readonly what: 'missing' | 'changed' | 'surplus' | 'outcome';
}

const COMPARED = `
WITH expected AS (${PROJECTED_ROWS})
SELECT coalesce(e.seq, a.seq) AS seq,
       CASE WHEN a.seq IS NULL THEN 'missing' WHEN e.seq IS NULL THEN 'surplus' ELSE 'changed' END AS what
  FROM expected e
  FULL JOIN (SELECT * FROM actions WHERE workspace_id = $1 AND seq >= $3 AND seq < $3 + $9) AS a USING (seq)
 WHERE a.seq IS NULL OR e.seq IS NULL
    OR (to_jsonb(a) - 'outcome') IS DISTINCT FROM (to_jsonb(e) - 'outcome')`;

const WRONG_OUTCOMES = `
SELECT a.seq, 'outcome' AS what FROM actions a
  LEFT JOIN LATERAL (SELECT r.record ->> 'outcome' AS outcome FROM actions r
                      WHERE r.workspace_id = $1 AND r.call_event_id = a.event_id AND r.kind = 'tool.result'
                      ORDER BY r.record ->> 'outcome' = 'unknown', r.seq LIMIT 1) AS result ON a.kind = 'tool.call'
 WHERE a.workspace_id = $1 AND a.outcome IS DISTINCT FROM coalesce(result.outcome, a.record ->> 'outcome')
 ORDER BY a.seq LIMIT $2`;

/** Compares every projected row with its block. At most `limit` differences; none means the projection is right. */
export async function compareProjection(
  pool: Pool,
  workspaceId: WorkspaceId,
  limit = 100,
): Promise<ProjectionDifference[]> {
  const found: ProjectionDifference[] = [];
  const cursor = await pool.query<{ next_seq: number }>(
    'SELECT next_seq FROM projection_cursor WHERE workspace_id = $1',
    [workspaceId],
  );
  const end = cursor.rows[0]?.next_seq ?? 1;
  for (let next = 1; next < end && found.length < limit; ) {
    const blocks = await sealedBlocks(pool, workspaceId, next);
    const last = blocks.at(-1);
    if (last === undefined) break;
    for (const block of blocks) {
      if (block.firstGlobalSeq >= end) break;
      const values = [...(await projectionValues(pool, workspaceId, block)), block.count];
      found.push(...(await pool.query<ProjectionDifference>(COMPARED, values)).rows);
    }
    next = last.firstGlobalSeq + last.count;
  }
  const beyond = await pool.query<ProjectionDifference>(
    `SELECT seq, 'surplus' AS what FROM actions WHERE workspace_id = $1 AND (seq >= $2 OR seq < 1) ORDER BY seq LIMIT $3`,
    [workspaceId, end, limit],
  );
  const outcomes = await pool.query<ProjectionDifference>(WRONG_OUTCOMES, [workspaceId, limit]);
  return [...found, ...beyond.rows, ...outcomes.rows].sort((a, b) => a.seq - b.seq).slice(0, limit);
}

/** Partitions for this month and the next. A month that cannot be split off stays in the default partition. */
export async function ensureMonths(pool: Pool, nowMs: number): Promise<void> {
  const now = new Date(nowMs);
  for (const ahead of [0, 1]) {
    const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1));
    await pool.query('SELECT ensure_actions_month($1::date)', [first.toISOString().slice(0, 10)]);
  }
}

/** The next number to project, with the cursor locked; undefined when another node has it. */
async function lockCursor(client: PoolClient, workspaceId: WorkspaceId): Promise<number | undefined> {
  const lock = () =>
    client.query<{ next_seq: number }>({
      name: 'log-projection-cursor',
      text: 'SELECT next_seq FROM projection_cursor WHERE workspace_id = $1 FOR UPDATE SKIP LOCKED',
      values: [workspaceId],
    });
  const { rows } = await lock();
  if (rows[0] !== undefined) return rows[0].next_seq;
  const made = await client.query('INSERT INTO projection_cursor (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING', [
    workspaceId,
  ]);
  return made.rowCount === 1 ? 1 : undefined;
}

async function projectionValues(
  client: ClientBase | Pool,
  workspaceId: WorkspaceId,
  block: SealedBlock,
): Promise<unknown[]> {
  const absent = block.absent === 0 ? [] : absentIn(block, readBlock(block));
  const known = await standIns(client, workspaceId, absent);
  const previous: Uint8Array[] = [];
  const links: Uint8Array[] = [];
  const records: string[] = [];
  for (const { record, previousLink, link } of readBlock(block)) {
    const remains = known.get(block.firstGlobalSeq + records.length)?.remains;
    records.push(record.length > 0 ? record.toString() : JSON.stringify(remains ?? null));
    previous.push(previousLink);
    links.push(link);
  }
  return [
    workspaceId,
    block.shardId,
    block.firstGlobalSeq,
    block.firstSeq,
    withoutNul(`[${records.join(',')}]`),
    block.entryHashes,
    Buffer.concat(previous),
    Buffer.concat(links),
  ];
}

/** PostgreSQL's jsonb cannot hold U+0000. The record in its block keeps it; the row shows U+FFFD in its place. */
export function withoutNul(json: string): string {
  if (!json.includes('\\u0000')) return json;
  return json.replaceAll(/\\(?:u0000|.)/gs, (sequence) => (sequence === '\\u0000' ? '\\ufffd' : sequence));
}

async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}
