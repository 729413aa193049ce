/** Checking what someone else claims about the tree. Every input is taken as hostile; the answer is yes or no, never an exception. */
import { HASH_BYTES, nodeHash, sameHash } from './hashes.ts';
import { EMPTY_ROOT } from './tree.ts';

/** Whether `leafHash` is the leaf at `index` (from 0) of the tree with this size and root. RFC 9162 section 2.1.3.2. */
export function verifyInclusion(
  leafHash: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!isSize(index) || !isSize(size) || index >= size || !allHashes([leafHash, root, ...path])) return false;
  let fn = index;
  let sn = size - 1;
  let hash = leafHash;
  for (const sibling of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(sibling, hash);
      while (fn % 2 === 0 && fn !== 0) {
        fn /= 2;
        sn = half(sn);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    fn = half(fn);
    sn = half(sn);
  }
  return sn === 0 && sameHash(hash, root);
}

/** Whether the tree of `size` and `root` begins with the tree of `oldSize` and `oldRoot`. RFC 9162 section 2.1.4.2. */
export function verifyConsistency(
  oldSize: number,
  oldRoot: Uint8Array,
  size: number,
  root: Uint8Array,
  path: readonly Uint8Array[],
): boolean {
  if (!isSize(oldSize) || !isSize(size) || oldSize > size || !allHashes([oldRoot, root, ...path])) return false;
  if (oldSize === size) return path.length === 0 && sameHash(oldRoot, root);
  // Every tree begins with the empty one; there is nothing to prove and nothing may pretend to.
  if (oldSize === 0) return path.length === 0 && sameHash(oldRoot, EMPTY_ROOT);
  const [first, ...rest] = isPowerOfTwo(oldSize) ? [oldRoot, ...path] : path;
  if (first === undefined || path.length === 0) return false;
  let fn = oldSize - 1;
  let sn = size - 1;
  while (fn % 2 === 1) {
    fn = half(fn);
    sn = half(sn);
  }
  let oldHash = first;
  let newHash = first;
  for (const each of rest) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      oldHash = nodeHash(each, oldHash);
      newHash = nodeHash(each, newHash);
      while (fn % 2 === 0 && fn !== 0) {
        fn /= 2;
        sn = half(sn);
      }
    } else {
      newHash = nodeHash(newHash, each);
    }
    fn = half(fn);
    sn = half(sn);
  }
  return sn === 0 && sameHash(oldHash, oldRoot) && sameHash(newHash, root);
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isPowerOfTwo(value: number): boolean {
  let rest = value;
  while (rest % 2 === 0) rest /= 2;
  return rest === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function allHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.every((each) => each.length === HASH_BYTES);
}
