/** The catalogue of each workspace in memory, and whether it is still the newest. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { type BuiltCatalogue, buildCatalogue, type ServerTools } from './catalogue.ts';
import { catalogueVersion, listServers, readDefinitions } from './servers.ts';
import type { Catalogue, UpstreamServer } from './types.ts';

interface Held {
  readonly built: Promise<BuiltCatalogue>;
  /** The next use compares its version with the stored one. */
  stale: boolean;
}

export class Catalogues {
  readonly #pool: Pool;
  readonly #held = new Map<WorkspaceId, Held>();
  /** Also for servers out of older catalogues: a call goes where it was decided to go. */
  readonly #behind = new WeakMap<UpstreamServer, ServerTools>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Rejects when it cannot be read: then nothing can be said of what exists. */
  async current(workspaceId: WorkspaceId): Promise<Catalogue> {
    const held = this.#held.get(workspaceId);
    if (held !== undefined && !held.stale) return (await held.built).catalogue;
    const next: Held = { built: this.#renew(workspaceId, held?.built), stale: false };
    this.#held.set(workspaceId, next);
    try {
      return (await next.built).catalogue;
    } catch (error) {
      if (this.#held.get(workspaceId) === next) this.#held.delete(workspaceId);
      throw error;
    }
  }

  behind(server: UpstreamServer): ServerTools | undefined {
    return this.#behind.get(server);
  }

  /** Without a workspace, all of them. */
  recheck(workspaceId?: WorkspaceId): void {
    if (workspaceId === undefined) for (const held of this.#held.values()) held.stale = true;
    else {
      const held = this.#held.get(workspaceId);
      if (held !== undefined) held.stale = true;
    }
  }

  async #renew(workspaceId: WorkspaceId, before: Promise<BuiltCatalogue> | undefined): Promise<BuiltCatalogue> {
    const known = await before?.catch(() => undefined);
    if (known !== undefined && known.catalogue.version === String(await catalogueVersion(this.#pool, workspaceId)))
      return known;
    const client = await this.#pool.connect();
    try {
      // Version, servers and definitions of one instant.
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const version = await catalogueVersion(client, workspaceId);
      const servers = await listServers(client, workspaceId);
      const definitions = await readDefinitions(client, workspaceId);
      await client.query('COMMIT');
      client.release();
      const built = buildCatalogue(String(version), servers, definitions);
      for (const [server, tools] of built.behind) this.#behind.set(server, tools);
      return built;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }
}
