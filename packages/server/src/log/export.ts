/**
 * An export of the log, which can be checked with no server (docs/reference/log-format.md). Entries come from the
 * blocks as they were stored; what is wrong with them is for the verifier to find, not for the export to hide.
 */
import {
  ABSENCES_FILE,
  absentLineBytes,
  completeNodes,
  consistencyProof,
  EXPORT_FILES,
  formatAbsenceLine,
  formatCheckpointLine,
  formatHash,
  formatManifest,
  formatProof,
  inclusionProof,
  lineBytes,
  type NodeReader,
  nodesFromTiles,
  sha256,
  type VerifierKey,
  writeLine,
} from '@hivekey/action-log';
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { type BlockEntry, readBlock } from './block.ts';
import { type SealedBlock, sealedBlocks } from './projector.ts';
import { tileLoader } from './tree-store.ts';

export interface ExportOptions {
  /** Decision time, inclusive. Without `from` and `to` the export is the whole log. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
  /** No entry behind this number: the period was read up to it, and what was sealed since is not part of that. */
  readonly through?: number | undefined;
  /** Tree sizes of checkpoints that the reader holds, so that a part of the log can be held against them too. */
  readonly proveSizes?: readonly number[] | undefined;
}

interface ExportedFile {
  readonly path: string;
  readonly size: number;
  readonly chunks: AsyncIterable<Buffer>;
}

/** All that the export is, known before its first byte is sent. */
export interface LogExport {
  readonly origin: string;
  /** Global numbers of the first and the last entry. */
  readonly first: number;
  readonly last: number;
  readonly treeSize: number;
  readonly files: readonly ExportedFile[];
}

const EARLIER_CHECKPOINTS = 32;
/** As much as a verifier takes. */
const MAX_ABSENCES_BYTES = 64 * 1024 * 1024;
const MAX_PROVEN_SIZES = 1_000;
/** What is read from the database at once: at least one block, and about this many bytes. */
const BYTES_AT_ONCE = 4 * 1024 * 1024;
const MAX_BLOCKS_AT_ONCE = 512;
const BLOCK_SIZES_AT_ONCE = 20_000;

/**
 * The export of the entries of a period, or of all, under the newest checkpoint. A period becomes the shortest run
 * of numbers that holds every entry of that time. Throws the Failures `log_range_empty` and `proof_sizes_invalid`.
 */
export async function exportLog(
  pool: Pool,
  workspaceId: WorkspaceId,
  key: VerifierKey,
  { from, to, through, proveSizes = [] }: ExportOptions = {},
): Promise<LogExport> {
  const covering = await coveringCheckpoint(pool, workspaceId);
  const range =
    covering === undefined
      ? undefined
      : await rangeOf(pool, workspaceId, Math.min(covering.treeSize, through ?? covering.treeSize), from, to);
  if (covering === undefined || range === undefined)
    throw new Failure(
      404,
      'log_range_empty',
      'The log has no entry in that time.',
      'Ask for a longer time, or for the whole log.',
    );
  const { treeSize } = covering;
  if (proveSizes.length > MAX_PROVEN_SIZES || proveSizes.some((size) => !Number.isSafeInteger(size) || size < 0))
    throw new Failure(
      400,
      'proof_sizes_invalid',
      `The tree sizes to prove are not at most ${MAX_PROVEN_SIZES} whole numbers.`,
      'Send the sizes of the newest checkpoints you hold.',
    );
  const { first, last } = range;
  const earlier = await earlierCheckpoints(pool, workspaceId, first, last, treeSize);
  const nodes = nodesFromTiles(treeSize, tileLoader(pool, workspaceId));
  const sizes = [...earlier.map((each) => each.treeSize), ...proveSizes];
  const small = {
    checkpoint: Buffer.from(covering.note),
    checkpoints: Buffer.from(earlier.map(({ note }) => formatCheckpointLine(note)).join('')),
    proof: Buffer.from(await proofText(nodes, first, last, treeSize, sizes)),
    key: Buffer.from(`${key.text}\n`),
  };
  const absences = await absencesText(pool, workspaceId, nodes, first, last, treeSize);
  const entriesBytes = await bytesOfEntries(pool, workspaceId, first, last);
  const manifest = formatManifest({
    origin: key.name,
    first,
    last,
    treeSize,
    entriesBytes,
    files: {
      checkpoint: digestOf(small.checkpoint),
      checkpoints: digestOf(small.checkpoints),
      proof: digestOf(small.proof),
      key: digestOf(small.key),
    },
    ...(absences === undefined ? {} : { absences: digestOf(absences) }),
  });
  return {
    origin: key.name,
    first,
    last,
    treeSize,
    files: [
      fileOf(EXPORT_FILES.manifest, Buffer.from(manifest)),
      fileOf(EXPORT_FILES.key, small.key),
      fileOf(EXPORT_FILES.checkpoint, small.checkpoint),
      fileOf(EXPORT_FILES.checkpoints, small.checkpoints),
      fileOf(EXPORT_FILES.proof, small.proof),
      ...(absences === undefined ? [] : [fileOf(ABSENCES_FILE, absences)]),
      { path: EXPORT_FILES.entries, size: entriesBytes, chunks: entries(pool, workspaceId, first, last) },
    ],
  };
}

interface NoteOfSize {
  readonly treeSize: number;
  readonly note: string;
}

async function coveringCheckpoint(pool: Pool, workspaceId: WorkspaceId): Promise<NoteOfSize | undefined> {
  // Of one size the newest: a witness's signature may have been added to it.
  const { rows } = await pool.query<NoteOfSize>(
    `SELECT tree_size AS "treeSize", note FROM log_checkpoints WHERE workspace_id = $1 ORDER BY tree_size DESC, id DESC LIMIT 1`,
    [workspaceId],
  );
  return rows[0];
}

async function rangeOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  end: number,
  from: Date | undefined,
  to: Date | undefined,
): Promise<{ readonly first: number; readonly last: number } | undefined> {
  if (from === undefined && to === undefined) return { first: 1, last: end };
  // Times of records do not follow the numbers exactly, so both ends are asked for.
  const { rows } = await pool.query<{ first: number | null; last: number | null }>(
    `SELECT min(seq) AS first, max(seq) AS last FROM actions
      WHERE workspace_id = $1 AND seq <= $2 AND ($3::timestamptz IS NULL OR ts >= $3) AND ($4::timestamptz IS NULL OR ts < $4)`,
    [workspaceId, end, from ?? null, to ?? null],
  );
  const { first = null, last = null } = rows[0] ?? {};
  return first === null || last === null ? undefined : { first, last };
}

/** A few checkpoints smaller than the covering one: those next to both ends of the range, and others evenly over the whole log. */
async function earlierCheckpoints(
  pool: Pool,
  workspaceId: WorkspaceId,
  first: number,
  last: number,
  treeSize: number,
): Promise<NoteOfSize[]> {
  const targets = [first - 1, last];
  for (let i = 1; targets.length < EARLIER_CHECKPOINTS; i += 1)
    targets.push(Math.floor((treeSize / EARLIER_CHECKPOINTS) * i));
  const { rows } = await pool.query<NoteOfSize>(
    `SELECT DISTINCT ON (c.tree_size) c.tree_size AS "treeSize", c.note
       FROM unnest($2::bigint[]) AS t (target)
      CROSS JOIN LATERAL (SELECT tree_size, note, id FROM log_checkpoints
                           WHERE workspace_id = $1 AND tree_size <= t.target AND tree_size < $3
                           ORDER BY tree_size DESC, id DESC LIMIT 1) AS c
      ORDER BY c.tree_size, c.id DESC`,
    [workspaceId, targets, treeSize],
  );
  return rows;
}

async function proofText(
  nodes: NodeReader,
  first: number,
  last: number,
  treeSize: number,
  sizes: readonly number[],
): Promise<string> {
  const consistency = new Map<number, Uint8Array[]>();
  for (const size of new Set(sizes)) {
    // The entries themselves show the trees that end among them.
    const isShown = size === 0 || (size >= first - 1 && size <= last) || size >= treeSize;
    if (!isShown) consistency.set(size, await consistencyProof(size, treeSize, nodes));
  }
  const hashes = (start: number, end: number) =>
    Promise.all(completeNodes(start, end).map(async ({ level, index }) => nodes(level, index)));
  return formatProof({ before: await hashes(0, first - 1), after: await hashes(last, treeSize), consistency });
}

/**
 * The records that let payloads of the range go, and those about holds that come before the last of them, each with its
 * proof; undefined where every payload is there. Throws `absences_too_many`.
 */
async function absencesText(
  pool: Pool,
  workspaceId: WorkspaceId,
  nodes: NodeReader,
  first: number,
  last: number,
  treeSize: number,
): Promise<Buffer | undefined> {
  const { rows: letting } = await pool.query<{ seq: number }>(
    `SELECT seq FROM log_absences WHERE workspace_id = $1 AND entries && int8range($2, $3, '[]') AND seq <= $4 ORDER BY seq`,
    [workspaceId, first, last, treeSize],
  );
  const newest = letting.at(-1)?.seq;
  if (newest === undefined) return undefined;
  const { rows: holding } = await pool.query<{ seq: number }>(
    `SELECT seq FROM actions WHERE workspace_id = $1 AND kind LIKE 'hold.%' AND seq < $2`,
    [workspaceId, newest],
  );
  const lines: string[] = [];
  let bytes = 0;
  for (const seq of [...letting, ...holding].map((row) => row.seq).sort((a, b) => a - b)) {
    const record = await recordAt(pool, workspaceId, seq);
    // One that was itself let go since: what it let go is covered by another one.
    if (record === undefined) continue;
    const line = formatAbsenceLine(seq, record, await inclusionProof(seq - 1, treeSize, nodes));
    bytes += line.length;
    if (bytes > MAX_ABSENCES_BYTES)
      throw new Failure(
        413,
        'absences_too_many',
        'The records that let payloads of this time go are larger than an export can hold.',
        'Export shorter periods.',
      );
    lines.push(line);
  }
  return Buffer.from(lines.join(''));
}

async function recordAt(pool: Pool, workspaceId: WorkspaceId, seq: number): Promise<string | undefined> {
  const [block] = await sealedBlocks(pool, workspaceId, seq, 1);
  if (block === undefined) return undefined;
  for (const { entry } of within(block, seq, seq)) if (entry.record.length > 0) return entry.record.toString();
  return undefined;
}

/** The size of entries.jsonl, from the sizes of the blocks: an archive names it before the first byte. */
async function bytesOfEntries(pool: Pool, workspaceId: WorkspaceId, first: number, last: number): Promise<number> {
  let bytes = 0;
  for (let next = first; next <= last; ) {
    const { rows } = await pool.query<{ first: number; count: number; absent: number; bytes: number }>({
      name: 'log-block-sizes',
      text: `SELECT s.first_global_seq AS first, b.count, b.absent, octet_length(b.records) AS bytes
               FROM log_seals s JOIN log_blocks b USING (workspace_id, shard_id, block)
              WHERE s.workspace_id = $1 AND s.first_global_seq <= $3
                AND s.first_global_seq >= coalesce((SELECT max(first_global_seq) FROM log_seals
                                                     WHERE workspace_id = $1 AND first_global_seq <= $2), $2)
              ORDER BY s.first_global_seq LIMIT ${BLOCK_SIZES_AT_ONCE}`,
      values: [workspaceId, next, last],
    });
    for (const block of rows) {
      // What is cut, or has lost payloads, is looked at line by line.
      const isCut = block.absent > 0 || block.first < first || block.first + block.count - 1 > last;
      bytes += isCut ? await bytesWithin(pool, workspaceId, block.first, first, last) : bytesOfBlock(block);
    }
    const end = rows.at(-1);
    if (end === undefined || rows.length < BLOCK_SIZES_AT_ONCE) break;
    next = end.first + end.count;
  }
  return bytes;
}

function bytesOfBlock({ first, count, bytes }: { first: number; count: number; bytes: number }): number {
  // Between the records stand line feeds, which the lines count themselves.
  let sum = bytes - (count - 1);
  for (let seq = first; seq < first + count; seq += 1) sum += lineBytes(0, seq);
  return sum;
}

async function bytesWithin(
  pool: Pool,
  workspaceId: WorkspaceId,
  blockFirst: number,
  first: number,
  last: number,
): Promise<number> {
  const [block] = await sealedBlocks(pool, workspaceId, blockFirst, 1);
  let sum = 0;
  if (block !== undefined) for (const line of within(block, first, last)) sum += bytesOf(line);
  return sum;
}

/** Lines of the entries from `first` to `last`, a block in each chunk. */
async function* entries(
  pool: Pool,
  workspaceId: WorkspaceId,
  first: number,
  last: number,
): AsyncGenerator<Buffer, void, undefined> {
  let limit = 1;
  for (let next = first; next <= last; ) {
    const blocks = await sealedBlocks(pool, workspaceId, next, limit);
    let bytes = 0;
    for (const block of blocks) {
      bytes += block.records.length;
      const lines = linesOf(block, first, last);
      if (lines.length > 0) yield lines;
    }
    const end = blocks.at(-1);
    if (end === undefined) return;
    next = end.firstGlobalSeq + end.count;
    limit = Math.max(1, Math.min(MAX_BLOCKS_AT_ONCE, Math.floor((BYTES_AT_ONCE / Math.max(1, bytes)) * blocks.length)));
  }
}

function linesOf(block: SealedBlock, first: number, last: number): Buffer {
  const kept = [...within(block, first, last)];
  const lines = Buffer.allocUnsafe(kept.reduce((sum, line) => sum + bytesOf(line), 0));
  let at = 0;
  for (const { seq, entry, shard, shardSeq } of kept) at = writeLine(lines, at, entry, seq, { shard, shardSeq });
  return lines;
}

interface PlacedEntry {
  readonly seq: number;
  readonly entry: BlockEntry;
  readonly shard: string;
  readonly shardSeq: number;
}

function bytesOf({ seq, entry, shard, shardSeq }: PlacedEntry): number {
  return entry.record.length === 0 ? absentLineBytes(seq, shard, shardSeq) : lineBytes(entry.record.length, seq);
}

function* within(block: SealedBlock, first: number, last: number): Generator<PlacedEntry> {
  let at = 0;
  for (const entry of readBlock(block)) {
    const seq = block.firstGlobalSeq + at;
    if (seq >= first && seq <= last) yield { seq, entry, shard: block.shardId, shardSeq: block.firstSeq + at };
    at += 1;
  }
}

function digestOf(bytes: Buffer): { readonly bytes: number; readonly sha256: string } {
  return { bytes: bytes.length, sha256: formatHash(sha256(bytes)) };
}

function fileOf(path: string, bytes: Buffer): ExportedFile {
  async function* chunks(): AsyncGenerator<Buffer, void, undefined> {
    if (bytes.length > 0) yield bytes;
  }
  return { path, size: bytes.length, chunks: chunks() };
}
