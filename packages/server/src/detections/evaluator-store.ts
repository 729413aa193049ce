/** How far the evaluator of a workspace is. Whoever has the lease carries its fence; an older one writes nothing any more. */

import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { parseJson } from '@hivekey/action-log';
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { Position, Snapshot } from './evaluation.ts';

const zip = promisify(gzip);
const unzip = promisify(gunzip);

const LEASE_SECONDS = 15;
/** A rule that has seen more learns nothing from what is older; a first start has an end. */
const LEARN_DAYS = 31;

export interface Lease {
  readonly workspaceId: WorkspaceId;
  readonly fence: number;
}

/** The rows of workspaces that have none: they learn from the last month, and tell of what comes from now on. */
const OPEN = `
INSERT INTO detection_evaluators (workspace_id, next_seq, written_seq)
SELECT w.id,
       coalesce((SELECT min(a.seq) FROM actions a WHERE a.workspace_id = w.id AND a.ts >= now() - interval '${LEARN_DAYS} days'), 1),
       coalesce((SELECT p.next_seq - 1 FROM projection_cursor p WHERE p.workspace_id = w.id), 0)
  FROM workspaces w WHERE NOT EXISTS (SELECT FROM detection_evaluators e WHERE e.workspace_id = w.id)
ON CONFLICT DO NOTHING`;

// A lease of this node that it does not know of was left by its last life.
const LEASE = `
UPDATE detection_evaluators SET lease_node = $1, lease_until = now() + interval '${LEASE_SECONDS} seconds', fence = fence + 1
 WHERE workspace_id IN (
   SELECT workspace_id FROM detection_evaluators
    WHERE retry_at <= now() AND workspace_id <> ALL($2) AND (lease_node IS NULL OR lease_node = $1 OR lease_until <= now())
    FOR UPDATE SKIP LOCKED)
RETURNING workspace_id AS "workspaceId", fence`;

/** Takes every workspace that nobody evaluates. `held` are evaluated here already. */
export async function leaseEvaluators(pool: Pool, nodeId: string, held: readonly string[]): Promise<readonly Lease[]> {
  await pool.query(OPEN);
  const { rows } = await pool.query<Lease>({ name: 'evaluator-lease', text: LEASE, values: [nodeId, held] });
  return rows;
}

/** False: another node has taken it over. */
export async function keepEvaluator(pool: Pool, { workspaceId, fence }: Lease): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'evaluator-keep',
    text: `UPDATE detection_evaluators SET lease_until = now() + interval '${LEASE_SECONDS} seconds' WHERE workspace_id = $1 AND fence = $2`,
    values: [workspaceId, fence],
  });
  return rowCount === 1;
}

export async function releaseEvaluator(
  pool: Pool,
  { workspaceId, fence }: Lease,
  failure: { readonly why: string; readonly retryInSeconds: number } | undefined,
): Promise<void> {
  await pool.query(
    `UPDATE detection_evaluators SET lease_node = NULL, lease_until = NULL, last_error = $3,
            retry_at = now() + make_interval(secs => $4)
      WHERE workspace_id = $1 AND fence = $2`,
    [workspaceId, fence, failure?.why ?? null, failure?.retryInSeconds ?? 0],
  );
}

export interface Saved {
  readonly nextSeq: number;
  /** The last one that was taken. */
  readonly checkpoint: number;
  readonly snapshot: Snapshot | undefined;
  readonly written: Position;
}

/** Undefined: the lease is lost. */
export async function loadEvaluator(pool: Pool, { workspaceId, fence }: Lease): Promise<Saved | undefined> {
  const { rows } = await pool.query<{
    next_seq: number;
    checkpoint_id: number;
    state: Buffer | null;
    written_seq: number;
    written_checkpoint: number;
  }>(
    `SELECT next_seq, checkpoint_id, state, written_seq, written_checkpoint FROM detection_evaluators
      WHERE workspace_id = $1 AND fence = $2`,
    [workspaceId, fence],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    nextSeq: row.next_seq,
    checkpoint: row.checkpoint_id,
    snapshot: row.state === null ? undefined : await readSnapshot(row.state),
    written: { seq: row.written_seq, checkpoint: row.written_checkpoint },
  };
}

async function readSnapshot(state: Buffer): Promise<Snapshot | undefined> {
  const snapshot: Snapshot = parseJson((await unzip(state)).toString());
  return snapshot.v === 1 ? snapshot : undefined;
}

/** False: another node has taken it over. */
export async function saveEvaluator(
  pool: Pool,
  { workspaceId, fence }: Lease,
  { nextSeq, checkpoint, snapshot }: Pick<Saved, 'nextSeq' | 'checkpoint'> & { readonly snapshot: Snapshot },
): Promise<boolean> {
  const state = await zip(JSON.stringify(snapshot), { level: 1 });
  const { rowCount } = await pool.query(
    `UPDATE detection_evaluators SET next_seq = $3, checkpoint_id = $4, state = $5, saved_at = now(), last_error = NULL
      WHERE workspace_id = $1 AND fence = $2`,
    [workspaceId, fence, nextSeq, checkpoint, state],
  );
  return rowCount === 1;
}

/** In the transaction that writes what was found up to there. False: another node has taken it over, and nothing may be written. */
export async function markWritten(client: ClientBase, { workspaceId, fence }: Lease, to: Position): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE detection_evaluators SET written_seq = $3, written_checkpoint = $4
      WHERE workspace_id = $1 AND fence = $2 AND (written_seq, written_checkpoint) < ($3, $4)`,
    [workspaceId, fence, to.seq, to.checkpoint],
  );
  return rowCount === 1;
}

/** The state is made again from the entry on; nothing is told twice. Takes the lease from whoever has it. */
export async function restartEvaluator(client: ClientBase, workspaceId: WorkspaceId, fromSeq: number): Promise<void> {
  await client.query(
    `UPDATE detection_evaluators SET next_seq = $2, checkpoint_id = 0, state = NULL, fence = fence + 1, lease_node = NULL,
            lease_until = NULL, retry_at = now()
      WHERE workspace_id = $1`,
    [workspaceId, fromSeq],
  );
}

export interface EvaluatorState {
  readonly node: string | null;
  readonly next_seq: number;
  readonly written_seq: number;
  readonly state_bytes: number;
  /** Epoch seconds. */
  readonly saved_at: number;
  readonly last_error: string | null;
}

/** Undefined: no node has taken it yet. */
export async function readEvaluator(pool: Pool, workspaceId: WorkspaceId): Promise<EvaluatorState | undefined> {
  const { rows } = await pool.query<EvaluatorState>(
    `SELECT CASE WHEN lease_until > now() THEN lease_node END AS node, next_seq, written_seq,
            coalesce(octet_length(state), 0) AS state_bytes, floor(extract(epoch FROM saved_at))::bigint AS saved_at, last_error
       FROM detection_evaluators WHERE workspace_id = $1`,
    [workspaceId],
  );
  return rows[0];
}
