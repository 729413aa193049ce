/**
 * Signed checkpoints in a file outside the database: one JSON object a line, `{"workspace", "tree_size", "note"}`,
 * only ever appended to. Whoever cuts the database's tail must also reach this file.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { Failure } from '../errors.ts';

/** Read at once, from the end. One line is well below a hundredth of it. */
const CHUNK_BYTES = 256 * 1024;

export interface CopiedCheckpoint {
  readonly workspace: string;
  readonly treeSize: number;
  readonly note: string;
}

/** Appends and waits until it is on disk. A line that a crash left half written is closed off first. */
export async function appendCheckpoint(path: string, checkpoint: CopiedCheckpoint): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const isTorn = size > 0 && (await readAt(file, size - 1, 1)).toString() !== '\n';
    const { workspace, treeSize, note } = checkpoint;
    const line = `${JSON.stringify({ workspace, tree_size: treeSize, note })}\n`;
    await file.appendFile(isTorn ? `\n${line}` : line);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * The newest checkpoint of each workspace. Reads from the end, at least one chunk, and stops when every
 * workspace of `expected` was found. Empty when there is no file yet. Throws the Failure `checkpoint_file_unreadable`.
 */
export async function newestCheckpoints(
  path: string,
  expected: ReadonlySet<string>,
): Promise<ReadonlyMap<string, CopiedCheckpoint>> {
  try {
    return await readNewest(path, expected);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return new Map();
    throw new Failure(
      500,
      'checkpoint_file_unreadable',
      `The checkpoint file ${path} cannot be read (${code ?? error}).`,
      'Give HiveKey a file it may read and append to; without it nothing shows whether the log was cut.',
    );
  }
}

async function readNewest(path: string, expected: ReadonlySet<string>): Promise<Map<string, CopiedCheckpoint>> {
  const newest = new Map<string, CopiedCheckpoint>();
  const missing = new Set(expected);
  const file = await open(path, 'r');
  try {
    let end = (await file.stat()).size;
    let carry = Buffer.alloc(0);
    do {
      const start = Math.max(0, end - CHUNK_BYTES);
      const bytes = Buffer.concat([await readAt(file, start, end - start), carry]);
      // The first line of the chunk may begin in the one before it.
      const firstLine = start === 0 ? 0 : bytes.indexOf('\n') + 1;
      carry = bytes.subarray(0, firstLine);
      for (const line of bytes.subarray(firstLine).toString().split('\n').reverse()) {
        const checkpoint = parseLine(line);
        if (checkpoint === undefined || newest.has(checkpoint.workspace)) continue;
        newest.set(checkpoint.workspace, checkpoint);
        missing.delete(checkpoint.workspace);
      }
      end = start;
    } while (end > 0 && missing.size > 0);
    return newest;
  } finally {
    await file.close();
  }
}

function parseLine(line: string): CopiedCheckpoint | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (value === null || typeof value !== 'object') return undefined;
    if (!('workspace' in value) || !('tree_size' in value) || !('note' in value)) return undefined;
    const { workspace, tree_size: treeSize, note } = value;
    if (typeof workspace !== 'string' || typeof treeSize !== 'number' || typeof note !== 'string') return undefined;
    return { workspace, treeSize, note };
  } catch {
    return undefined;
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
