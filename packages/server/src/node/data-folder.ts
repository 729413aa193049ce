/** The data folder of this process, and the node id that stands in it. */
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../errors.ts';
import { writePrivateFile } from '../identity/index.ts';
import { randomBase62 } from '../ids.ts';

/** Makes the folder where it is missing. Throws `data_folder_unwritable`. */
export function prepareDataFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
    throw new Failure(
      500,
      'data_folder_unwritable',
      `The data folder ${path} cannot be made or written${code}.`,
      'Fix its permissions, or set HIVEKEY_DATA to another folder.',
    );
  }
}

/** Names this node in the log and its shard: the same at each start, another for each data folder. */
export function nodeIdOf(folder: string): string {
  const path = join(folder, 'node.id');
  if (!existsSync(path)) writePrivateFile(path, `node_${randomBase62(12)}\n`);
  const id = readFileSync(path, 'utf8').trim();
  if (/^node_[0-9A-Za-z]{12}$/.test(id)) return id;
  throw new Failure(
    500,
    'node_id_invalid',
    'node.id in the data folder is damaged.',
    'Restore it, or delete it: the node then writes its log under a new name.',
  );
}
