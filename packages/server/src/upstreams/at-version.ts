/** What each workspace offers, in memory at one version of its catalogue, and whether that is still the newest. */
import type { Pool, PoolClient } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { catalogueVersion } from './servers.ts';

interface Held<T> {
  readonly read: Promise<AtOneVersion<T>>;
  /** The next use compares its version with the stored one. */
  stale: boolean;
}

interface AtOneVersion<T> {
  readonly version: string;
  readonly value: T;
}

export class AtVersion<T> {
  readonly #pool: Pool;
  readonly #read: (client: PoolClient, workspaceId: WorkspaceId, version: string) => Promise<T>;
  readonly #held = new Map<WorkspaceId, Held<T>>();

  /** `read` sees the database as it was at that version. */
  constructor(pool: Pool, read: (client: PoolClient, workspaceId: WorkspaceId, version: string) => Promise<T>) {
    this.#pool = pool;
    this.#read = read;
  }

  /** Rejects when it cannot be read: then nothing can be said of what exists. */
  async current(workspaceId: WorkspaceId): Promise<T> {
    const held = this.#held.get(workspaceId);
    if (held !== undefined && !held.stale) return (await held.read).value;
    const next: Held<T> = { read: this.#renew(workspaceId, held?.read), stale: false };
    this.#held.set(workspaceId, next);
    try {
      return (await next.read).value;
    } catch (error) {
      if (this.#held.get(workspaceId) === next) this.#held.delete(workspaceId);
      throw error;
    }
  }

  /** Without a workspace, all of them. */
  recheck(workspaceId?: WorkspaceId): void {
    if (workspaceId === undefined) for (const held of this.#held.values()) held.stale = true;
    else {
      const held = this.#held.get(workspaceId);
      if (held !== undefined) held.stale = true;
    }
  }

  async #renew(workspaceId: WorkspaceId, before: Promise<AtOneVersion<T>> | undefined): Promise<AtOneVersion<T>> {
    const known = await before?.catch(() => undefined);
    if (known !== undefined && known.version === String(await catalogueVersion(this.#pool, workspaceId))) return known;
    const client = await this.#pool.connect();
    try {
      // Version and what it stands for, of one instant.
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const version = String(await catalogueVersion(client, workspaceId));
      const value = await this.#read(client, workspaceId, version);
      await client.query('COMMIT');
      client.release();
      return { version, value };
    } catch (error) {
      client.release(true);
      throw error;
    }
  }
}
