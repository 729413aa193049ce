/**
 * Makes one log of the shards of a workspace: gives blocks their global numbers, appends their entries to the
 * tree, signs checkpoints. Any node may do it, one at a time: each sealing is a transaction that holds an
 * advisory lock and starts from what the database says; what is kept in memory only saves reading it again.
 */
import {
  type Checkpoint,
  formatCheckpoint,
  type ShardHead,
  type SigningKey,
  signNote,
  TileEdge,
} from '@hivekey/action-log';
import type { Pool, PoolClient } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { LogObserver } from '../observability/index.ts';
import { sealOrder } from './seal-order.ts';
import { storedTiles, storeTiles, tileLoader } from './tree-store.ts';

/** The channel on which streams hear of sealed entries, before they are projected; the payload is `{"workspace", "seq"}` with the last of them. */
export const SEALED_CHANNEL = 'hivekey_sealed';

/** Bounds the time the event loop is held: hashing this many takes a few milliseconds. */
const ENTRIES_AT_ONCE = 4_096;
const BLOCKS_OF_A_SHARD_AT_ONCE = 256;

export interface SealerOptions {
  readonly pool: Pool;
  readonly workspaceId: WorkspaceId;
  /** Its name is the origin of the checkpoints. */
  readonly key: SigningKey;
  readonly observe?: LogObserver | undefined;
  /** A checkpoint of a grown tree is signed when the last one is this old. */
  readonly checkpointAfterMs: number;
  /** And of one that did not grow, when the last one is this old. */
  readonly idleCheckpointAfterMs: number;
}

export type Sealing =
  /** Another node is sealing. */
  | { readonly kind: 'busy' }
  | {
      readonly kind: 'sealed';
      readonly entries: number;
      /** More was there than is sealed at once. */
      readonly hasMore: boolean;
      readonly size: number;
      /** The note, when one was signed. */
      readonly checkpoint?: string;
      /** Milliseconds until the next checkpoint is due. */
      readonly checkpointInMs: number;
    };

/** How far a shard is sealed. */
interface ShardState {
  nextBlock: number;
  seq: number;
  head: Uint8Array;
}

interface TreeState {
  readonly edge: TileEdge;
  readonly shards: Map<string, ShardState>;
}

interface BlockRow {
  readonly shardId: string;
  readonly block: number;
  readonly firstSeq: number;
  readonly count: number;
  readonly entryHashes: Buffer;
  readonly head: Buffer;
  readonly ordinal: number;
  /** Microseconds. */
  readonly committedAtUs: number;
}

export class Sealer {
  readonly #options: SealerOptions;
  #state: TreeState | undefined;

  constructor(options: SealerOptions) {
    this.#options = options;
  }

  /** Seals what is there. With `signNow`, also signs a checkpoint whatever the age of the last one. */
  async seal(signNow = false): Promise<Sealing> {
    const client = await this.#options.pool.connect();
    try {
      // A checkpoint that left the house must never be about entries that a crash took back.
      await client.query('BEGIN; SET LOCAL synchronous_commit = on');
      const { rows } = await client.query<{ locked: boolean }>(
        `SELECT pg_try_advisory_xact_lock(hashtextextended('hivekey seal ' || $1, 0)) AS locked`,
        [this.#options.workspaceId],
      );
      if (rows[0]?.locked !== true) {
        await client.query('ROLLBACK');
        client.release();
        return { kind: 'busy' };
      }
      const sealing = await this.#sealLocked(client, signNow);
      await client.query('COMMIT');
      client.release();
      return sealing;
    } catch (error) {
      this.#state = undefined;
      // Whatever state the transaction is in, it ends with the connection.
      client.release(true);
      throw error;
    }
  }

  async #sealLocked(client: PoolClient, signNow: boolean): Promise<Sealing> {
    const { workspaceId, observe } = this.#options;
    const state = await this.#currentState(client);
    const { blocks, hasMore } = await readUnsealed(client, workspaceId, state.shards);
    const entries = blocks.reduce((sum, { count }) => sum + count, 0);
    if (blocks.length > 0) {
      await storeSeals(client, workspaceId, state.edge.size + 1, blocks);
      await storeTiles(client, workspaceId, storedTiles(state.edge.append(leavesOf(blocks))));
      await client.query('SELECT pg_notify($1, $2)', [
        SEALED_CHANNEL,
        JSON.stringify({ workspace: workspaceId, seq: state.edge.size }),
      ]);
      for (const { shardId, block, firstSeq, count, head } of blocks)
        state.shards.set(shardId, { nextBlock: block + 1, seq: firstSeq + count - 1, head });
      const oldestUs = Math.min(...blocks.map(({ committedAtUs }) => committedAtUs));
      observe?.sealed(entries, Math.max(0, Date.now() / 1000 - oldestUs / 1_000_000));
    }
    const { checkpoint, dueInMs } = await this.#checkpoint(client, state, signNow);
    return {
      kind: 'sealed',
      entries,
      hasMore,
      size: state.edge.size,
      ...(checkpoint === undefined ? {} : { checkpoint }),
      checkpointInMs: dueInMs,
    };
  }

  /** The state in memory if nobody sealed since, else read anew. */
  async #currentState(client: PoolClient): Promise<TreeState> {
    const { workspaceId } = this.#options;
    const size = await treeSize(client, workspaceId);
    if (this.#state?.edge.size === size) return this.#state;
    const edge = await TileEdge.open(size, tileLoader(client, workspaceId));
    this.#state = { edge, shards: await readShards(client, workspaceId) };
    return this.#state;
  }

  async #checkpoint(
    client: PoolClient,
    state: TreeState,
    signNow: boolean,
  ): Promise<{ checkpoint?: string; dueInMs: number }> {
    const { workspaceId, key, checkpointAfterMs, idleCheckpointAfterMs } = this.#options;
    const { size } = state.edge;
    if (size === 0) return { dueInMs: idleCheckpointAfterMs };
    const { rows } = await client.query<{ tree_size: number; age_ms: number }>({
      name: 'log-last-checkpoint',
      text: `SELECT tree_size, (extract(epoch FROM clock_timestamp() - created_at) * 1000)::float8 AS age_ms
               FROM log_checkpoints WHERE workspace_id = $1 ORDER BY id DESC LIMIT 1`,
      values: [workspaceId],
    });
    const last = rows[0];
    const hasGrown = last?.tree_size !== size;
    const after = hasGrown ? checkpointAfterMs : idleCheckpointAfterMs;
    if (last !== undefined && last.age_ms < after && !(signNow && hasGrown)) return { dueInMs: after - last.age_ms };
    const root = state.edge.root();
    const content: Checkpoint = { origin: key.verifier.name, size, root, shards: headsOf(state.shards) };
    const note = signNote(formatCheckpoint(content), [key]);
    await client.query({
      name: 'log-store-checkpoint',
      text: 'INSERT INTO log_checkpoints (workspace_id, tree_size, root, note) VALUES ($1, $2, $3, $4)',
      values: [workspaceId, size, root, note],
    });
    return { checkpoint: note, dueInMs: idleCheckpointAfterMs };
  }
}

/** How many entries are sealed. */
export async function treeSize(client: PoolClient | Pool, workspaceId: WorkspaceId): Promise<number> {
  const { rows } = await client.query<{ size: number }>({
    name: 'log-tree-size',
    text: `SELECT first_global_seq + count - 1 AS size FROM log_seals
            WHERE workspace_id = $1 ORDER BY first_global_seq DESC LIMIT 1`,
    values: [workspaceId],
  });
  return rows[0]?.size ?? 0;
}

async function readShards(client: PoolClient, workspaceId: WorkspaceId): Promise<Map<string, ShardState>> {
  const { rows } = await client.query<{ shard_id: string; block: number; seq: number; head: Buffer }>(
    `SELECT s.shard_id, b.block, b.first_seq + b.count - 1 AS seq, b.head
       FROM log_shards s
      CROSS JOIN LATERAL (SELECT block FROM log_seals l WHERE l.workspace_id = $1 AND l.shard_id = s.shard_id
                           ORDER BY block DESC LIMIT 1) AS last
       JOIN log_blocks b ON b.workspace_id = $1 AND b.shard_id = s.shard_id AND b.block = last.block
      WHERE s.workspace_id = $1`,
    [workspaceId],
  );
  return new Map(rows.map(({ shard_id, block, seq, head }) => [shard_id, { nextBlock: block + 1, seq, head }]));
}

/**
 * The next blocks in their order. One statement, so that all shards are seen at one moment: who sees a block sees
 * what it follows from. Of a shard that has more than is read at once nothing is known behind its last block, so
 * nothing that comes later is taken from the others either.
 */
async function readUnsealed(
  client: PoolClient,
  workspaceId: WorkspaceId,
  sealed: ReadonlyMap<string, ShardState>,
): Promise<{ blocks: BlockRow[]; hasMore: boolean }> {
  const { rows } = await client.query<BlockRow>({
    name: 'log-unsealed',
    text: `SELECT b.shard_id AS "shardId", b.block, b.first_seq AS "firstSeq", b.count, b.entry_hashes AS "entryHashes", b.head, b.ordinal,
                  (extract(epoch FROM b.committed_at) * 1000000)::bigint AS "committedAtUs"
             FROM log_shards s
             LEFT JOIN unnest($2::text[], $3::bigint[]) AS c (shard_id, next_block) ON c.shard_id = s.shard_id
            CROSS JOIN LATERAL (SELECT * FROM log_blocks l
                                 WHERE l.workspace_id = $1 AND l.shard_id = s.shard_id AND l.block >= coalesce(c.next_block, 1)
                                 ORDER BY l.block LIMIT ${BLOCKS_OF_A_SHARD_AT_ONCE}) AS b
            WHERE s.workspace_id = $1 AND s.next_block > coalesce(c.next_block, 1)`,
    values: [workspaceId, [...sealed.keys()], [...sealed.values()].map(({ nextBlock }) => nextBlock)],
  });
  const byShard = Map.groupBy(rows, ({ shardId }) => shardId);
  let known = Number.POSITIVE_INFINITY;
  for (const blocks of byShard.values()) {
    blocks.sort((a, b) => a.block - b.block);
    if (blocks.length === BLOCKS_OF_A_SHARD_AT_ONCE) known = Math.min(known, blocks.at(-1)?.ordinal ?? 0);
  }
  const order = sealOrder(byShard);
  let entries = 0;
  const blocks = order.filter(({ count, ordinal }, i) => {
    const fits = i === 0 || (entries + count <= ENTRIES_AT_ONCE && ordinal <= known);
    entries += fits ? count : ENTRIES_AT_ONCE;
    return fits;
  });
  return { blocks, hasMore: known < Number.POSITIVE_INFINITY || blocks.length < order.length };
}

async function storeSeals(
  client: PoolClient,
  workspaceId: WorkspaceId,
  firstGlobalSeq: number,
  blocks: readonly BlockRow[],
): Promise<void> {
  let next = firstGlobalSeq;
  const firsts = blocks.map(({ count }) => {
    const first = next;
    next += count;
    return first;
  });
  await client.query({
    name: 'log-store-seals',
    text: `INSERT INTO log_seals (workspace_id, shard_id, block, first_global_seq, count)
           SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::int[])`,
    values: [
      workspaceId,
      blocks.map(({ shardId }) => shardId),
      blocks.map(({ block }) => block),
      firsts,
      blocks.map(({ count }) => count),
    ],
  });
}

function* leavesOf(blocks: readonly BlockRow[]): Generator<Uint8Array> {
  for (const { entryHashes } of blocks)
    for (let at = 0; at < entryHashes.length; at += 32) yield entryHashes.subarray(at, at + 32);
}

function headsOf(shards: ReadonlyMap<string, ShardState>): ShardHead[] {
  return [...shards]
    .map(([shard, { seq, head }]) => ({ shard, seq, head }))
    .sort((a, b) => (a.shard < b.shard ? -1 : 1));
}
