/** The rows of streams: how far each is, who sends, how it goes, and moving the cursor. */
import type { ChainLink, StreamCheckpoint } from '@hivekey/siem';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';
import type { DayTally } from './tally.ts';

/** A sender that gives no sign of life for this long is replaced. */
const LEASE_SECONDS = 30;
/** Wrong credentials and settings are tried again by themselves, seldom: a sink never ends by itself. */
const HOLD_MINUTES = 15;

export interface Stream {
  readonly workspaceId: WorkspaceId;
  readonly id: string;
  readonly sinkId: string;
  readonly purpose: 'live' | 'replay' | 'redrive';
  readonly fromSeq: number;
  /** Null: without end. */
  readonly toSeq: number | null;
  readonly cursorSeq: number;
  readonly link: ChainLink | null;
  /** Entries of each kind between the last checkpoint and the cursor. */
  readonly counts: Readonly<Record<string, number>>;
  readonly checkpoints: number;
  readonly checkpointedAt: Date | null;
  /** On its way. */
  readonly checkpoint: StreamCheckpoint | null;
  readonly plannedSeq: number | null;
  readonly status: 'running' | 'done' | 'cancelled';
  readonly reason: string | null;
  readonly holdCode: string | null;
  readonly holdWhy: string | null;
  readonly retryAt: Date;
  readonly failures: number;
  readonly failingSince: Date | null;
  readonly lastErrorCode: string | null;
  readonly lastError: string | null;
  readonly lastErrorAt: Date | null;
  readonly lastSuccessAt: Date | null;
  readonly confirmed: boolean | null;
  readonly remarks: readonly string[];
  readonly events: number;
  readonly bytes: number;
  readonly retries: number;
  readonly duplicates: number;
  readonly leaseNode: string | null;
  readonly leaseEpoch: number;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly finishedAt: Date | null;
}

interface Row extends Omit<Stream, 'link' | 'checkpoint' | 'counts'> {
  link: unknown;
  checkpoint: unknown;
  counts: unknown;
}

const linkSchema = z.object({ uid: z.string(), typeUid: z.int(), fingerprint: z.string() });
const countsSchema = z.record(z.string(), z.int());
const checkpointSchema = z.object({
  type: z.literal('checkpoint'),
  id: z.string(),
  ts: z.string(),
  workspace: z.string(),
  env: z.string(),
  sink: z.string(),
  treeSize: z.int(),
  rootHash: z.string(),
  note: z.string(),
  cursorSeq: z.int(),
  counts: countsSchema,
  filter: z.string().nullable(),
});

const COLUMNS = `t.workspace_id AS "workspaceId", t.id, t.sink_id AS "sinkId", t.purpose, t.from_seq AS "fromSeq", t.to_seq AS "toSeq",
  t.cursor_seq AS "cursorSeq", t.chain_link AS link, t.counts, t.checkpoints, t.checkpointed_at AS "checkpointedAt", t.checkpoint,
  t.planned_seq AS "plannedSeq", t.status, t.reason, t.hold_code AS "holdCode", t.hold_why AS "holdWhy",
  t.retry_at AS "retryAt", t.failures, t.failing_since AS "failingSince", t.last_error_code AS "lastErrorCode",
  t.last_error AS "lastError", t.last_error_at AS "lastErrorAt", t.last_success_at AS "lastSuccessAt", t.confirmed, t.remarks,
  t.events, t.bytes, t.retries, t.duplicates, t.lease_node AS "leaseNode", t.lease_epoch AS "leaseEpoch",
  t.created_at AS "createdAt", t.created_by AS "createdBy", t.finished_at AS "finishedAt"`;

function streamOf(row: Row): Stream {
  return {
    ...row,
    link: linkSchema.nullable().parse(row.link),
    counts: countsSchema.parse(row.counts),
    checkpoint: checkpointSchema.nullable().parse(row.checkpoint),
  };
}

export interface NewStream extends Pick<Stream, 'workspaceId' | 'id' | 'sinkId' | 'purpose' | 'fromSeq' | 'toSeq'> {
  readonly reason?: string;
}

export async function insertStream(
  client: ClientBase,
  stream: NewStream,
  { actor, now }: { readonly actor: string; readonly now: Date },
): Promise<Stream> {
  const { rows } = await client.query<Row>(
    `INSERT INTO sink_streams AS t (workspace_id, id, sink_id, purpose, from_seq, to_seq, cursor_seq, reason, created_at, created_by)
     VALUES ($1, $2, $3, $4, $5::bigint, $6, $5::bigint - 1, $7, $8, $9) RETURNING ${COLUMNS}`,
    [
      stream.workspaceId,
      stream.id,
      stream.sinkId,
      stream.purpose,
      stream.fromSeq,
      stream.toSeq,
      stream.reason ?? null,
      now,
      actor,
    ],
  );
  return theOne(rows);
}

/** Of a sink: its stream and what was ordered beside it, newest first. */
export async function streamsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  sinkId: string,
  limit = 200,
): Promise<readonly Stream[]> {
  const { rows } = await client.query<Row>(
    `SELECT ${COLUMNS} FROM sink_streams t WHERE t.workspace_id = $1 AND t.sink_id = $2 ORDER BY t.created_at DESC, t.id DESC LIMIT $3`,
    [workspaceId, sinkId, limit],
  );
  return rows.map(streamOf);
}

/** The stream of each sink. */
export async function liveStreams(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<readonly Stream[]> {
  const { rows } = await client.query<Row>(
    `SELECT ${COLUMNS} FROM sink_streams t WHERE t.workspace_id = $1 AND t.purpose = 'live'`,
    [workspaceId],
  );
  return rows.map(streamOf);
}

export async function liveStream(client: Pool | ClientBase, workspaceId: WorkspaceId, sinkId: string): Promise<Stream> {
  const { rows } = await client.query<Row>(
    `SELECT ${COLUMNS} FROM sink_streams t WHERE t.workspace_id = $1 AND t.sink_id = $2 AND t.purpose = 'live'`,
    [workspaceId, sinkId],
  );
  return theOne(rows);
}

// A lease of this node that it does not know of was left by its last life.
const LEASE = `
UPDATE sink_streams t SET lease_node = $1, lease_until = now() + interval '${LEASE_SECONDS} seconds', lease_epoch = t.lease_epoch + 1
 WHERE (t.workspace_id, t.id) IN (
   SELECT c.workspace_id, c.id FROM sink_streams c
     JOIN sinks s ON s.workspace_id = c.workspace_id AND s.id = c.sink_id AND s.status = 'active'
    WHERE c.status = 'running' AND c.retry_at <= now() AND c.id <> ALL($2)
      AND (c.lease_node IS NULL OR c.lease_node = $1 OR c.lease_until <= now())
    FOR UPDATE OF c SKIP LOCKED)
RETURNING ${COLUMNS}`;

/** Takes every stream that nobody sends. `held` are sent here already. */
export async function leaseStreams(pool: Pool, nodeId: string, held: readonly string[]): Promise<readonly Stream[]> {
  const { rows } = await pool.query<Row>({ name: 'sink-lease', text: LEASE, values: [nodeId, held] });
  return rows.map(streamOf);
}

type Fence = Pick<Stream, 'workspaceId' | 'id' | 'leaseEpoch'>;

/** False when the stream was taken over, or its sink changed, paused or deleted. */
export async function keepLease(pool: Pool, { workspaceId, id, leaseEpoch }: Fence): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'sink-keep',
    text: `UPDATE sink_streams SET lease_until = now() + interval '${LEASE_SECONDS} seconds'
            WHERE workspace_id = $1 AND id = $2 AND lease_epoch = $3`,
    values: [workspaceId, id, leaseEpoch],
  });
  return rowCount === 1;
}

export async function releaseLease(pool: Pool, { workspaceId, id, leaseEpoch }: Fence): Promise<void> {
  await pool.query(
    `UPDATE sink_streams SET lease_node = NULL, lease_until = NULL WHERE workspace_id = $1 AND id = $2 AND lease_epoch = $3`,
    [workspaceId, id, leaseEpoch],
  );
}

/** What is about to be sent, where it must be the same after a crash. False without the lease. */
export async function keepPlan(
  pool: Pool,
  { workspaceId, id, leaseEpoch }: Fence,
  plan: { readonly seq: number | null; readonly checkpoint: StreamCheckpoint | null; readonly checkpoints: number },
): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'sink-plan',
    text: `UPDATE sink_streams SET planned_seq = $4, checkpoint = $5, checkpoints = $6
            WHERE workspace_id = $1 AND id = $2 AND lease_epoch = $3`,
    values: [
      workspaceId,
      id,
      leaseEpoch,
      plan.seq,
      plan.checkpoint === null ? null : JSON.stringify(plan.checkpoint),
      plan.checkpoints,
    ],
  });
  return rowCount === 1;
}

/** It is seen by everybody while it goes on; the first of a row says since when. False without the lease. */
export async function keepFailure(
  pool: Pool,
  { workspaceId, id, leaseEpoch }: Fence,
  failure: { readonly code: string; readonly why: string; readonly failures: number; readonly at: Date },
): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'sink-failure',
    text: `UPDATE sink_streams SET failures = $4, failing_since = coalesce(failing_since, $5), last_error_code = $6, last_error = $7,
                  last_error_at = $5, lease_until = now() + interval '${LEASE_SECONDS} seconds'
            WHERE workspace_id = $1 AND id = $2 AND lease_epoch = $3`,
    values: [workspaceId, id, leaseEpoch, failure.failures, failure.at, failure.code, failure.why],
  });
  return rowCount === 1;
}

/** Gives the stream back until a person, or a change, has it tried again; by itself seldom. */
export async function keepHold(
  pool: Pool,
  { workspaceId, id, leaseEpoch }: Fence,
  { code, why, at }: { readonly code: string; readonly why: string; readonly at: Date },
): Promise<void> {
  await pool.query(
    `UPDATE sink_streams SET hold_code = $4, hold_why = $5, last_error_code = $4, last_error = $5, last_error_at = $6,
            failures = failures + 1, failing_since = coalesce(failing_since, $6),
            retry_at = now() + interval '${HOLD_MINUTES} minutes', lease_node = NULL, lease_until = NULL
      WHERE workspace_id = $1 AND id = $2 AND lease_epoch = $3`,
    [workspaceId, id, leaseEpoch, code, why, at],
  );
}

/** What was settled, in the order of the log: acknowledged, left out or set aside. */
export interface Settled {
  readonly cursorSeq: number;
  readonly link: ChainLink | null;
  readonly counts: Readonly<Record<string, number>>;
  /** Whether the checkpoint on its way is among it, and when it was settled. */
  readonly checkpointedAt: Date | null;
  /** Whether the receiver has taken anything of it, and when. */
  readonly succeededAt: Date | null;
  readonly confirmed: boolean | null;
  readonly remarks: readonly string[];
  readonly events: number;
  readonly bytes: number;
  readonly retries: number;
  readonly duplicates: number;
  readonly days: readonly DayTally[];
}

const NUMBERS = [
  'produced',
  'accepted',
  'unconfirmed',
  'rejected',
  'filtered',
  'retried',
  'replayed',
  'duplicates',
  'checkpoints',
  'bytes',
  'gap_seconds',
] as const;

// One statement, so that the cursor never says other than the ledger. It is fenced: whoever lost the lease changes nothing.
const SETTLE = `
WITH moved AS (
  UPDATE sink_streams SET
         cursor_seq = $4, chain_link = $5, counts = $6, planned_seq = NULL,
         checkpoint = CASE WHEN $7::timestamptz IS NULL THEN checkpoint END,
         checkpointed_at = coalesce($7, checkpointed_at),
         last_success_at = coalesce($8, last_success_at),
         confirmed = coalesce($9, confirmed), remarks = $10,
         hold_code = CASE WHEN $8::timestamptz IS NULL THEN hold_code END,
         hold_why = CASE WHEN $8::timestamptz IS NULL THEN hold_why END,
         failures = CASE WHEN $8::timestamptz IS NULL THEN failures ELSE 0 END,
         failing_since = CASE WHEN $8::timestamptz IS NULL THEN failing_since END,
         events = events + $11, bytes = bytes + $12, retries = retries + $13, duplicates = duplicates + $14,
         lease_until = now() + interval '${LEASE_SECONDS} seconds'
   WHERE workspace_id = $1 AND id = $2 AND lease_epoch = $3 AND cursor_seq <= $4
  RETURNING workspace_id, sink_id),
counted AS (
  INSERT INTO sink_ledger AS l (workspace_id, sink_id, day, ${NUMBERS.join(', ')}, max_lag_ms, first_seq, last_seq)
  SELECT m.workspace_id, m.sink_id, d.day, ${NUMBERS.map((name) => `d.${name}`).join(', ')}, d.max_lag_ms, d.first_seq, d.last_seq
    FROM moved m CROSS JOIN jsonb_to_recordset($15::jsonb) AS d
         (day date, ${NUMBERS.map((name) => `${name} bigint`).join(', ')}, max_lag_ms bigint, first_seq bigint, last_seq bigint)
  ON CONFLICT (workspace_id, sink_id, day) DO UPDATE SET
    ${NUMBERS.map((name) => `${name} = l.${name} + excluded.${name}`).join(', ')},
    max_lag_ms = greatest(l.max_lag_ms, excluded.max_lag_ms),
    first_seq = least(l.first_seq, excluded.first_seq), last_seq = greatest(l.last_seq, excluded.last_seq))
SELECT sink_id FROM moved`;

/** Moves the cursor and counts, in one statement. False without the lease: nothing was changed. */
export async function settle(
  client: Pool | ClientBase,
  { workspaceId, id, leaseEpoch }: Fence,
  settled: Settled,
): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'sink-settle',
    text: SETTLE,
    values: [
      workspaceId,
      id,
      leaseEpoch,
      settled.cursorSeq,
      settled.link === null ? null : JSON.stringify(settled.link),
      JSON.stringify(settled.counts),
      settled.checkpointedAt,
      settled.succeededAt,
      settled.confirmed,
      settled.remarks,
      settled.events,
      settled.bytes,
      settled.retries,
      settled.duplicates,
      JSON.stringify(settled.days),
    ],
  });
  return rowCount === 1;
}

/** Who sends ends at its next look, and whoever comes next begins at the cursor, at once. What was planned is planned anew. */
export async function renewStreams(client: ClientBase, workspaceId: WorkspaceId, sinkId: string): Promise<void> {
  await client.query(
    `UPDATE sink_streams SET lease_node = NULL, lease_until = NULL, lease_epoch = lease_epoch + 1, retry_at = now(),
            planned_seq = NULL, checkpoint = NULL, hold_code = NULL, hold_why = NULL
      WHERE workspace_id = $1 AND sink_id = $2 AND status = 'running'`,
    [workspaceId, sinkId],
  );
}

/** Only one that is at its end is done. */
export async function finishStream(
  client: ClientBase,
  { workspaceId, id }: Pick<Stream, 'workspaceId' | 'id'>,
  status: 'done' | 'cancelled',
  now: Date,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE sink_streams SET status = $3, finished_at = $4, lease_node = NULL, lease_until = NULL, lease_epoch = lease_epoch + 1
      WHERE workspace_id = $1 AND id = $2 AND status = 'running' AND ($3 = 'cancelled' OR cursor_seq >= to_seq)`,
    [workspaceId, id, status, now],
  );
  return rowCount === 1;
}

/** By two people: the cursor passes what was not delivered. */
export async function passCursor(
  client: ClientBase,
  { workspaceId, id }: Pick<Stream, 'workspaceId' | 'id'>,
  toSeq: number,
): Promise<void> {
  await client.query(
    `UPDATE sink_streams SET cursor_seq = $3, chain_link = NULL, counts = '{}', lease_node = NULL, lease_until = NULL,
            lease_epoch = lease_epoch + 1, retry_at = now(), planned_seq = NULL, checkpoint = NULL
      WHERE workspace_id = $1 AND id = $2 AND cursor_seq < $3`,
    [workspaceId, id, toSeq],
  );
}

function theOne(rows: readonly Row[]): Stream {
  const [row] = rows;
  if (row === undefined) throw new Error('a row of streams should be there');
  return streamOf(row);
}
