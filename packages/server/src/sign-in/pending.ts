/**
 * A sign-in between the moment the browser leaves for the provider and the moment it comes back. It is bound to a cookie
 * of the browser, so that nobody can be signed in as somebody else, and taken once, by whichever node the answer reaches.
 */
import { createHmac, type KeyObject, randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { ProviderId, SessionId, WorkspaceId } from '../ids.ts';

const PENDING_SECONDS = 600;

const SECURE_NAME = '__Host-hivekey-sign-in';
const PLAIN_NAME = 'hivekey-sign-in';
const SHAPE = /^[A-Za-z0-9_-]{43}$/;

/** `sign_in`: a new session. `link`: one more identity for the person of the session. `step_up`: proves again who is there. */
export type SignInPurpose = 'sign_in' | 'link' | 'step_up';

export interface PendingSignIn {
  readonly workspaceId: WorkspaceId;
  readonly providerId: ProviderId;
  readonly purpose: SignInPurpose;
  /** The session that the browser had when it began; it ends with the sign-in. */
  readonly sessionId: SessionId | null;
  readonly invitationId: string | null;
  /** A path that `returnPath` let through. */
  readonly returnTo: string;
  /** What the protocol compares the answer with: nonce and verifier, request id. */
  readonly expected: unknown;
  readonly createdAt: Date;
}

export interface BegunSignIn {
  /** Goes with the browser to the provider and back: `state`, RelayState. */
  readonly state: string;
  /** Value of Set-Cookie. */
  readonly cookie: string;
}

function hashOf(pepper: KeyObject, what: 'state' | 'browser', text: string): Buffer {
  return createHmac('sha256', pepper).update(`sign-in ${what} ${text}`).digest();
}

/**
 * `crossSite`: the answer comes as a POST of the provider's page, with which browsers send no `Lax` cookie. `None` they keep
 * over HTTPS alone; by HTTP, on one's own machine, nothing is said, and they send it with such a POST for two minutes.
 */
function signInCookie(browser: string, secure: boolean, crossSite: boolean): string {
  const sameSite = crossSite ? (secure ? '; SameSite=None' : '') : '; SameSite=Lax';
  const name = secure ? SECURE_NAME : PLAIN_NAME;
  return `${name}=${browser}; Path=/; Max-Age=${PENDING_SECONDS}; HttpOnly${sameSite}${secure ? '; Secure' : ''}`;
}

function browserOf({ headers }: Pick<FastifyRequest, 'headers'>, secure: boolean): string | undefined {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    const value = pair.slice(at + 1).trim();
    if (pair.slice(0, at).trim() === (secure ? SECURE_NAME : PLAIN_NAME) && SHAPE.test(value)) return value;
  }
  return undefined;
}

/** A fresh state, before anything is written: what the protocol expects back may be made of it. */
export function newState(): string {
  return randomBytes(32).toString('base64url');
}

/** A browser keeps the cookie that it has, so that two sign-ins in two tabs do not disturb each other. */
export async function keepPending(
  pool: Pool,
  pepper: KeyObject,
  request: Pick<FastifyRequest, 'headers'>,
  state: string,
  pending: Omit<PendingSignIn, 'createdAt'>,
  { secure, crossSite = false }: { readonly secure: boolean; readonly crossSite?: boolean },
): Promise<BegunSignIn> {
  const browser = browserOf(request, secure) ?? randomBytes(32).toString('base64url');
  await pool.query('DELETE FROM pending_sign_ins WHERE expires_at < now()');
  await pool.query(
    `INSERT INTO pending_sign_ins (state_hash, workspace_id, provider_id, browser_hash, purpose, session_id, invitation_id,
                                   return_to, expected, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(secs => $10))`,
    [
      hashOf(pepper, 'state', state),
      pending.workspaceId,
      pending.providerId,
      hashOf(pepper, 'browser', browser),
      pending.purpose,
      pending.sessionId,
      pending.invitationId,
      pending.returnTo,
      JSON.stringify(pending.expected),
      PENDING_SECONDS,
    ],
  );
  return { state, cookie: signInCookie(browser, secure, crossSite) };
}

/**
 * Takes what was begun with this state, by this browser, with this provider; it is gone then, whatever becomes of the
 * answer. Throws `sign_in_unknown`.
 */
export async function takePending(
  pool: Pool,
  pepper: KeyObject,
  request: Pick<FastifyRequest, 'headers'>,
  state: string,
  providerId: string,
  secure: boolean,
): Promise<PendingSignIn> {
  const browser = browserOf(request, secure);
  if (browser !== undefined && SHAPE.test(state)) {
    const { rows } = await pool.query<PendingSignIn>(
      `DELETE FROM pending_sign_ins
        WHERE state_hash = $1 AND browser_hash = $2 AND provider_id = $3 AND expires_at > now()
       RETURNING workspace_id AS "workspaceId", provider_id AS "providerId", purpose, session_id AS "sessionId",
                 invitation_id AS "invitationId", return_to AS "returnTo", expected, created_at AS "createdAt"`,
      [hashOf(pepper, 'state', state), hashOf(pepper, 'browser', browser), providerId],
    );
    if (rows[0] !== undefined) return rows[0];
  }
  throw new Failure(
    400,
    'sign_in_unknown',
    'This browser has begun no such sign-in, or it has ended or taken too long.',
    'Sign in again, in one window and with cookies allowed.',
  );
}
