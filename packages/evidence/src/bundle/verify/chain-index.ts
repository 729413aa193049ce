/** `chain_index.csv`: numbers without a gap, links that are made of their hashes, and a tree that the log's checkpoint signs. */
import { linkHash, nodeHash, parseHash, sameHash, ZERO_LINK } from '@hivekey/action-log';
import { CHAIN_INDEX_HEADER } from '../action-log.ts';
import type { BundleDefectCode } from './report.ts';
import { linesOf } from './source.ts';

/** What the export beside the index says, parsed and checked by the verifier of the log where the entries are there too. */
export interface IndexedRange {
  readonly first: number;
  readonly last: number;
  readonly treeSize: number;
  /** Root that the checkpoint signs. */
  readonly root: Uint8Array;
  /** Last link of each shard at `treeSize`. */
  readonly heads: ReadonlyMap<string, Uint8Array>;
  /** Complete subtrees on both sides, left to right. */
  readonly before: readonly Uint8Array[];
  readonly after: readonly Uint8Array[];
}

const ROW = /^(\d{1,15}),([0-9a-f]{64}),([0-9a-f]{64}),([0-9a-f]{64}),([A-Za-z0-9_-]{1,64})$/;
const MAX_ROW_BYTES = 512;
const MAX_SHARDS = 4_096;

export interface IndexDefect {
  readonly code: BundleDefectCode;
  readonly message: string;
}

/** The first defect. `entry`: asked for each row, with what the entry's own line must hold; what it answers is a defect. */
export async function checkChainIndex(
  chunks: AsyncIterable<Uint8Array>,
  range: IndexedRange,
  entry: (row: { seq: number; entryHash: string; link: string; previousLink: string }) => Promise<string | undefined>,
): Promise<IndexDefect | undefined> {
  const { first, last, treeSize } = range;
  const tree = new Tree();
  if (!tree.cover(0, first - 1, range.before))
    return { code: 'index_root', message: 'the proof does not fit the range' };
  const links = new Map<string, string>();
  let next = first;
  let isHeader = true;
  for await (const line of linesOf(chunks, MAX_ROW_BYTES)) {
    if (isHeader) {
      if (line !== CHAIN_INDEX_HEADER) return { code: 'index_malformed', message: 'it has other columns' };
      isHeader = false;
      continue;
    }
    const [, seq, entryHash = '', link = '', previousLink = '', shard = ''] = ROW.exec(line ?? '') ?? [];
    if (seq === undefined) return { code: 'index_malformed', message: `the row after seq ${next - 1} is none` };
    if (Number(seq) !== next)
      return { code: 'index_gap', message: `seq ${next} is not there; ${seq} stands in its place` };
    const known = links.get(shard);
    const isFirst = known === undefined && first === 1;
    if (isFirst ? !sameHash(bytesOf(previousLink), ZERO_LINK) : known !== undefined && known !== previousLink)
      return { code: 'index_broken', message: `seq ${seq} does not follow the entry before it` };
    const leaf = bytesOf(entryHash);
    if (!sameHash(linkHash(bytesOf(previousLink), leaf), bytesOf(link)))
      return { code: 'index_broken', message: `the link of seq ${seq} is not made of its hashes` };
    const wrong = await entry({ seq: next, entryHash, link, previousLink });
    if (wrong !== undefined) return { code: 'entry_missing', message: wrong };
    if (known === undefined && links.size >= MAX_SHARDS)
      return { code: 'index_malformed', message: 'it has too many shards' };
    links.set(shard, link);
    tree.push(0, leaf);
    next += 1;
  }
  if (next !== last + 1)
    return { code: 'index_cut', message: `it ends with seq ${next - 1}; the export goes to ${last}` };
  if (!tree.cover(last, treeSize, range.after))
    return { code: 'index_root', message: 'the proof does not fit the range' };
  if (!sameHash(tree.root(), range.root))
    return { code: 'index_root', message: 'its entries are not those that the checkpoint of the log signs' };
  if (last < treeSize) return undefined;
  const wrongHead = [...links].find(([shard, link]) => !sameHash(range.heads.get(shard) ?? ZERO_LINK, bytesOf(link)));
  return (
    wrongHead && { code: 'index_cut', message: `the chain of ${wrongHead[0]} does not end where the checkpoint says` }
  );
}

function bytesOf(hex: string): Uint8Array {
  return parseHash(`sha256:${hex}`) ?? new Uint8Array(0);
}

/** RFC 6962 root from complete subtrees, left to right. */
class Tree {
  readonly #stack: { readonly level: number; readonly hash: Uint8Array }[] = [];

  push(level: number, hash: Uint8Array): void {
    let node = { level, hash };
    for (let left = this.#stack.at(-1); left?.level === node.level; left = this.#stack.at(-1)) {
      this.#stack.pop();
      node = { level: node.level + 1, hash: nodeHash(left.hash, node.hash) };
    }
    this.#stack.push(node);
  }

  /** The subtrees from `start` to `end` (exclusive), each as large as its place allows; false where the hashes are too many or too few. */
  cover(start: number, end: number, hashes: readonly Uint8Array[]): boolean {
    let at = start;
    for (const hash of hashes) {
      let level = 0;
      while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= end) level += 1;
      if (at + 2 ** level > end) return false;
      this.push(level, hash);
      at += 2 ** level;
    }
    return at === end;
  }

  root(): Uint8Array {
    return this.#stack.map(({ hash }) => hash).reduceRight((right, left) => nodeHash(left, right));
  }
}
