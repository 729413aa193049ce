/** A folder as a tar archive whose bytes depend on names and contents alone. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';

const FILE_MODE = 0o644;
const SCRIPT_MODE = 0o755;

export interface Archive {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** `paths`: within the folder, in the order of the archive. `mtime`: of every file. It is whole and on disk before it has its name. */
export async function archiveFolder(
  folder: string,
  name: string,
  paths: readonly string[],
  mtime: Date,
  target: string,
): Promise<Archive> {
  const archive = pack();
  const digest = createHash('sha256');
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      digest.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const partial = `${target}.partial`;
  const written = pipeline(archive, counted, createWriteStream(partial, { mode: 0o600 }));
  const filled = fill(archive, folder, name, paths, mtime);
  // Whichever breaks off ends the other one.
  filled.catch((error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))));
  await Promise.all([written, filled]);
  await synced(partial);
  await rename(partial, target);
  return { bytes, sha256: digest.digest('hex') };
}

async function fill(
  archive: ReturnType<typeof pack>,
  folder: string,
  name: string,
  paths: readonly string[],
  mtime: Date,
): Promise<void> {
  for (const path of paths) {
    const file = join(folder, path);
    const { size } = await stat(file);
    const mode = path.startsWith('verify/') ? SCRIPT_MODE : FILE_MODE;
    const entry = archive.entry({ name: `${name}/${path}`, size, mode, mtime, uid: 0, gid: 0 });
    await pipeline(createReadStream(file), entry);
  }
  archive.finalize();
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
