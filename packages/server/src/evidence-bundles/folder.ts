/** The folder that a bundle is built in: every file that is written is hashed on its way, and listed. */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isBundlePath, type ManifestEntry } from '@hivekey/evidence';

export interface WrittenFile extends ManifestEntry {
  readonly bytes: number;
}

interface Open {
  readonly handle: FileHandle;
  readonly digest: ReturnType<typeof createHash>;
  bytes: number;
}

export class BundleFolder {
  readonly path: string;
  readonly #open = new Map<string, Open>();
  readonly #written = new Map<string, WrittenFile>();

  constructor(path: string) {
    this.path = path;
  }

  /** What is closed, in the order of closing. */
  get written(): readonly WrittenFile[] {
    return [...this.#written.values()];
  }

  /** Another file takes its place. */
  async remove(path: string): Promise<void> {
    if (this.#written.delete(path)) await rm(join(this.path, path));
  }

  /** A file that grows; pieces of several may alternate. Throws RangeError for a path that a bundle does not take. */
  async append(path: string, bytes: Uint8Array): Promise<void> {
    const file = this.#open.get(path) ?? (await this.#create(path));
    file.digest.update(bytes);
    file.bytes += bytes.length;
    await file.handle.appendFile(bytes);
  }

  async close(path: string): Promise<WrittenFile> {
    const file = this.#open.get(path);
    if (file === undefined) throw new Error(`${path} is not open`);
    this.#open.delete(path);
    await file.handle.close();
    const written = { path, sha256: file.digest.digest('hex'), bytes: file.bytes };
    this.#written.set(path, written);
    return written;
  }

  /** A whole file. */
  async write(path: string, content: string | Uint8Array | AsyncIterable<Uint8Array>): Promise<WrittenFile> {
    await this.#create(path);
    if (typeof content === 'string') await this.append(path, Buffer.from(content));
    else if (content instanceof Uint8Array) await this.append(path, content);
    else for await (const bytes of content) await this.append(path, bytes);
    return this.close(path);
  }

  /** Of a building that broke off: lets go of what is open. */
  async abandon(): Promise<void> {
    for (const { handle } of this.#open.values()) await handle.close();
    this.#open.clear();
  }

  async #create(path: string): Promise<Open> {
    if (!isBundlePath(path)) throw new RangeError(`not a path in a bundle: ${path}`);
    const target = join(this.path, path);
    await mkdir(dirname(target), { recursive: true });
    const file = { handle: await open(target, 'ax'), digest: createHash('sha256'), bytes: 0 };
    this.#open.set(path, file);
    return file;
  }
}
