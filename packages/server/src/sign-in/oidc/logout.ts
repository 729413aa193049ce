/** Back-channel logout (OpenID Connect Back-Channel Logout 1.0): the provider ends sessions here. */
import { createLocalJWKSet, errors, jwtVerify } from 'jose';
import { z } from 'zod';
import { Failure } from '../../errors.ts';
import type { SessionId } from '../../ids.ts';
import type { ActionLog } from '../../log/index.ts';
import type { GuardedFetch } from '../guarded-fetch.ts';
import { acceptOnce } from '../once.ts';
import type { IdentityProvider } from '../provider.ts';
import type { Oidc } from './client.ts';
import { storedOidcSettings } from './settings.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Of a logout token since it was made; what is remembered of it is remembered for longer. */
const MAX_AGE_SECONDS = 300;
const CLOCK_SKEW_SECONDS = 30;
/** So that whoever knocks here with anything does not have the provider asked each time. */
const KEYS_MS = 30_000;

const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) });
const claims = z
  .looseObject({
    iss: z.string(),
    iat: z.number(),
    exp: z.number().optional(),
    jti: z.string().min(1).max(256),
    sub: z.string().min(1).max(512).optional(),
    sid: z.string().min(1).max(512).optional(),
    events: z.looseObject({ [EVENT]: z.looseObject({}) }),
    nonce: z.undefined().optional(),
  })
  .refine(({ sub, sid }) => sub !== undefined || sid !== undefined);

type Keys = ReturnType<typeof createLocalJWKSet>;

export interface BackchannelLogout {
  /** Ends the sessions that the token names and returns how many. Throws `logout_token_invalid`, `logout_token_replayed`. */
  take(provider: IdentityProvider, token: string): Promise<number>;
}

export function createBackchannelLogout({
  log,
  oidc,
  fetch,
}: {
  readonly log: ActionLog;
  readonly oidc: Oidc;
  readonly fetch: GuardedFetch;
}): BackchannelLogout {
  const known = new Map<string, { readonly keys: Promise<Keys>; readonly atMs: number }>();

  async function readKeys(issuer: string): Promise<Keys> {
    const { jwks_uri: address } = await oidc.check(issuer);
    if (address === undefined) throw invalid();
    const answer = await fetch(address, {});
    return createLocalJWKSet(keySet.parse(await answer.json()));
  }

  function keysOf(issuer: string): Promise<Keys> {
    const held = known.get(issuer);
    if (held !== undefined && Date.now() - held.atMs < KEYS_MS) return held.keys;
    const keys = readKeys(issuer);
    known.set(issuer, { keys, atMs: Date.now() });
    keys.catch(() => known.delete(issuer));
    return keys;
  }

  async function verify({ issuer, settings }: IdentityProvider, token: string): Promise<z.output<typeof claims>> {
    const { client_id: audience, id_token_alg } = storedOidcSettings.parse(settings);
    const keys = await keysOf(issuer);
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: [id_token_alg],
        typ: 'logout+jwt',
        maxTokenAge: MAX_AGE_SECONDS,
        clockTolerance: CLOCK_SKEW_SECONDS,
        requiredClaims: ['iat', 'jti', 'events'],
      });
      const parsed = claims.safeParse(payload);
      if (!parsed.success || payload.aud !== audience) throw invalid();
      return parsed.data;
    } catch (error) {
      if (error instanceof errors.JOSEError) throw invalid();
      throw error;
    }
  }

  return {
    take: async (provider, token) => {
      const { iss, sub, sid, jti, iat } = await verify(provider, token);
      const { workspaceId } = provider;
      const actor = 'system';
      return log.transact(workspaceId, async (transaction) => {
        const { client } = transaction;
        // Kept for longer than the token is young enough to be taken.
        const expiresAt = new Date((iat + MAX_AGE_SECONDS + 2 * CLOCK_SKEW_SECONDS + 60) * 1000);
        if (!(await acceptOnce(transaction, workspaceId, { kind: 'logout_token', issuer: iss, id: jti, expiresAt })))
          throw new Failure(400, 'logout_token_replayed', 'This logout token was taken before.', 'Send a new one.');
        const { rows } = await client.query<{ id: SessionId; person: string }>(
          `DELETE FROM console_sessions s USING people p, person_identities i
            WHERE s.workspace_id = $1 AND s.provider_id = $2 AND p.workspace_id = s.workspace_id AND p.id = s.person_id
              AND i.workspace_id = s.workspace_id AND i.id = s.identity_id
              AND ($3::text IS NULL OR s.provider_session = $3)
              AND ($4::text IS NULL OR $3::text IS NOT NULL OR (i.issuer = $5 AND i.subject = $4))
           RETURNING s.id, p.email AS person`,
          [workspaceId, provider.id, sid ?? null, sub ?? null, iss],
        );
        for (const { id: session, person } of rows)
          transaction.log({
            kind: 'session.ended',
            actor,
            session,
            person,
            reason: 'provider_logout',
            provider_id: provider.id,
          });
        return rows.length;
      });
    },
  };
}

function invalid(): Failure {
  return new Failure(
    400,
    'logout_token_invalid',
    'The logout token cannot be taken.',
    'It must be signed by the provider for this client, with jti, iat, the logout event and sub or sid, and without a nonce.',
  );
}
