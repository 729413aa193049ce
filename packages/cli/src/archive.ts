/** A tar archive into a folder, file by file. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { HiveKeyError } from '@hivekey/sdk';
import { extract } from 'tar-stream';

/** Plain relative names only: an archive cannot write outside its folder. */
const SAFE_NAME = /^(?!\.)[A-Za-z0-9._-]+(\/(?!\.)[A-Za-z0-9._-]+)*$/;

export function isSafeName(name: string): boolean {
  return SAFE_NAME.test(name);
}

function broken(cause: string): HiveKeyError {
  return new HiveKeyError(200, { code: 'archive_broken', cause, remedy: 'Export again.' });
}

/** Returns how many files there were. Throws `archive_broken` for one that is cut off or holds a strange name. */
export async function unpack(body: ReadableStream | null, folder: string): Promise<number> {
  if (body === null) throw broken('The export is empty.');
  const archive = extract();
  const source = Readable.fromWeb(body);
  source.on('error', (error) => archive.destroy(error));
  source.pipe(archive);
  let files = 0;
  try {
    for await (const entry of archive) {
      const { name, type } = entry.header;
      if (type === 'directory') {
        // Files bring their folders along; who packs by hand packs these too.
        entry.resume();
        continue;
      }
      if (type !== 'file' || !isSafeName(name)) throw broken('The export holds a file name that is not ours.');
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await pipeline(entry, createWriteStream(path, { flags: 'wx' }));
      files += 1;
    }
  } catch (error) {
    throw error instanceof HiveKeyError ? error : broken('The export broke off.');
  }
  if (files === 0) throw broken('The export is empty.');
  return files;
}
