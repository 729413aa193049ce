/**
 * The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1), over leaf hashes.
 * A node is named by its level (0 is the leaves) and its index in that level; sizes stay below 2^53,
 * so the arithmetic is on numbers and never uses JavaScript's 32-bit shifts.
 */
import { nodeHash, sha256 } from './hashes.ts';

/** Gives the hash of a complete node: the root of the 2^level leaves from index · 2^level on. */
export type NodeReader = (level: number, index: number) => Uint8Array | Promise<Uint8Array>;

/** The root of the tree without leaves: SHA-256 of nothing. */
export const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array(0));

/** A tree size or a position is not a whole number in range. */
export class TreeRange extends Error {
  readonly code = 'tree_range';
}

/**
 * What must be remembered of a tree to go on appending: the roots of the complete subtrees it is made
 * of, largest (leftmost) first. There is one for each 1 bit of the size.
 */
export class Frontier {
  #size: number;
  readonly #nodes: Uint8Array[];

  /** Continues a tree of `size` leaves. Throws {@link TreeRange} unless there is a node for each 1 bit of the size. */
  constructor(size = 0, nodes: readonly Uint8Array[] = []) {
    checkSize(size);
    if (nodes.length !== onesOf(size) || nodes.some((each) => each.length !== 32))
      throw new TreeRange(`a tree of ${size} leaves has a frontier of ${onesOf(size)} hashes of 32 bytes`);
    this.#size = size;
    this.#nodes = [...nodes];
  }

  get size(): number {
    return this.#size;
  }

  get nodes(): readonly Uint8Array[] {
    return this.#nodes;
  }

  append(leafHash: Uint8Array): void {
    let hash = leafHash;
    for (let size = this.#size; size % 2 === 1; size = (size - 1) / 2) {
      const left = this.#nodes.pop();
      if (left === undefined) throw new TreeRange('the frontier does not fit its size');
      hash = nodeHash(left, hash);
    }
    this.#nodes.push(hash);
    this.#size += 1;
  }

  root(): Uint8Array {
    return foldRight(this.#nodes);
  }
}

/** Root over leaf hashes held in memory. */
export function rootOf(leafHashes: Iterable<Uint8Array>): Uint8Array {
  const frontier = new Frontier();
  for (const leaf of leafHashes) frontier.append(leaf);
  return frontier.root();
}

/**
 * The audit path of the leaf at `index` (from 0) in the tree of `size` leaves, RFC 9162 section 2.1.3.1.
 * Throws {@link TreeRange} when there is no such leaf.
 */
export async function inclusionProof(index: number, size: number, read: NodeReader): Promise<Uint8Array[]> {
  checkSize(size);
  if (!Number.isSafeInteger(index) || index < 0 || index >= size)
    throw new TreeRange(`there is no leaf ${index} in a tree of ${size}`);
  return Promise.all(inclusionRanges(index, 0, size).map(({ start, end }) => rangeRoot(start, end, read)));
}

/**
 * Shows that the tree of `size` leaves begins with the tree of `oldSize`, RFC 9162 section 2.1.4.1.
 * Empty for `oldSize` 0 or equal sizes. Throws {@link TreeRange} when `oldSize` exceeds `size`.
 */
export async function consistencyProof(oldSize: number, size: number, read: NodeReader): Promise<Uint8Array[]> {
  checkSize(size);
  checkSize(oldSize);
  if (oldSize > size) throw new TreeRange(`a tree of ${size} cannot contain one of ${oldSize}`);
  if (oldSize === 0 || oldSize === size) return [];
  return Promise.all(consistencyRanges(oldSize, 0, size, true).map(({ start, end }) => rangeRoot(start, end, read)));
}

/** The frontier of the first `size` leaves, read from a tree that may be larger. */
export async function frontierAt(size: number, read: NodeReader): Promise<Frontier> {
  checkSize(size);
  const nodes = await Promise.all(completeNodes(0, size).map(async ({ level, index }) => read(level, index)));
  return new Frontier(size, nodes);
}

/** A complete subtree: the root of the 2^level leaves from index · 2^level on. */
export interface Subtree {
  readonly level: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

/** The root above adjacent subtrees that together cover the leaves from 0 on, left to right, as {@link completeNodes} names them. */
export function rootOfSubtrees(subtrees: Iterable<Subtree>): Uint8Array {
  const stack: Subtree[] = [];
  for (const subtree of subtrees) {
    let top = subtree;
    for (let left = stack.at(-1); left?.level === top.level && top.index % 2 === 1; left = stack.at(-1)) {
      stack.pop();
      top = { level: top.level + 1, index: left.index / 2, hash: nodeHash(left.hash, top.hash) };
    }
    stack.push(top);
  }
  return foldRight(stack.map(({ hash }) => hash));
}

interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** The sibling ranges on the way up from a leaf, lowest first. */
function inclusionRanges(index: number, start: number, end: number): LeafRange[] {
  if (end - start === 1) return [];
  const middle = start + splitOf(end - start);
  return index < middle
    ? [...inclusionRanges(index, start, middle), { start: middle, end }]
    : [...inclusionRanges(index, middle, end), { start, end: middle }];
}

/** SUBPROOF of RFC 9162 section 2.1.4.1; `known` says that the verifier already has the root of this range. */
function consistencyRanges(oldEnd: number, start: number, end: number, known: boolean): LeafRange[] {
  if (oldEnd === end) return known ? [] : [{ start, end }];
  const middle = start + splitOf(end - start);
  return oldEnd <= middle
    ? [...consistencyRanges(oldEnd, start, middle, known), { start: middle, end }]
    : [...consistencyRanges(oldEnd, middle, end, false), { start, end: middle }];
}

async function rangeRoot(start: number, end: number, read: NodeReader): Promise<Uint8Array> {
  return foldRight(await Promise.all(completeNodes(start, end).map(async ({ level, index }) => read(level, index))));
}

/** The fewest complete subtrees that make up the leaves from `start` to `end`, left to right. */
export function completeNodes(start: number, end: number): { level: number; index: number }[] {
  const nodes: { level: number; index: number }[] = [];
  for (let at = start; at < end; ) {
    let level = 0;
    let width = 1;
    while (at % (2 * width) === 0 && at + 2 * width <= end) {
      width *= 2;
      level += 1;
    }
    nodes.push({ level, index: at / width });
    at += width;
  }
  return nodes;
}

/** Joins subtree roots that shrink from left to right into the root above them all. */
export function foldRight(nodes: readonly Uint8Array[]): Uint8Array {
  let root = nodes.at(-1);
  if (root === undefined) return EMPTY_ROOT;
  for (let i = nodes.length - 2; i >= 0; i -= 1) {
    const left = nodes[i];
    if (left !== undefined) root = nodeHash(left, root);
  }
  return root;
}

/** The largest power of two smaller than `width`: where RFC 6962 splits a range. */
function splitOf(width: number): number {
  let split = 1;
  while (split * 2 < width) split *= 2;
  return split;
}

function onesOf(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}

function checkSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new TreeRange(`${size} is not a tree size`);
}
