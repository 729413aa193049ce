import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  edgeTiles,
  entryHash,
  frontierAt,
  inclusionProof,
  nodesFromTiles,
  rootOf,
  TileEdge,
  TreeRange,
  tilePath,
  verifyInclusion,
} from '../src/index.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('tiles', () => {
  it('are named as C2SP tlog-tiles names them', () => {
    expect(tilePath({ level: 0, index: 1234067, width: 256 })).toBe('tile/0/x001/x234/067');
    expect(tilePath({ level: 15, index: 5, width: 7 })).toBe('tile/15/005.p/7');
    expect(tilePath({ level: 1, index: 1000, width: 256 })).toBe('tile/1/x001/000');
  });

  it('name the right edge, as in the example of tlog-tiles for 70,000 leaves', () => {
    expect(edgeTiles(70_000).map(tilePath)).toEqual(['tile/0/273.p/112', 'tile/1/001.p/17', 'tile/2/000.p/1']);
    expect(edgeTiles(256).map(tilePath)).toEqual(['tile/1/000.p/1']);
    expect(edgeTiles(0)).toEqual([]);
  });

  it('hold the whole tree, however the leaves arrive and wherever appending was resumed', async () => {
    const leaves = Array.from({ length: 66_000 }, (_, i) => entryHash(String(i)));
    const batches = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 30_000 })), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(batches, fc.nat(), async (sizes, pick) => {
        const stored = new Map<string, Uint8Array>();
        const load = ({ level, index, width }: { level: number; index: number; width: number }) =>
          stored.get(tilePath({ level, index, width })) ?? new Uint8Array(0);
        let edge = await TileEdge.open(0, load);
        for (const count of sizes) {
          const next = leaves.slice(edge.size, Math.min(edge.size + count, leaves.length));
          for (const tile of edge.append(next)) stored.set(tilePath(tile), tile.hashes);
          edge = await TileEdge.open(edge.size, load);
        }
        const root = rootOf(leaves.slice(0, edge.size));
        expect(hex(edge.root())).toBe(hex(root));
        const read = nodesFromTiles(edge.size, load);
        expect(hex((await frontierAt(edge.size, read)).root())).toBe(hex(root));
        const index = pick % edge.size;
        const path = await inclusionProof(index, edge.size, read);
        expect(verifyInclusion(leaves[index] ?? root, index, edge.size, path, root)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it('refuse a stored tile that is too short, and nodes that are not complete', async () => {
    await expect(TileEdge.open(3, () => new Uint8Array(64))).rejects.toThrow(TreeRange);
    const read = nodesFromTiles(3, () => new Uint8Array(96));
    await expect(Promise.resolve(read(1, 1))).rejects.toThrow(TreeRange);
  });
});
