/** The entries of a run of numbers as they are stored, with their hashes and both clocks: for evidence. Nothing is verified. */
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { absentIn, type StandIn, standIns } from './absences.ts';
import { readBlock } from './block.ts';
import { sealedBlocks } from './projector.ts';

/** What is read from the database at once: at least one block, and about this many bytes. */
const BYTES_AT_ONCE = 4 * 1024 * 1024;
const MAX_BLOCKS_AT_ONCE = 512;

export interface SealedEntry {
  readonly seq: number;
  readonly shard: string;
  readonly entryHash: Uint8Array;
  readonly previousLink: Uint8Array;
  readonly link: Uint8Array;
  /** When it was committed, by the clock of the database. */
  readonly committedAt: Date;
  /** JSON in UTF-8; empty where the payload has left the log. */
  readonly record: Buffer;
  /** Then what stands in for it. */
  readonly standIn?: StandIn;
}

/** A list for each time the database is asked; memory does not grow with the log. */
export async function* sealedEntries(
  client: ClientBase | Pool,
  workspaceId: WorkspaceId,
  first: number,
  last: number,
): AsyncGenerator<readonly SealedEntry[], void, undefined> {
  let limit = 1;
  for (let next = first; next <= last; ) {
    const blocks = await sealedBlocks(client, workspaceId, next, limit);
    const end = blocks.at(-1);
    if (end === undefined) return;
    let bytes = 0;
    const entries: SealedEntry[] = [];
    for (const block of blocks) {
      bytes += block.records.length;
      const absent = block.absent === 0 ? [] : absentIn(block, readBlock(block));
      const known = await standIns(client, workspaceId, absent);
      let seq = block.firstGlobalSeq;
      for (const entry of readBlock(block)) {
        const standIn = known.get(seq);
        if (seq >= first && seq <= last)
          entries.push({
            ...entry,
            seq,
            shard: block.shardId,
            committedAt: block.committedAt,
            ...(standIn === undefined ? {} : { standIn }),
          });
        seq += 1;
      }
    }
    yield entries;
    next = end.firstGlobalSeq + end.count;
    limit = Math.max(1, Math.min(MAX_BLOCKS_AT_ONCE, Math.floor((BYTES_AT_ONCE / Math.max(1, bytes)) * blocks.length)));
  }
}
