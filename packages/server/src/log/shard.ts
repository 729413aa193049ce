/**
 * Holding a shard. Two things tell who writes: the fence, which every append compares and every change of
 * hands raises, makes a second writer impossible; the advisory lock of the holder's session tells others
 * that it lives, so that nobody takes the shard without need.
 */
import type { PoolClient } from 'pg';
import { newId, type WorkspaceId } from '../ids.ts';

/** A shard whose holder is another node and gave no sign of life may be taken after this long. */
const FOREIGN_GRACE_SECONDS = 60;
const GHOST_TIMEOUT_MS = 1_000;

/** Where a shard's next block goes. */
export interface Position {
  readonly block: number;
  /** `shard_seq` of the next record. */
  readonly seq: number;
  readonly head: Uint8Array;
}

export interface HeldShard {
  readonly shardId: string;
  readonly fence: number;
  readonly position: Position;
  /** Unsettled calls, if there are any, are in blocks from here on. */
  readonly openBlock: number;
  /** Backend of the session that holds the lock. */
  readonly backend: number;
}

interface ShardRow {
  fence: number;
  next_block: number;
  next_seq: number;
  head: Buffer;
  open_block: number;
  backend: number;
}

/** Shards of the node $1 and of nobody, and those of others that have been silent. Whether their holder lives, its lock tells. */
export const TAKEABLE = `(holder IS NULL OR holder = $1 OR updated_at < now() - make_interval(secs => ${FOREIGN_GRACE_SECONDS}))`;

const RETURNING = 'RETURNING fence, next_block, next_seq, head, open_block, pg_backend_pid() AS backend';
const LOCK_KEY = `hashtextextended('hivekey shard ' || $1 || ' ' || $2, 0)`;

/** Takes a free shard of the workspace, this node's former one first, or makes one. */
export async function claimShard(client: PoolClient, workspaceId: WorkspaceId, nodeId: string): Promise<HeldShard> {
  const { rows } = await client.query<{ shard_id: string }>(
    `SELECT shard_id FROM log_shards WHERE workspace_id = $2 AND ${TAKEABLE}
      ORDER BY holder = $1 DESC NULLS LAST, shard_id`,
    [nodeId, workspaceId],
  );
  for (const { shard_id: shardId } of rows) {
    const held = await tryTakeShard(client, workspaceId, shardId, nodeId);
    if (held !== undefined) return held;
  }
  const shardId = newId<string>('shd');
  await tryLock(client, workspaceId, shardId);
  const made = await client.query<ShardRow>(
    `INSERT INTO log_shards (workspace_id, shard_id, fence, holder) VALUES ($1, $2, 1, $3) ${RETURNING}`,
    [workspaceId, shardId, nodeId],
  );
  return heldShard(shardId, made.rows[0]);
}

/** Takes the shard if nobody's session holds it; undefined otherwise. The lock stays with the client's session. */
export async function tryTakeShard(
  client: PoolClient,
  workspaceId: WorkspaceId,
  shardId: string,
  nodeId: string,
): Promise<HeldShard | undefined> {
  if (!(await tryLock(client, workspaceId, shardId))) return undefined;
  const { rows } = await client.query<ShardRow>(
    `UPDATE log_shards SET fence = fence + 1, holder = $3, updated_at = now()
      WHERE workspace_id = $1 AND shard_id = $2 ${RETURNING}`,
    [workspaceId, shardId, nodeId],
  );
  return heldShard(shardId, rows[0]);
}

/**
 * Takes the shard again on a new session after the old one broke. Undefined when another writer has taken
 * it meanwhile. Raising the fence waits for a transaction the old session may still be in, and shuts it out
 * for good: what the shard holds after this is all it got.
 */
export async function retakeShard(
  client: PoolClient,
  workspaceId: WorkspaceId,
  old: HeldShard,
): Promise<HeldShard | undefined> {
  const { rows } = await client.query<ShardRow>(
    `UPDATE log_shards SET fence = fence + 1, updated_at = now()
      WHERE workspace_id = $1 AND shard_id = $2 AND fence = $3 ${RETURNING}`,
    [workspaceId, old.shardId, old.fence],
  );
  if (rows.length === 0) return undefined;
  if (!(await tryLock(client, workspaceId, old.shardId))) {
    // The server has not noticed that the old connection is gone. It is our own session, and it holds this lock.
    await client.query(
      `SELECT pg_terminate_backend(pid, ${GHOST_TIMEOUT_MS}) FROM pg_stat_activity
        WHERE pid = $1 AND application_name = current_setting('application_name')`,
      [old.backend],
    );
    await tryLock(client, workspaceId, old.shardId);
  }
  return heldShard(old.shardId, rows[0]);
}

/** Gives the shard back. `settled` says that no call of it is without a result. */
export async function releaseShard(
  client: PoolClient,
  workspaceId: WorkspaceId,
  held: Pick<HeldShard, 'shardId' | 'fence'>,
  settled: boolean,
): Promise<void> {
  await client.query(
    `UPDATE log_shards SET holder = NULL, open_block = CASE WHEN $4 THEN next_block ELSE open_block END, updated_at = now()
      WHERE workspace_id = $1 AND shard_id = $2 AND fence = $3`,
    [workspaceId, held.shardId, held.fence, settled],
  );
  await client.query(`SELECT pg_advisory_unlock(${LOCK_KEY})`, [workspaceId, held.shardId]);
}

async function tryLock(client: PoolClient, workspaceId: WorkspaceId, shardId: string): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(`SELECT pg_try_advisory_lock(${LOCK_KEY}) AS locked`, [
    workspaceId,
    shardId,
  ]);
  return rows[0]?.locked === true;
}

function heldShard(shardId: string, row: ShardRow | undefined): HeldShard {
  if (row === undefined) throw new Error(`the shard ${shardId} is gone`);
  return {
    shardId,
    fence: row.fence,
    position: { block: row.next_block, seq: row.next_seq, head: row.head },
    openBlock: row.open_block,
    backend: row.backend,
  };
}
