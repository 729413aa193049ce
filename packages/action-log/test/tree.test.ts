import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  consistencyProof,
  EMPTY_ROOT,
  entryHash,
  Frontier,
  frontierAt,
  inclusionProof,
  type NodeReader,
  nodeHash,
  rootOf,
  TreeRange,
  verifyConsistency,
  verifyInclusion,
} from '../src/index.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** The inputs and roots that the Certificate Transparency projects share as test vectors for RFC 6962. */
const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** The definition of RFC 6962 section 2.1, written as it stands there. */
function definedRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves;
  if (only === undefined) return EMPTY_ROOT;
  if (leaves.length === 1) return only;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(definedRoot(leaves.slice(0, split)), definedRoot(leaves.slice(split)));
}

const leavesOf = (count: number) => Array.from({ length: count }, (_, i) => entryHash(`leaf ${i}`));

function readerOf(leaves: readonly Uint8Array[]): NodeReader {
  const known = new Map<string, Uint8Array>();
  return (level, index) => {
    const name = `${level}/${index}`;
    const node = known.get(name) ?? definedRoot(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level));
    known.set(name, node);
    return node;
  };
}

function flipped(hash: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(hash);
  copy[7] = (copy[7] ?? 0) ^ 1;
  return copy;
}

describe('tree', () => {
  it('has the empty root SHA-256 of nothing', () => {
    expect(hex(rootOf([]))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('gives the roots of the RFC 6962 test vectors', () => {
    const frontier = new Frontier();
    inputs.forEach((input, i) => {
      frontier.append(entryHash(Buffer.from(input, 'hex')));
      expect(hex(frontier.root())).toBe(roots[i]);
    });
  });

  it('agrees with the definition at every size, also when continued from a frontier', async () => {
    const leaves = leavesOf(130);
    const read = readerOf(leaves);
    for (let size = 0; size <= leaves.length; size += 1) {
      const root = hex(definedRoot(leaves.slice(0, size)));
      expect(hex(rootOf(leaves.slice(0, size)))).toBe(root);
      const frontier = await frontierAt(size, read);
      expect(hex(frontier.root())).toBe(root);
      for (const leaf of leaves.slice(size)) frontier.append(leaf);
      expect(hex(frontier.root())).toBe(hex(definedRoot(leaves)));
    }
  });

  it('refuses a frontier that does not fit its size', () => {
    expect(() => new Frontier(3, leavesOf(1))).toThrow(TreeRange);
    expect(() => new Frontier(1, [new Uint8Array(31)])).toThrow(TreeRange);
    expect(() => new Frontier(-1)).toThrow(TreeRange);
    expect(() => new Frontier(2 ** 53)).toThrow(TreeRange);
  });
});

describe('inclusion proofs', () => {
  it('hold for every leaf of every size to 300, and for nothing else', async () => {
    const leaves = leavesOf(300);
    const read = readerOf(leaves);
    for (let size = 1; size <= leaves.length; size += 1) {
      const root = rootOf(leaves.slice(0, size));
      const step = size <= 40 ? 1 : 17;
      for (let index = size % step; index < size; index += step) {
        const leaf = leaves[index] ?? EMPTY_ROOT;
        const path = await inclusionProof(index, size, read);
        expect(verifyInclusion(leaf, index, size, path, root)).toBe(true);
        expect(verifyInclusion(flipped(leaf), index, size, path, root)).toBe(false);
        expect(verifyInclusion(leaf, index, size, path, flipped(root))).toBe(false);
        expect(verifyInclusion(leaf, index, size, [...path, leaf], root)).toBe(false);
        expect(verifyInclusion(leaf, index, size, path.slice(1), root)).toBe(path.length === 0);
        path.forEach((each, i) => {
          expect(verifyInclusion(leaf, index, size, path.with(i, flipped(each)), root)).toBe(false);
        });
        if (size > 1) expect(verifyInclusion(leaf, (index + 1) % size, size, path, root)).toBe(false);
      }
    }
  });

  it('are refused for a leaf that is not in the tree', async () => {
    const read = readerOf(leavesOf(4));
    await expect(inclusionProof(4, 4, read)).rejects.toThrow(TreeRange);
    await expect(inclusionProof(-1, 4, read)).rejects.toThrow(TreeRange);
    await expect(inclusionProof(0, 0, read)).rejects.toThrow(TreeRange);
    expect(verifyInclusion(EMPTY_ROOT, 0, 0, [], EMPTY_ROOT)).toBe(false);
    expect(verifyInclusion(EMPTY_ROOT, 0.5, 1, [], EMPTY_ROOT)).toBe(false);
  });
});

describe('consistency proofs', () => {
  it('hold between all pairs of sizes to 70, and between no others', async () => {
    const leaves = leavesOf(70);
    const read = readerOf(leaves);
    const rootAt = leaves.map((_, i) => rootOf(leaves.slice(0, i)));
    rootAt.push(rootOf(leaves));
    for (let size = 0; size <= leaves.length; size += 1) {
      for (let old = 0; old <= size; old += 1) {
        const oldRoot = rootAt[old] ?? EMPTY_ROOT;
        const root = rootAt[size] ?? EMPTY_ROOT;
        const path = await consistencyProof(old, size, read);
        expect(verifyConsistency(old, oldRoot, size, root, path)).toBe(true);
        expect(verifyConsistency(old, flipped(oldRoot), size, root, path)).toBe(false);
        if (old > 0) expect(verifyConsistency(old, oldRoot, size, flipped(root), path)).toBe(false);
        expect(verifyConsistency(old, oldRoot, size, root, [...path, root])).toBe(false);
        path.forEach((each, i) => {
          expect(verifyConsistency(old, oldRoot, size, root, path.with(i, flipped(each)))).toBe(false);
        });
        if (path.length > 0) expect(verifyConsistency(old, oldRoot, size, root, path.slice(0, -1))).toBe(false);
      }
    }
  });

  it('never throw and never hold for hostile input', () => {
    const hash = fc.uint8Array({ minLength: 30, maxLength: 33 });
    const size = fc.oneof(fc.nat({ max: 1000 }), fc.double(), fc.constant(2 ** 53 - 1));
    fc.assert(
      fc.property(size, hash, size, hash, fc.array(hash, { maxLength: 60 }), (old, oldRoot, now, root, path) => {
        const same = old === now && Buffer.compare(oldRoot, root) === 0;
        expect(verifyConsistency(old, oldRoot, now, root, path) && !same).toBe(false);
        expect(verifyInclusion(oldRoot, old, now, path, root) && !(now === 1 && path.length === 0)).toBe(false);
      }),
    );
  });
});
