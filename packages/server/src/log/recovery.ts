/** Calls that were allowed and never got a result because their node died: found in its shard, and told as unknown. */
import { parseJson } from '@hivekey/action-log';
import type { Pool, PoolClient } from 'pg';
import { type EventId, newEventId, type WorkspaceId } from '../ids.ts';
import { NOTHING_EXPECTED, prepareAppend } from './append.ts';
import { readBlock } from './block.ts';
import type { PlainEntry } from './entries.ts';
import { type CallFacts, type LogIdentity, type RecordText, resultRecord } from './records.ts';
import { type HeldShard, releaseShard, TAKEABLE, tryTakeShard } from './shard.ts';

const BLOCKS_AT_ONCE = 64;
const RESULTS_IN_A_BLOCK = 512;

interface OpenCall {
  readonly facts: CallFacts;
  readonly identity: LogIdentity;
}

/**
 * Records `unknown`, error code `node_lost`, for every unsettled call of a shard just taken, into the same
 * shard: the block with the last of them also says that nothing before it is open, so doing this twice finds
 * nothing. Returns the shard as it then stands.
 */
export async function settleLostCalls(
  client: PoolClient,
  workspaceId: WorkspaceId,
  held: HeldShard,
  nowMs: number,
): Promise<HeldShard> {
  if (held.openBlock >= held.position.block) return held;
  const open = [...(await openCallsOf(client, workspaceId, held)).values()];
  let shard = held;
  for (let from = 0; from < open.length; from += RESULTS_IN_A_BLOCK) {
    const items = open.slice(from, from + RESULTS_IN_A_BLOCK).map(({ facts, identity }) => {
      const eventId = newEventId(nowMs);
      const text = resultRecord(facts, { result: 'unknown', errorCode: 'node_lost' }, identity, eventId, nowMs);
      return { entry: lostEntry(eventId, text), text };
    });
    const isLast = from + RESULTS_IN_A_BLOCK >= open.length;
    const openBlock = isLast ? shard.position.block + 1 : shard.openBlock;
    const append = prepareAppend(workspaceId, shard, shard.position, openBlock, items, NOTHING_EXPECTED, noAgent);
    const { rowCount } = await client.query(append.statement);
    if (rowCount !== 1) throw new Error(`the shard ${shard.shardId} was taken while its calls were settled`);
    shard = { ...shard, position: append.after, openBlock };
  }
  return shard;
}

function noAgent(): number {
  return 0;
}

function lostEntry(eventId: EventId, text: RecordText): PlainEntry {
  return { kind: 'plain', eventId, text, attempts: 0, resolve: () => undefined };
}

async function openCallsOf(
  client: PoolClient,
  workspaceId: WorkspaceId,
  held: HeldShard,
): Promise<Map<string, OpenCall>> {
  const open = new Map<string, OpenCall>();
  for (let from = held.openBlock; from < held.position.block; from += BLOCKS_AT_ONCE) {
    const { rows } = await client.query<{ records: Buffer; entry_hashes: Buffer; prev_head: Buffer }>(
      `SELECT records, entry_hashes, prev_head FROM log_blocks
        WHERE workspace_id = $1 AND shard_id = $2 AND block >= $3 AND block < $4 ORDER BY block`,
      [workspaceId, held.shardId, from, from + BLOCKS_AT_ONCE],
    );
    for (const row of rows) {
      const block = { records: row.records, entryHashes: row.entry_hashes, previousHead: row.prev_head };
      // A call that is open never leaves the log; what has left it was settled.
      for (const { record } of readBlock(block)) if (record.length > 0) note(open, parseJson(record.toString()));
    }
  }
  // A node that had to change shards wrote the result elsewhere.
  const elsewhere = await client.query<{ call_event_id: string }>(
    'SELECT call_event_id FROM actions WHERE workspace_id = $1 AND call_event_id = ANY($2)',
    [workspaceId, [...open.keys()]],
  );
  for (const { call_event_id } of elsewhere.rows) open.delete(call_event_id);
  // An agent's own tool does not end with the node: whoever closes its permit records the result.
  const permits = await client.query<{ event_id: string }>(
    'SELECT event_id FROM permits WHERE workspace_id = $1 AND event_id = ANY($2)',
    [workspaceId, [...open.keys()]],
  );
  for (const { event_id } of permits.rows) open.delete(event_id);
  return open;
}

function note(open: Map<string, OpenCall>, record: Record<string, unknown>): void {
  if (record.kind === 'tool.result') open.delete(String(record.call_event_id));
  else if (record.kind === 'tool.call' && record.verdict === 'allow') {
    open.set(String(record.event_id), {
      facts: {
        agentId: String(record.agent_id),
        agent: String(record.agent),
        owner: String(record.owner),
        callEventId: String(record.event_id) as EventId,
        action: String(record.action),
        tool: String(record.tool),
        namespace: textOf(record.namespace),
        upstreamTool: textOf(record.upstream_tool),
        access: textOf(record.access),
        destructive: typeof record.destructive === 'boolean' ? record.destructive : undefined,
        sessionId: textOf(record.session_id),
        runId: textOf(record.run_id),
        ...(record.synthetic === true ? { synthetic: true } : {}),
      },
      identity: { workspace: String(record.workspace), environment: String(record.env) },
    });
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/**
 * Looks through the shards that may hold unsettled calls and whose node is gone: this node's own at once, those
 * of others only after a while without a sign of life. Returns the workspaces in which something was done.
 */
export async function recoverLostCalls(pool: Pool, nodeId: string, nowMs: number): Promise<WorkspaceId[]> {
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ workspace_id: WorkspaceId; shard_id: string }>(
      `SELECT workspace_id, shard_id FROM log_shards WHERE open_block < next_block AND ${TAKEABLE}`,
      [nodeId],
    );
    const done: WorkspaceId[] = [];
    for (const { workspace_id: workspaceId, shard_id: shardId } of rows) {
      const taken = await tryTakeShard(client, workspaceId, shardId, nodeId);
      if (taken === undefined) continue;
      const settled = await settleLostCalls(client, workspaceId, taken, nowMs);
      await releaseShard(client, workspaceId, settled, true);
      done.push(workspaceId);
    }
    client.release();
    return done;
  } catch (error) {
    // Its advisory locks go with the session.
    client.release(true);
    throw error;
  }
}
