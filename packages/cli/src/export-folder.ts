/** An export on disk, as the verifier reads it; large ones are checked by several threads. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type EntryPart, type EntryParts, type EntryRun, EXPORT_FILES, type ExportSource } from '@hivekey/action-log';

const READ_BYTES = 1024 * 1024;
/** Below this a thread costs more than it saves. */
const BYTES_A_THREAD = 8 * 1024 * 1024;
const MAX_THREADS = 8;

export function folderSource(folder: string): ExportSource {
  return {
    size: async (path) => {
      try {
        const found = await stat(join(folder, path));
        return found.isFile() ? found.size : undefined;
      } catch (error) {
        // Whatever else keeps the file from being looked at is told by the verifier as its own failure.
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        throw error;
      }
    },
    read: (path, start, end) => readRange(join(folder, path), start, end),
  };
}

export async function* readRange(
  path: string,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (end <= start) return;
  yield* createReadStream(path, { start, end: end - 1, highWaterMark: READ_BYTES });
}

export interface PartTask {
  readonly path: string;
  readonly part: EntryPart;
}

/** Undefined when one thread is as good. */
export async function threadedParts(folder: string): Promise<EntryParts | undefined> {
  const path = join(folder, EXPORT_FILES.entries);
  const bytes = await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
  const count = Math.min(availableParallelism(), MAX_THREADS, Math.floor(bytes / BYTES_A_THREAD));
  if (count < 2) return undefined;
  return { count, check: (part) => inThread({ path, part }) };
}

function inThread(task: PartTask): Promise<EntryRun> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./verify-thread.ts', import.meta.url), { workerData: task });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a thread of the verifier ended with ${code} and no answer`)));
  });
}
