/** The browser sign-in as routes use it. The library behind it is loaded by the first of them that is asked. */
import type { FastifyRequest } from 'fastify';
import type { Provider } from 'oidc-provider';
import type { ApiContext } from '../../api/route.ts';
import type { WorkspaceId } from '../../ids.ts';
import { endConnections } from './end.ts';
import { createProvider } from './provider.ts';
import { type Answered, type Asked, keepAnswers, run } from './run.ts';

/** Of a consent that no connection is made of any more. */
const NO_CONNECTION = '';

type Parts = Pick<ApiContext, 'pool' | 'log' | 'path' | 'keys' | 'config' | 'url' | 'logger'>;

export class BrowserSignIn {
  readonly #parts: Parts;
  #provider: Promise<Provider> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Rejects when the library cannot be loaded; the next request tries again. */
  provider(): Promise<Provider> {
    this.#provider ??= this.#load().catch((error: unknown) => {
      this.#provider = undefined;
      throw error;
    });
    return this.#provider;
  }

  async #load(): Promise<Provider> {
    const { pool, keys, config, url, logger } = this.#parts;
    const provider = await createProvider({
      ...{ pool, url, logger },
      pepper: keys.pepper,
      allowedHosts: config.upstream_allow,
      endGrant: (consentId) => this.#endGrant(consentId),
    });
    keepAnswers(provider);
    return provider;
  }

  async run(asked: Asked): Promise<Answered> {
    return run(await this.provider(), this.#parts.url, asked);
  }

  /** RFC 6749 section 4.1.2: of two who show the same code, the first one may be the thief. */
  async #endGrant(consentId: string): Promise<void> {
    const { pool, log, path } = this.#parts;
    const { rows } = await pool.query<{ workspace_id: WorkspaceId; credential_id: string }>(
      `UPDATE oauth_consents SET credential_id = coalesce(credential_id, $2) WHERE id = $1
       RETURNING workspace_id, credential_id`,
      [consentId, NO_CONNECTION],
    );
    const [consent] = rows;
    if (consent === undefined || consent.credential_id === NO_CONNECTION) return;
    const { workspace_id: workspaceId, credential_id: id } = consent;
    await log.transact(workspaceId, (transaction) =>
      endConnections(transaction, workspaceId, { id }, { actor: 'system', reason: 'its code was shown twice' }),
    );
    path.invalidate(workspaceId);
  }
}

/** What of a browser's request the provider looks at. */
export function askedOf({ url, headers }: FastifyRequest): Asked {
  return { method: 'GET', target: url, headers: { accept: headers.accept, cookie: headers.cookie } };
}
