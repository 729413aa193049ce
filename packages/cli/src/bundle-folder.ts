/** A bundle of evidence on disk: a folder, or an archive that is unpacked beside everything else. */
import { closeSync, createReadStream, mkdirSync, openSync, writeSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { type BundleSource, MANIFEST_FILE } from '@hivekey/evidence';
import { Unzip, UnzipInflate } from 'fflate';
import { isSafeName, unpack } from './archive.ts';
import { UsageError } from './exit.ts';

export interface OpenBundle {
  readonly source: BundleSource;
  /** Removes what was unpacked. */
  close(): Promise<void>;
}

/** Throws a UsageError where there is no bundle at the path, and `archive_broken`. */
export async function openBundle(path: string): Promise<OpenBundle> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) throw new UsageError(`${path} does not exist.`, 'Name a bundle: its folder, tar or zip.');
  if (found.isDirectory()) return { source: folderSource(path), close: async () => undefined };
  const folder = await mkdtemp(join(tmpdir(), 'hivekey-evidence-'));
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    if (await isZip(path)) await unzip(path, folder);
    else await unpack(Readable.toWeb(createReadStream(path)), folder);
    return { source: folderSource(await rootOf(folder, path)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The one folder in the archive, or the archive itself where it was packed without it. */
async function rootOf(folder: string, path: string): Promise<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  if (entries.some(({ name }) => name === MANIFEST_FILE)) return folder;
  const [only, ...more] = entries;
  if (only?.isDirectory() === true && more.length === 0) return join(folder, only.name);
  throw new UsageError(
    `${path} holds no bundle.`,
    'A bundle is one folder, and nothing stands beside it in the archive.',
  );
}

function folderSource(root: string): BundleSource {
  return {
    list: async function* () {
      for (const each of await readdir(root, { recursive: true, withFileTypes: true })) {
        if (each.isDirectory()) continue;
        const path = join(each.parentPath, each.name);
        const { size } = await lstat(path);
        yield { path: relative(root, path).split(sep).join('/'), isPlain: each.isFile(), bytes: size };
      }
    },
    read: (path) => createReadStream(join(root, path), { highWaterMark: 1024 * 1024 }),
  };
}

const ZIP_MAGIC = 'PK\u0003\u0004';

async function isZip(path: string): Promise<boolean> {
  for await (const bytes of createReadStream(path, { end: 3 })) return String(bytes) === ZIP_MAGIC;
  return false;
}

/** As tar archives: plain relative names alone, each once. What is cut off is missing then, or not what was signed. */
async function unzip(path: string, folder: string): Promise<void> {
  const strange = new UsageError(`${path} holds a file that is not ours.`, 'Take the archive as it was made.');
  const archive = new Unzip((file) => {
    if (file.name.endsWith('/')) return;
    if (!isSafeName(file.name)) throw strange;
    const target = join(folder, file.name);
    mkdirSync(dirname(target), { recursive: true });
    const handle = openSync(target, 'wx');
    file.ondata = (error, bytes, isLast) => {
      if (error === null) writeSync(handle, bytes);
      if (error !== null || isLast) closeSync(handle);
      if (error !== null) throw strange;
    };
    file.start();
  });
  archive.register(UnzipInflate);
  for await (const bytes of createReadStream(path)) archive.push(bytes);
  archive.push(new Uint8Array(0), true);
}
