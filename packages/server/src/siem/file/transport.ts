/** Appends to the file, and answers when the bytes are on the disk. */

import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure } from '../../errors.ts';
import type { TransportDeps } from '../sink-type.ts';
import type { Batch, Delivery, Transport } from '../transport.ts';
import type { FileSettings } from './index.ts';

const NUMBER_DIGITS = 8;
/** A link in the place of the file could lead anywhere. */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/** Throws `sink_files_not_allowed`, `sink_path_refused`. */
export async function openFile(settings: FileSettings, { filesFolder }: TransportDeps): Promise<Transport> {
  if (filesFolder === undefined)
    throw new Failure(
      400,
      'sink_files_not_allowed',
      'The operator allows no files to be written.',
      'Have an operator set HIVEKEY_SINK_FILES to a folder.',
    );
  return new FileTransport(await pathBelow(filesFolder, settings.path), settings);
}

/** A link inside the folder that leads out of it is refused. */
async function pathBelow(folder: string, path: string): Promise<string> {
  const wanted = join(folder, path);
  await mkdir(dirname(wanted), { recursive: true });
  const [base, parent] = await Promise.all([realpath(folder), realpath(dirname(wanted))]);
  if (parent === base || parent.startsWith(`${base}/`)) return join(parent, basename(wanted));
  throw new Failure(
    400,
    'sink_path_refused',
    'The path leads out of the folder that the operator allows.',
    'Name a path below that folder, without links that lead out of it.',
  );
}

class FileTransport implements Transport {
  readonly #path: string;
  readonly #settings: FileSettings;
  #file: FileHandle | undefined;
  #bytes = 0;

  constructor(path: string, settings: FileSettings) {
    this.#path = path;
    this.#settings = settings;
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Delivery> {
    if (signal.aborted) return { kind: 'retry', code: 'stopped', why: 'the sink was stopped' };
    const lines = Buffer.from(`${events.map(({ body }) => body).join('\n')}\n`);
    try {
      const file = await this.#opened();
      await file.appendFile(lines);
      await file.datasync();
      this.#bytes += lines.length;
      if (this.#bytes >= this.#settings.rotate_bytes) await this.#rotate();
      return { kind: 'taken', confirmed: true };
    } catch (error) {
      await this.close();
      return { kind: 'retry', code: 'file_not_written', why: `the file could not be written (${codeOf(error)})` };
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file;
    const file = await open(this.#path, APPEND, 0o640);
    const { size } = await file.stat();
    this.#file = file;
    this.#bytes = size;
    // What was cut off by a crash stays on a line of its own; the batch is written again behind it.
    if (size > 0 && !(await endsWithNewline(this.#path, size))) await file.appendFile('\n');
    await syncFolder(dirname(this.#path));
    return file;
  }

  async #rotate(): Promise<void> {
    await this.close();
    const stem = this.#path.slice(0, -'.ndjson'.length);
    const aside = await filesAside(this.#path);
    const next = (aside.at(-1) ?? 0) + 1;
    await rename(this.#path, `${stem}.${numbered(next)}.ndjson`);
    await syncFolder(dirname(this.#path));
    const { keep_files: keep } = this.#settings;
    if (keep === null) return;
    for (const number of [...aside, next].slice(0, -keep))
      await rm(`${stem}.${numbered(number)}.ndjson`, { force: true });
  }
}

/** Numbers of the files that were put aside, ascending. */
async function filesAside(path: string): Promise<readonly number[]> {
  const stem = `${basename(path).slice(0, -'.ndjson'.length)}.`;
  const numbers = (await readdir(dirname(path))).flatMap((name) => {
    if (!name.startsWith(stem) || !name.endsWith('.ndjson')) return [];
    const digits = name.slice(stem.length, -'.ndjson'.length);
    return /^\d{8,}$/.test(digits) ? [Number(digits)] : [];
  });
  return numbers.sort((a, b) => a - b);
}

function numbered(number: number): string {
  return String(number).padStart(NUMBER_DIGITS, '0');
}

async function endsWithNewline(path: string, size: number): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] === 0x0a;
  } finally {
    await file.close();
  }
}

/** A name is durable when its folder is. */
async function syncFolder(path: string): Promise<void> {
  if (!(await stat(path)).isDirectory()) return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}
