/**
 * The tree's tiles in the database. Full tiles are stored, and partial ones above level 0; the partial tile of
 * level 0 is the entry hashes of the newest entries, which stand in the blocks anyway. Storing it too would
 * cost up to 8 KB for each sealing of a quiet log.
 */
import type { Tile, TileLoader } from '@hivekey/action-log';
import { HASH_BYTES } from '@hivekey/action-log';
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

const TILE_WIDTH = 256;

export function tileLoader(client: ClientBase | Pool, workspaceId: WorkspaceId): TileLoader {
  return async ({ level, index, width }) => {
    const { rows } = await client.query<{ hashes: Buffer }>({
      name: 'log-tile',
      text: `SELECT hashes FROM log_tiles WHERE workspace_id = $1 AND level = $2 AND index = $3 AND width >= $4
              ORDER BY width LIMIT 1`,
      values: [workspaceId, level, index, width],
    });
    const stored = rows[0]?.hashes;
    if (stored !== undefined) return stored;
    if (level > 0) throw new Error(`the tree has no tile ${level}/${index} of width ${width}`);
    return entryHashes(client, workspaceId, index * TILE_WIDTH + 1, width);
  };
}

/** The tiles of an append that are kept. */
export function storedTiles(tiles: readonly Tile[]): Tile[] {
  return tiles.filter(({ level, width }) => level > 0 || width === TILE_WIDTH);
}

export async function storeTiles(client: ClientBase, workspaceId: WorkspaceId, tiles: readonly Tile[]): Promise<void> {
  if (tiles.length === 0) return;
  await client.query({
    name: 'log-store-tiles',
    text: `INSERT INTO log_tiles (workspace_id, level, index, width, hashes)
           SELECT $1, * FROM unnest($2::int[], $3::bigint[], $4::int[], $5::bytea[])`,
    values: [
      workspaceId,
      tiles.map(({ level }) => level),
      tiles.map(({ index }) => index),
      tiles.map(({ width }) => width),
      tiles.map(({ hashes }) => hashes),
    ],
  });
}

/** Entry hashes of `count` entries from the global number `first` on, joined. */
async function entryHashes(
  client: ClientBase | Pool,
  workspaceId: WorkspaceId,
  first: number,
  count: number,
): Promise<Buffer> {
  const { rows } = await client.query<{ first: number; entry_hashes: Buffer }>({
    name: 'log-entry-hashes',
    text: `SELECT s.first_global_seq AS first, b.entry_hashes
             FROM log_seals s JOIN log_blocks b USING (workspace_id, shard_id, block)
            WHERE s.workspace_id = $1 AND s.first_global_seq < $3
              AND s.first_global_seq >= (SELECT max(first_global_seq) FROM log_seals
                                          WHERE workspace_id = $1 AND first_global_seq <= $2)
            ORDER BY s.first_global_seq`,
    values: [workspaceId, first, first + count],
  });
  const joined = Buffer.concat(rows.map((row) => row.entry_hashes));
  const skipped = (first - (rows[0]?.first ?? first)) * HASH_BYTES;
  const hashes = joined.subarray(skipped, skipped + count * HASH_BYTES);
  if (hashes.length !== count * HASH_BYTES)
    throw new Failure(
      500,
      'log_inconsistent',
      `The database lacks entries of the log from number ${first} on that were sealed.`,
      'Restore a backup that has them; hivekey verify says which are missing. Find out who removed them.',
    );
  return hashes;
}
