/**
 * Carries out what a record of the log lets go: payloads leave the blocks, and what was read out of them goes with them. The
 * database does the first and refuses whatever the record does not say; done half, it is taken up again where it was.
 */
import type { Pool, PoolClient } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { standIns } from './absences.ts';
import { withoutNul } from './projector.ts';
import { PROJECTED_ROWS } from './sql/project.ts';

/** A transaction holds the rows of this many blocks. */
const BLOCKS_AT_ONCE = 64;

export interface LetGo {
  /** Place of the record in the log. */
  readonly seq: number;
  /** Payloads that went now; what went before, or a hold keeps, is not among them. */
  readonly removed: number;
}

/**
 * `beside`: done in the same transaction for the entries whose payloads went. The record is sealed, signed and projected.
 */
export async function letGo(
  pool: Pool,
  workspaceId: WorkspaceId,
  seq: number,
  beside: (client: PoolClient, seqs: readonly number[]) => Promise<void>,
): Promise<LetGo> {
  // The database reads from the log what the record lets go.
  await pool.query(
    'INSERT INTO log_absences (workspace_id, seq) VALUES ($1, $2) ON CONFLICT (workspace_id, seq) DO NOTHING',
    [workspaceId, seq],
  );
  let removed = 0;
  for (;;) {
    const step = await removeSome(pool, workspaceId, seq, beside);
    removed += step.removed;
    if (step.isDone) return { seq, removed };
  }
}

interface Step {
  readonly removed: number;
  readonly isDone: boolean;
}

async function removeSome(
  pool: Pool,
  workspaceId: WorkspaceId,
  seq: number,
  beside: (client: PoolClient, seqs: readonly number[]) => Promise<void>,
): Promise<Step> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    // Before the rows go, so that the projection is never made anew from blocks that still had them.
    await client.query('SELECT FROM projection_cursor WHERE workspace_id = $1 FOR UPDATE', [workspaceId]);
    const { rows } = await client.query<{ gone: number[]; is_done: boolean; subject: number | null }>(
      `SELECT r.gone, r.through >= upper(a.entries) - 1 AS is_done, CASE WHEN a.kind = 'log.redacted' THEN lower(a.entries) END AS subject
         FROM log_remove_payloads($1, $2, $3) AS r JOIN log_absences a ON a.workspace_id = $1 AND a.seq = $2`,
      [workspaceId, seq, BLOCKS_AT_ONCE],
    );
    const [step] = rows;
    if (step === undefined) throw new Error('the removal of payloads said nothing');
    await beside(client, step.gone);
    await client.query('DELETE FROM actions WHERE workspace_id = $1 AND seq = ANY($2) AND seq <> ALL($3)', [
      workspaceId,
      step.gone,
      // What was redacted before shows what is left of it now.
      await showRemains(client, workspaceId, step.subject === null ? step.gone : [...step.gone, step.subject]),
    ]);
    await client.query('COMMIT');
    client.release();
    return { removed: step.gone.length, isDone: step.is_done };
  } catch (error) {
    client.release(true);
    throw error;
  }
}

// All that PROJECTED_ROWS reads from the record, but for the outcome: that of a call comes from its result.
const SHOW_REMAINS = `
UPDATE actions AS row
   SET agent_id = e.agent_id, agent = e.agent, owner = e.owner, action = e.action, verdict = e.verdict,
       reason_class = e.reason_class, reason = e.reason, session_id = e.session_id, policy = e.policy, record = e.record
  FROM (${PROJECTED_ROWS}) AS e
 WHERE row.workspace_id = $1 AND row.seq = e.seq`;

/** Rows of redacted records show what is left of them. Returns which. */
async function showRemains(client: PoolClient, workspaceId: WorkspaceId, gone: readonly number[]): Promise<number[]> {
  const { rows } = await client.query<{ seq: number; shard: string; shard_seq: number }>(
    'SELECT seq, shard_id AS shard, shard_seq FROM actions WHERE workspace_id = $1 AND seq = ANY($2) ORDER BY seq',
    [workspaceId, gone],
  );
  const known = await standIns(
    client,
    workspaceId,
    rows.map(({ seq, shard, shard_seq }) => ({ seq, shard, shardSeq: shard_seq })),
  );
  const shown: number[] = [];
  for (const { seq, shard, shard_seq } of rows) {
    const remains = known.get(seq)?.remains;
    if (remains === undefined) continue;
    const none = Buffer.alloc(0);
    const json = withoutNul(`[${JSON.stringify(remains)}]`);
    await client.query(SHOW_REMAINS, [workspaceId, shard, seq, shard_seq, json, none, none, none]);
    shown.push(seq);
  }
  return shown;
}
