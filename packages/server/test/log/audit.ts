/** What stands in the blocks, checked from nothing but the blocks. */
import { entryHash, linkHash, sameHash, ZERO_LINK } from '@hivekey/action-log';
import type { Pool } from 'pg';

export type StoredRecord = Readonly<Record<string, unknown>>;

export interface Audit {
  /** Every record, in the order of its shard. */
  readonly records: readonly StoredRecord[];
  /** In words; empty when chains, positions and sequence numbers are whole. */
  readonly problems: readonly string[];
}

interface BlockRow {
  shard_id: string;
  block: number;
  first_seq: number;
  count: number;
  records: Buffer;
  entry_hashes: Buffer;
  prev_head: Buffer;
  head: Buffer;
  /** Of its shard, as the writer keeps it. */
  next_block: number;
  next_seq: number;
  shard_head: Buffer;
}

/** Reads the whole log: chains of shards, numbers of agents, ids, and at most one result of each call that a node gave. */
export async function audit(pool: Pool, workspaceId: string): Promise<Audit> {
  // One statement, one snapshot: the writer may be at work.
  const { rows } = await pool.query<BlockRow>(
    `SELECT b.*, s.next_block, s.next_seq, s.head AS shard_head
       FROM log_blocks b LEFT JOIN log_shards s USING (workspace_id, shard_id)
      WHERE b.workspace_id = $1 ORDER BY shard_id, block`,
    [workspaceId],
  );
  const records: StoredRecord[] = [];
  const problems: string[] = [];
  const shards = Map.groupBy(rows, ({ shard_id }) => shard_id);
  for (const [shard, blocks] of shards) {
    let link: Uint8Array = ZERO_LINK;
    let seq = 1;
    for (const [i, block] of blocks.entries()) {
      const place = `block ${block.block} of ${shard}`;
      if (block.block !== i + 1) problems.push(`${place} should be ${i + 1}`);
      if (block.first_seq !== seq) problems.push(`${place} begins at ${block.first_seq} and not at ${seq}`);
      if (!sameHash(block.prev_head, link)) problems.push(`${place} does not follow from the one before it`);
      const lines = block.records.toString().split('\n');
      if (lines.length !== block.count) problems.push(`${place} holds ${lines.length} records and says ${block.count}`);
      for (const [at, line] of lines.entries()) {
        const hash = entryHash(Buffer.from(line));
        if (!sameHash(hash, block.entry_hashes.subarray(at * 32, at * 32 + 32)))
          problems.push(`the hash of entry ${at} in ${place} is not of its record`);
        link = linkHash(link, hash);
        const record: StoredRecord = JSON.parse(line);
        if (record.shard !== shard || record.shard_seq !== seq) problems.push(`a record in ${place} is out of place`);
        records.push(record);
        seq += 1;
      }
      if (!sameHash(block.head, link)) problems.push(`${place} has a wrong head`);
    }
    const last = blocks.at(-1);
    if (last?.next_block !== blocks.length + 1 || last.next_seq !== seq || !sameHash(last.shard_head, link))
      problems.push(`the state of ${shard} is not that of its last block`);
  }
  problems.push(...numbering(records));
  return { records, problems };
}

function numbering(records: readonly StoredRecord[]): string[] {
  const problems: string[] = [];
  if (new Set(records.map(({ event_id }) => event_id)).size !== records.length)
    problems.push('an event id stands twice');
  const calls = records.filter(({ kind }) => kind === 'tool.call');
  for (const [agent, own] of Map.groupBy(calls, ({ agent_id }) => agent_id)) {
    const numbers = own.map(({ agent_seq }) => Number(agent_seq)).sort((a, b) => a - b);
    if (numbers.some((number, i) => number !== i + 1)) problems.push(`the numbers of ${agent} have a gap or a double`);
  }
  return problems;
}
