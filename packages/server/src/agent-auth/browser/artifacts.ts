/** What oidc-provider keeps between the steps of a sign-in, in PostgreSQL. An id is as good as what it names: only its keyed hash is stored. */
import { createHmac, type KeyObject } from 'node:crypto';
import type { Adapter, AdapterFactory, AdapterPayload, errors } from 'oidc-provider';
import type { Pool } from 'pg';
import { findClient } from './clients.ts';

/** The rest is ours (tokens), or is of no use here: whoever signs in has a session of the console. */
const KEPT: ReadonlySet<string> = new Set(['Interaction', 'AuthorizationCode', 'Grant', 'ReplayDetection']);

export const AUTHORIZE = '/oauth/authorize';

export interface Artifacts {
  readonly pool: Pool;
  readonly pepper: KeyObject;
  /** Our issuer. */
  readonly url: string;
  readonly errors: typeof errors;
  /** A code came a second time: what was given for the first one ends. */
  endGrant(consentId: string): Promise<void>;
}

export function artifactHash(pepper: KeyObject, model: string, id: string): Buffer {
  return createHmac('sha256', pepper).update(`oauth ${model} ${id}`).digest();
}

export function artifactAdapter(artifacts: Artifacts): AdapterFactory {
  return (model) => {
    if (model === 'Client') return { ...NOTHING, find: (id) => findClient(artifacts.pool, id) };
    if (model === 'AccessToken') return { ...NOTHING, revokeByGrantId: (id) => artifacts.endGrant(id) };
    return KEPT.has(model) ? kept(artifacts, model) : NOTHING;
  };
}

const NOTHING: Adapter = {
  upsert: async () => undefined,
  find: async () => undefined,
  findByUserCode: async () => undefined,
  findByUid: async () => undefined,
  consume: async () => undefined,
  destroy: async () => undefined,
  revokeByGrantId: async () => undefined,
};

function kept({ pool, pepper, url, errors }: Artifacts, model: string): Adapter {
  const hashOf = (id: string): Buffer => artifactHash(pepper, model, id);
  /** The id stands in these. */
  const withId = (id: string): AdapterPayload =>
    model === 'Interaction' ? { jti: id, returnTo: `${url}${AUTHORIZE}/${id}` } : { jti: id };
  return {
    ...NOTHING,
    upsert: async (id, { jti: _id, returnTo: _to, ...payload }, seconds = 0) => {
      // An assertion that another request has shown meanwhile is not written over.
      const onConflict = model === 'ReplayDetection' ? 'NOTHING' : 'UPDATE SET payload = excluded.payload';
      const { rowCount } = await pool.query(
        `INSERT INTO oauth_artifacts (model, id_hash, grant_id, payload, expires_at)
         VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5)) ON CONFLICT (model, id_hash) DO ${onConflict}`,
        [model, hashOf(id), payload.grantId ?? null, JSON.stringify(payload), seconds],
      );
      if (rowCount === 0) throw new errors.InvalidClientAuth('client assertion tokens must only be used once');
    },
    find: async (id) => {
      const { rows } = await pool.query<{ payload: AdapterPayload; consumed: number | null }>(
        `SELECT payload, extract(epoch FROM consumed_at)::float8 AS consumed FROM oauth_artifacts
          WHERE model = $1 AND id_hash = $2 AND expires_at > now()`,
        [model, hashOf(id)],
      );
      const [row] = rows;
      return row && { ...row.payload, ...withId(id), ...(row.consumed === null ? {} : { consumed: row.consumed }) };
    },
    // The library looks first and consumes then; of two at a time one has to be refused here.
    consume: async (id) => {
      const { rowCount } = await pool.query(
        'UPDATE oauth_artifacts SET consumed_at = now() WHERE model = $1 AND id_hash = $2 AND consumed_at IS NULL',
        [model, hashOf(id)],
      );
      if (rowCount === 0) throw new errors.InvalidGrant('authorization code already consumed');
    },
    destroy: async (id) => {
      await pool.query('DELETE FROM oauth_artifacts WHERE model = $1 AND id_hash = $2', [model, hashOf(id)]);
    },
    // A code that was used stays until it is over, so that another try is known as one.
    revokeByGrantId: async (grantId) => {
      await pool.query(
        'UPDATE oauth_artifacts SET consumed_at = coalesce(consumed_at, now()) WHERE model = $1 AND grant_id = $2',
        [model, grantId],
      );
    },
  };
}
