/** Who manages: `Authorization: Bearer hk_live_…`, or the console's session cookie with a CSRF token on writes. */
import type { FastifyRequest } from 'fastify';
import type { Administrator, ApiContext } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { actorOf, findKeyHolder, type KeyHolder, noteKeyUse } from './admin-keys.ts';
import { isHttps, sessionIdOf } from './session-cookie.ts';
import { findSession, isCsrfToken } from './sessions.ts';
import { credentialKind, lookupHmac } from './token-hash.ts';

const BEARER = /^Bearer +(\S+)$/i;
const READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

function unauthenticated(code: string, cause: string, remedy: string): Failure {
  return new Failure(401, code, cause, remedy);
}

/** The holder of the admin key. Rejects with a 401 Failure that says what is wrong with what was presented. */
export async function holderOfKey(context: ApiContext, text: string): Promise<KeyHolder> {
  const kind = credentialKind(text);
  if (kind === 'agt' || kind === 'access')
    throw unauthenticated(
      'agent_token_refused',
      'This is an agent token; managing needs an admin key.',
      'Use a key that begins with hk_live_.',
    );
  const holder = kind === 'live' ? await findKeyHolder(context.pool, lookupHmac(text, context.keys.pepper)) : undefined;
  if (holder === undefined)
    throw unauthenticated(
      'key_invalid',
      'The credential is not an admin key of this server.',
      'Check for a cut or mistyped key; the first one is in admin.key of the data folder.',
    );
  if (holder.status !== 'live')
    throw unauthenticated(
      `key_${holder.status}`,
      holder.status === 'revoked' ? 'The admin key was revoked.' : 'The admin key has expired.',
      'Use a live key.',
    );
  if (holder.isUseDue)
    noteKeyUse(context.pool, holder.workspaceId, holder.keyId).catch((error: unknown) =>
      context.logger.debug({ err: error }, 'the use of an admin key could not be noted'),
    );
  return holder;
}

/** By what the browser says of the page; by Origin, which was compared with ours before, where it says nothing. */
function isOwnPage(site: string | string[] | undefined, origin: string | undefined): boolean {
  return site === undefined ? origin !== undefined : site === 'same-origin';
}

async function holderOfSession(context: ApiContext, request: FastifyRequest, id: string): Promise<Administrator> {
  const session = await findSession(context.pool, context.keys.pepper, id);
  if (session === undefined) throw unauthenticated('session_over', 'The console session is over.', 'Sign in again.');
  const { 'x-csrf-token': csrfToken, 'sec-fetch-site': site, origin } = request.headers;
  if (!READS.has(request.method) && !isOwnPage(site, origin))
    throw new Failure(
      403,
      'origin_not_allowed',
      'A write with a session comes from a page of this server, and nothing says so of this one.',
      'Browsers say it by themselves; another program uses an admin key.',
    );
  if (!READS.has(request.method) && !isCsrfToken(session, typeof csrfToken === 'string' ? csrfToken : undefined))
    throw new Failure(
      403,
      'csrf_token_invalid',
      'X-CSRF-Token is missing, or not that of this session.',
      'Send csrf_token of GET /v1/session.',
    );
  const { workspaceId, key, person, actor, roles, engagement, authenticatedAt } = session;
  const who = {
    workspaceId,
    credentialId: key?.id ?? session.id,
    actor,
    via: 'session',
    roles,
    authenticatedAtMs: authenticatedAt.getTime(),
    session,
    ...(engagement === undefined ? {} : { engagement }),
  } as const;
  return person === undefined ? who : { ...who, person };
}

/** Rejects with a Failure: 401, or 403 for a write of a session without its CSRF token. */
export async function administratorOf(context: ApiContext, request: FastifyRequest): Promise<Administrator> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const holder = await holderOfKey(context, BEARER.exec(authorization)?.[1] ?? '');
    const { workspaceId, keyId, name, personId, person, roles } = holder;
    const who = { workspaceId, credentialId: keyId, actor: actorOf(name), via: 'key', roles } as const;
    return personId === null || person === null ? who : { ...who, person: { id: personId, email: person } };
  }
  const sessionId = sessionIdOf(request, isHttps(context));
  if (sessionId !== undefined) return holderOfSession(context, request, sessionId);
  throw unauthenticated(
    'credential_missing',
    'The request has no credential.',
    'Send Authorization: Bearer hk_live_…, or sign in to the console.',
  );
}
