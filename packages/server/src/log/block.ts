/** A block: the records of one commit with their hashes, in the chain of their shard. Pure. */
import { entryHash, HASH_BYTES, linkHash } from '@hivekey/action-log';

const LINE_FEED = 0x0a;

/** What one commit adds to a shard. */
export interface Block {
  readonly count: number;
  /** Canonical records joined by line feeds. */
  readonly records: Buffer;
  /** Entry hashes joined, 32 bytes each. */
  readonly entryHashes: Buffer;
  readonly previousHead: Uint8Array;
  readonly head: Uint8Array;
}

/** Hashes each record once, over the bytes that are stored, and chains them on. */
export function buildBlock(previousHead: Uint8Array, records: readonly string[]): Block {
  let length = records.length - 1;
  for (const record of records) length += Buffer.byteLength(record);
  const bytes = Buffer.allocUnsafe(length);
  const entryHashes = Buffer.allocUnsafe(records.length * HASH_BYTES);
  let head = previousHead;
  let at = 0;
  for (let i = 0; i < records.length; i += 1) {
    if (i > 0) {
      bytes[at] = LINE_FEED;
      at += 1;
    }
    const end = at + bytes.write(records[i] ?? '', at);
    const hash = entryHash(bytes.subarray(at, end));
    entryHashes.set(hash, i * HASH_BYTES);
    head = linkHash(head, hash);
    at = end;
  }
  return { count: records.length, records: bytes, entryHashes, previousHead, head };
}

/** One entry of a block as stored. Nothing about it is verified. */
export interface BlockEntry {
  readonly record: Buffer;
  readonly entryHash: Buffer;
  readonly previousLink: Uint8Array;
  readonly link: Uint8Array;
}

/** The entries of a stored block, in order. Links are computed from `previousHead`. */
export function* readBlock(
  block: Pick<Block, 'records' | 'entryHashes' | 'previousHead'>,
): Generator<BlockEntry, void, undefined> {
  let previousLink = block.previousHead;
  let start = 0;
  for (let at = 0; at < block.entryHashes.length; at += HASH_BYTES) {
    const found = block.records.indexOf(LINE_FEED, start);
    const end = found < 0 ? block.records.length : found;
    const hash = block.entryHashes.subarray(at, at + HASH_BYTES);
    const link = linkHash(previousLink, hash);
    yield { record: block.records.subarray(start, end), entryHash: hash, previousLink, link };
    previousLink = link;
    start = end + 1;
  }
}
