/** Entries as they are stored, with their hashes: for streams, which send the exact bytes on. Nothing is verified. */
import { formatHash } from '@hivekey/action-log';
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { type Absence, absentIn, standIns, standInText } from './absences.ts';
import { readBlock } from './block.ts';
import { sealedBlocks } from './projector.ts';

const MAX_BLOCKS_AT_ONCE = 64;

/** Hashes print as `sha256:<hex>`. */
export interface StoredEntry {
  readonly seq: number;
  readonly entryHash: string;
  readonly prevHash: string;
  readonly hash: string;
  /** The record in its RFC 8785 form, as it was hashed; where it has left the log, what stands in for it. */
  readonly canonical: string;
  /** The payload has left the log: `canonical` is not what `entryHash` is of. */
  readonly absent?: Absence;
}

/** The entries from `first` to the end of some block, in order: at most 64 blocks, which are at most a few megabytes, or `maxBlocks`; none at the end of what is sealed. */
export async function storedEntries(
  client: ClientBase | Pool,
  workspaceId: WorkspaceId,
  first: number,
  maxBlocks = MAX_BLOCKS_AT_ONCE,
): Promise<readonly StoredEntry[]> {
  const entries: StoredEntry[] = [];
  for (const block of await sealedBlocks(client, workspaceId, first, Math.min(maxBlocks, MAX_BLOCKS_AT_ONCE))) {
    const absent = block.absent === 0 ? [] : absentIn(block, readBlock(block));
    const known = await standIns(client, workspaceId, absent);
    let seq = block.firstGlobalSeq;
    for (const { record, entryHash, previousLink, link } of readBlock(block)) {
      const standIn = known.get(seq);
      if (seq >= first)
        entries.push({
          seq,
          entryHash: formatHash(entryHash),
          prevHash: formatHash(previousLink),
          hash: formatHash(link),
          canonical: standIn === undefined ? record.toString() : standInText(standIn),
          ...(standIn === undefined ? {} : { absent: standIn.absence }),
        });
      seq += 1;
    }
  }
  return entries;
}
