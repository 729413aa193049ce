/**
 * An export of the log: a folder that can be checked with no server. The format is specified in
 * docs/reference/log-format.md; producer and verifier share what stands here.
 */
import { canonicalJson } from './canonical.ts';

export const EXPORT_FORMAT = 'hivekey-log-export';
export const EXPORT_VERSION = 1;
/** Of an export with entries whose payload has left the log. */
export const EXPORT_VERSION_WITH_ABSENCES = 2;

/** The files of every export. But for {@link ABSENCES_FILE} there are no others, so no name in a manifest is ever opened. */
export const EXPORT_FILES = {
  manifest: 'manifest.json',
  entries: 'entries.jsonl',
  checkpoint: 'checkpoint',
  checkpoints: 'checkpoints.jsonl',
  proof: 'proof.json',
  key: 'verifier.key',
} as const;

/** Beside them, only where payloads are absent. */
export const ABSENCES_FILE = 'absences.jsonl';

export type DigestedFile = Exclude<keyof typeof EXPORT_FILES, 'manifest' | 'entries'>;

/** A verifier accepts this many earlier checkpoints in one export. */
export const MAX_EXPORTED_CHECKPOINTS = 64;
/** C2SP tlog-tiles: an entry has at most 65,535 bytes. */
export const MAX_RECORD_BYTES = 65_535;

/** `manifest.json`: its RFC 8785 text and a line feed. */
export interface Manifest {
  /** Name of the log, which is the name of its key. */
  readonly origin: string;
  /** Global number of the first entry, from 1, and of the last. */
  readonly first: number;
  readonly last: number;
  /** Size of the signed tree that covers them. */
  readonly treeSize: number;
  readonly entriesBytes: number;
  readonly files: Readonly<Record<DigestedFile, FileDigest>>;
  /** Only where payloads are absent: the version is 2 then. */
  readonly absences?: FileDigest;
}

export interface FileDigest {
  readonly bytes: number;
  /** `sha256:<hex>` */
  readonly sha256: string;
}

/** `proof.json`, with hashes as 32 bytes. */
export interface ExportProof {
  /** The complete subtrees left of the first entry, largest first. */
  readonly before: readonly Uint8Array[];
  /** Those right of the last entry up to the signed size, left to right. */
  readonly after: readonly Uint8Array[];
  /** RFC 9162 consistency proofs from smaller trees, which the entries alone do not give, to the signed one. */
  readonly consistency: ReadonlyMap<number, readonly Uint8Array[]>;
}

export function formatManifest({ origin, first, last, treeSize, entriesBytes, files, absences }: Manifest): string {
  const manifest = {
    format: EXPORT_FORMAT,
    version: absences === undefined ? EXPORT_VERSION : EXPORT_VERSION_WITH_ABSENCES,
    origin,
    first,
    last,
    count: last - first + 1,
    tree_size: treeSize,
    files: [
      ...(absences === undefined ? [] : [{ path: ABSENCES_FILE, ...absences }]),
      { path: EXPORT_FILES.checkpoint, ...files.checkpoint },
      { path: EXPORT_FILES.checkpoints, ...files.checkpoints },
      { path: EXPORT_FILES.entries, bytes: entriesBytes },
      { path: EXPORT_FILES.proof, ...files.proof },
      { path: EXPORT_FILES.key, ...files.key },
    ],
  };
  return `${canonicalJson(manifest)}\n`;
}

export function formatProof({ before, after, consistency }: ExportProof): string {
  const proof = {
    before: before.map(hex),
    after: after.map(hex),
    consistency: [...consistency].sort(([a], [b]) => a - b).map(([size, path]) => ({ size, path: path.map(hex) })),
  };
  return `${canonicalJson(proof)}\n`;
}

/** One line of `checkpoints.jsonl`. */
export function formatCheckpointLine(note: string): string {
  return `${canonicalJson({ note })}\n`;
}

/**
 * One line of `absences.jsonl`: a record of the log that lets payloads go or holds them, proven to be entry `seq` of the
 * tree that the export's checkpoint signs.
 */
export function formatAbsenceLine(seq: number, canonical: string, inclusion: readonly Uint8Array[]): string {
  return `${canonicalJson({ canonical, inclusion: inclusion.map(hex), seq })}\n`;
}

// The canonical form of a sealed entry has its keys in this order.
export const LINE_PARTS = {
  entryHash: '{"entry_hash":"sha256:',
  hash: '","hash":"sha256:',
  previous: '","prev_hash":"sha256:',
  record: '","record":',
  seq: ',"seq":',
  end: '}\n',
} as const;

/** In place of a record whose payload has left the log, and behind `seq`: where the entry stands in its shard. */
export const ABSENT_PARTS = { record: 'null', shard: ',"shard":"', shardSeq: '","shard_seq":' } as const;

const HEX_HASH = 64;
const FIXED_BYTES = Object.values(LINE_PARTS).reduce((sum, part) => sum + part.length, 0) + 3 * HEX_HASH;
const ABSENT_BYTES = Object.values(ABSENT_PARTS).reduce((sum, part) => sum + part.length, 0);

/** Bytes of one line of `entries.jsonl`, its line feed included. */
export function lineBytes(recordBytes: number, seq: number): number {
  return FIXED_BYTES + recordBytes + String(seq).length;
}

/** Bytes of the line of an entry whose payload has left the log. */
export function absentLineBytes(seq: number, shard: string, shardSeq: number): number {
  return FIXED_BYTES + ABSENT_BYTES + String(seq).length + shard.length + String(shardSeq).length;
}

/** Writes one line of `entries.jsonl` into `target` at `at` and returns where it ends. */
export function writeLine(
  target: Buffer,
  at: number,
  entry: {
    readonly record: Buffer;
    readonly entryHash: Uint8Array;
    readonly previousLink: Uint8Array;
    readonly link: Uint8Array;
  },
  seq: number,
  /** Where it stands in its shard; for a record that is empty, because its payload has left the log. */
  place?: { readonly shard: string; readonly shardSeq: number },
): number {
  const { record, entryHash, previousLink, link } = entry;
  const { entryHash: open, hash, previous, record: before } = LINE_PARTS;
  let end =
    at + target.write(open + hex(entryHash) + hash + hex(link) + previous + hex(previousLink) + before, at, 'latin1');
  if (record.length === 0 && place !== undefined) {
    const { record: absent, shard, shardSeq } = ABSENT_PARTS;
    const tail = `${absent}${LINE_PARTS.seq}${seq}${shard}${place.shard}${shardSeq}${place.shardSeq}${LINE_PARTS.end}`;
    return end + target.write(tail, end, 'latin1');
  }
  end += record.copy(target, end);
  return end + target.write(LINE_PARTS.seq + String(seq) + LINE_PARTS.end, end, 'latin1');
}

function hex(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('hex');
}
