/**
 * C2SP tlog-checkpoint: origin, tree size, root, and extension lines. HiveKey's extension lines name the
 * head of every shard: `shard <shard id> <last shard_seq> <base64 link>`.
 */
import { decodeBase64, encodeBase64 } from './base64.ts';
import { HASH_BYTES } from './hashes.ts';

/** The last link of a shard that the checkpoint covers. */
export interface ShardHead {
  readonly shard: string;
  /** The `shard_seq` of the last entry; how many entries of the shard the tree holds. */
  readonly seq: number;
  readonly head: Uint8Array;
}

export interface Checkpoint {
  /** Names the log; the name of its key. */
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** Sorted by shard id. */
  readonly shards: readonly ShardHead[];
}

const SHARD_ID = /^[!-*,-~]{1,64}$/;
const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;

/** The text to sign, which ends with a line feed. */
export function formatCheckpoint({ origin, size, root, shards }: Checkpoint): string {
  if (!isLine(origin)) throw new TypeError('the origin of a checkpoint is one line that is not empty');
  const heads = [...shards]
    .sort((a, b) => (a.shard < b.shard ? -1 : 1))
    .map(({ shard, seq, head }) => {
      if (!SHARD_ID.test(shard)) throw new TypeError('a shard id holds only visible ASCII without +');
      return `shard ${shard} ${seq} ${encodeBase64(head)}\n`;
    });
  return `${origin}\n${size}\n${encodeBase64(root)}\n${heads.join('')}`;
}

/** Reads the text of a checkpoint, or says in words why it is none. Extension lines other than `shard` are allowed and ignored. */
export function parseCheckpoint(text: string): Checkpoint | string {
  if (!text.endsWith('\n')) return 'does not end with a line feed';
  const [origin, sizeText, rootText, ...extensions] = text.slice(0, -1).split('\n');
  if (origin === undefined || !isLine(origin)) return 'has no origin';
  const size = parseDecimal(sizeText);
  if (size === undefined) return 'has no tree size';
  const root = parseRoot(rootText);
  if (root === undefined) return 'has no root hash';
  const shards: ShardHead[] = [];
  for (const line of extensions) {
    if (!isLine(line)) return 'has an empty extension line';
    if (!line.startsWith('shard ')) continue;
    const head = parseShardLine(line);
    const last = shards.at(-1);
    if (head === undefined) return 'has a malformed shard line';
    if (last !== undefined && last.shard >= head.shard) return 'names its shards twice or out of order';
    shards.push(head);
  }
  return { origin, size, root, shards };
}

function parseShardLine(line: string): ShardHead | undefined {
  const parts = line.split(' ');
  const [, shard, seqText, headText] = parts;
  const seq = parseDecimal(seqText);
  const head = parseRoot(headText);
  if (parts.length !== 4 || shard === undefined || !SHARD_ID.test(shard)) return undefined;
  return seq === undefined || head === undefined ? undefined : { shard, seq, head };
}

function parseDecimal(text: string | undefined): number | undefined {
  if (text === undefined || !DECIMAL.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

function parseRoot(text: string | undefined): Buffer | undefined {
  const bytes = text === undefined ? undefined : decodeBase64(text);
  return bytes?.length === HASH_BYTES ? bytes : undefined;
}

function isLine(text: string): boolean {
  return text.length > 0 && !text.includes('\n');
}
