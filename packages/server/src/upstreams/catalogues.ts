/** The catalogue of each workspace in memory, and the server behind each entry. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import { AtVersion } from './at-version.ts';
import { buildCatalogue, type ServerTools } from './catalogue.ts';
import { listServers, readDefinitions } from './servers.ts';
import type { Catalogue, UpstreamServer } from './types.ts';

export class Catalogues {
  readonly #built: AtVersion<Catalogue>;
  /** Also for servers out of older catalogues: a call goes where it was decided to go. */
  readonly #behind = new WeakMap<UpstreamServer, ServerTools>();

  constructor(pool: Pool) {
    this.#built = new AtVersion(pool, async (client, workspaceId, version) => {
      const servers = await listServers(client, workspaceId);
      const definitions = await readDefinitions(client, workspaceId);
      const { catalogue, behind } = buildCatalogue(version, servers, definitions);
      for (const [server, tools] of behind) this.#behind.set(server, tools);
      return catalogue;
    });
  }

  /** Rejects when it cannot be read: then nothing can be said of what exists. */
  current(workspaceId: WorkspaceId): Promise<Catalogue> {
    return this.#built.current(workspaceId);
  }

  behind(server: UpstreamServer): ServerTools | undefined {
    return this.#behind.get(server);
  }

  /** Without a workspace, all of them. */
  recheck(workspaceId?: WorkspaceId): void {
    this.#built.recheck(workspaceId);
  }
}
