/**
 * The tree cut into tiles of height 8, as C2SP tlog-tiles stores it: tile (L, N) holds up to 256 hashes
 * of tree level 8·L, from index 256·N on. A tile that is not yet full is partial, with its width in its name.
 */
import { HASH_BYTES, nodeHash } from './hashes.ts';
import { Frontier, foldRight, type NodeReader, TreeRange } from './tree.ts';

const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;

/** Which tile, and how many hashes of it. */
export interface TileName {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

/** A tile to store: `width` hashes of 32 bytes, joined. */
export interface Tile extends TileName {
  readonly hashes: Buffer;
}

/** Gives the tile's hashes joined, at least `width` of them. */
export type TileLoader = (tile: TileName) => Uint8Array | Promise<Uint8Array>;

/** `tile/<L>/<NNN>` or `tile/<L>/<NNN>.p/<W>`, with the index in groups of three digits (C2SP tlog-tiles). */
export function tilePath({ level, index, width }: TileName): string {
  let groups = String(index % 1000).padStart(3, '0');
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000))
    groups = `x${String(rest % 1000).padStart(3, '0')}/${groups}`;
  return `tile/${level}/${groups}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** The partial tiles on the right edge of a tree, level 0 first: what must be loaded to go on appending. */
export function edgeTiles(size: number): TileName[] {
  const tiles: TileName[] = [];
  for (let level = 0, count = size; count > 0; level += 1, count = Math.floor(count / TILE_WIDTH)) {
    const width = count % TILE_WIDTH;
    if (width > 0) tiles.push({ level, index: (count - width) / TILE_WIDTH, width });
  }
  return tiles;
}

/** The right edge of a tree kept in tiles: appends leaves and says which tiles to store. */
export class TileEdge {
  #size: number;
  /** The hashes of the partial tile of each level. */
  readonly #levels: Uint8Array[][];

  private constructor(size: number, levels: Uint8Array[][]) {
    this.#size = size;
    this.#levels = levels;
  }

  /** An edge for a tree of `size` leaves, its partial tiles read through `load`. */
  static async open(size: number, load: TileLoader): Promise<TileEdge> {
    const levels: Uint8Array[][] = [];
    for (const tile of edgeTiles(size)) {
      const hashes = splitHashes(await load(tile), tile);
      while (levels.length < tile.level) levels.push([]);
      levels.push(hashes);
    }
    return new TileEdge(size, levels);
  }

  get size(): number {
    return this.#size;
  }

  /** Adds leaves and returns the tiles that became full and the partial ones that changed; level 0 first. */
  append(leafHashes: Iterable<Uint8Array>): Tile[] {
    const full: Tile[] = [];
    const before = this.#size;
    for (const leaf of leafHashes) {
      this.#size += 1;
      this.#push(0, leaf, full);
    }
    return [...full, ...this.#changedPartials(before)].sort((a, b) => a.level - b.level || a.index - b.index);
  }

  root(): Uint8Array {
    // Each level's partial tile is itself a frontier of the next smaller subtrees.
    const nodes: Uint8Array[] = [];
    for (const hashes of this.#levels.toReversed()) {
      const part = new Frontier();
      for (const each of hashes) part.append(each);
      nodes.push(...part.nodes);
    }
    return foldRight(nodes);
  }

  #push(level: number, hash: Uint8Array, full: Tile[]): void {
    const hashes = this.#levels[level] ?? [];
    this.#levels[level] = hashes;
    hashes.push(hash);
    if (hashes.length < TILE_WIDTH) return;
    const index = Math.floor(this.#size / TILE_WIDTH ** (level + 1)) - 1;
    full.push({ level, index, width: TILE_WIDTH, hashes: Buffer.concat(hashes) });
    this.#levels[level] = [];
    this.#push(level + 1, joinComplete(hashes), full);
  }

  #changedPartials(before: number): Tile[] {
    return edgeTiles(this.#size)
      .filter(({ level }) => Math.floor(before / TILE_WIDTH ** level) < Math.floor(this.#size / TILE_WIDTH ** level))
      .map((tile) => ({ ...tile, hashes: Buffer.concat(this.#levels[tile.level] ?? []) }));
  }
}

/**
 * Reads nodes of a tree of `size` leaves out of its tiles. Only complete nodes of that tree can be asked
 * for. Each tile is loaded once for the life of the reader.
 */
export function nodesFromTiles(size: number, load: TileLoader): NodeReader {
  const loaded = new Map<string, Promise<Uint8Array[]>>();
  return async (level, index) => {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const span = 2 ** (level % TILE_HEIGHT);
    const first = index * span;
    const hashesInLevel = Math.floor(size / TILE_WIDTH ** tileLevel);
    if (first + span > hashesInLevel) throw new TreeRange(`node ${level}/${index} is not complete at size ${size}`);
    const tileIndex = Math.floor(first / TILE_WIDTH);
    const width = Math.min(TILE_WIDTH, hashesInLevel - tileIndex * TILE_WIDTH);
    const tile: TileName = { level: tileLevel, index: tileIndex, width };
    const path = tilePath(tile);
    const hashes = loaded.get(path) ?? Promise.resolve(load(tile)).then((bytes) => splitHashes(bytes, tile));
    loaded.set(path, hashes);
    const offset = first % TILE_WIDTH;
    return joinComplete((await hashes).slice(offset, offset + span));
  };
}

/** The root above 2^n hashes of one level. */
function joinComplete(hashes: readonly Uint8Array[]): Uint8Array {
  let level = hashes;
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) {
      const left = level[i];
      const right = level[i + 1];
      if (left !== undefined && right !== undefined) above.push(nodeHash(left, right));
    }
    level = above;
  }
  return foldRight(level);
}

function splitHashes(bytes: Uint8Array, tile: TileName): Uint8Array[] {
  if (bytes.length % HASH_BYTES !== 0 || bytes.length < tile.width * HASH_BYTES)
    throw new TreeRange(`${tilePath(tile)} does not hold ${tile.width} hashes`);
  const hashes: Uint8Array[] = [];
  for (let i = 0; i < tile.width; i += 1) hashes.push(bytes.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES));
  return hashes;
}
