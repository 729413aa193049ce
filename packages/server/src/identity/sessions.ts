/** Console sessions: server-side, of an admin key or of a person who signed in, ended with either. */
import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Pool } from 'pg';
import type { EngagementScope, SignIn } from '../api/route.ts';
import {
  type IdentityId,
  type KeyId,
  newId,
  type PersonId,
  type ProviderId,
  type SessionId,
  type WorkspaceId,
} from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { actorOf, type KeyHolder, type KeyStatus } from './admin-keys.ts';
import type { Device } from './device.ts';
import {
  effectiveRoles,
  OPEN_ENGAGEMENT_OF_P,
  rolesOfKey,
  rolesOfPersonSql,
  type WorkspaceRole,
} from './workspace-roles.ts';

/** A session ends after this long without a request, and after this long whatever happens; a workspace may say otherwise. */
export const SESSION_IDLE_SECONDS = 1800;
export const SESSION_SECONDS = 12 * 3600;

/** A person whom an identity provider, or a passkey, has authenticated just now. */
export interface SignedInPerson {
  readonly workspaceId: WorkspaceId;
  readonly personId: PersonId;
  readonly email: string;
  readonly method: Exclude<SignIn['method'], 'key'>;
  /** When the person authenticated, as the provider says. */
  readonly authenticatedAt: Date;
  readonly acr?: string | undefined;
  readonly amr?: readonly string[];
  /** What the provider said of the person's groups. */
  readonly groups?: readonly string[];
  readonly providerId?: ProviderId;
  /** Who it is there. */
  readonly identityId?: IdentityId;
  /** The provider's name of its own session, by which it ends ours. */
  readonly providerSession?: string | undefined;
  /** The provider wants the session to end by then. */
  readonly endsAt?: Date | undefined;
  /** The sign-in was with a passkey, which is as good as a step-up. */
  readonly steppedUp?: boolean;
}

/** The session that a browser had, which ends with the sign-in: by its cookie, or by its id where no cookie comes along. */
export type PreviousSession = { readonly cookie: string } | { readonly id: SessionId } | undefined;

export interface Session extends SignIn {
  readonly workspaceId: WorkspaceId;
  /** As it stands in the log. */
  readonly actor: string;
  /** Absent for a person who signed in. */
  readonly key: { readonly id: KeyId; readonly name: string } | undefined;
  /** Who signed in, or whom the key belongs to. */
  readonly person: { readonly id: PersonId; readonly email: string } | undefined;
  readonly roles: readonly WorkspaceRole[];
  /** Of somebody of an audit firm: what lets them in, and bounds what they see. */
  readonly engagement: EngagementScope | undefined;
  readonly authenticatedAt: Date;
  readonly csrfToken: string;
  readonly expiresAt: Date;
}

/** Goes into the cookie; only its keyed hash is stored. */
export interface OpenedSession {
  readonly id: SessionId;
  readonly cookie: string;
  /** How long it lives at most, which the cookie is kept for. */
  readonly seconds: number;
}

function cookieHash(pepper: KeyObject, cookie: string): Buffer {
  return createHmac('sha256', pepper).update(`console session ${cookie}`).digest();
}

/** How a person stands in the log. */
export function personActor(email: string): string {
  return `person:${email}`;
}

/** Opens a session for the holder of a live key. */
export async function openSession(
  log: ActionLog,
  pepper: KeyObject,
  { workspaceId, keyId, name }: KeyHolder,
  previous: PreviousSession,
  device: Device,
): Promise<OpenedSession> {
  return log.transact(workspaceId, async (transaction) => {
    const opened = await insertSession(transaction, pepper, workspaceId, previous, {
      ...device,
      keyId,
      method: 'key',
      authenticatedAt: transaction.now,
    });
    transaction.log({
      kind: 'session.started',
      actor: actorOf(name),
      key_id: keyId,
      session: opened.id,
      method: 'key',
    });
    return opened;
  });
}

/** Opens a session for a person, inside the transaction that checked the sign-in. */
export async function openPersonSession(
  transaction: LoggedTransaction,
  pepper: KeyObject,
  person: SignedInPerson,
  previous: PreviousSession,
  device: Device,
): Promise<OpenedSession> {
  const { workspaceId, personId, email, method, authenticatedAt } = person;
  const opened = await insertSession(transaction, pepper, workspaceId, previous, { ...device, ...person });
  transaction.log({
    kind: 'session.started',
    actor: personActor(email),
    person: email,
    person_id: personId,
    session: opened.id,
    method,
    provider_id: person.providerId,
    authenticated_at: authenticatedAt.toISOString(),
    acr: person.acr,
    amr: person.amr,
  });
  return opened;
}

type NewSession = Device &
  Partial<Omit<SignedInPerson, 'method'>> & {
    readonly method: SignIn['method'];
    readonly authenticatedAt: Date;
    readonly keyId?: KeyId;
  };

async function insertSession(
  { client, now }: LoggedTransaction,
  pepper: KeyObject,
  workspaceId: WorkspaceId,
  previous: PreviousSession,
  session: NewSession,
): Promise<OpenedSession> {
  const id = newId<SessionId>('ses');
  const cookie = randomBytes(32).toString('base64url');
  const csrfToken = randomBytes(32).toString('base64url');
  await client.query(
    `DELETE FROM console_sessions
      WHERE expires_at < $1 OR idle_at < $1 OR id_hash = $2 OR (workspace_id = $3 AND id = $4)`,
    [
      now,
      previous !== undefined && 'cookie' in previous ? cookieHash(pepper, previous.cookie) : null,
      workspaceId,
      previous !== undefined && 'id' in previous ? previous.id : null,
    ],
  );
  const { rows } = await client.query<{ seconds: number }>(
    `INSERT INTO console_sessions (id_hash, id, workspace_id, admin_key_id, person_id, csrf_token, created_at, idle_at, expires_at,
                                   method, authenticated_at, acr, amr, idp_groups, provider_id, provider_session, address, user_agent,
                                   identity_id, stepped_up_at)
     SELECT $1, $2, $3, $4, $5, $6, $7::timestamptz, $7::timestamptz + coalesce(s.idle_seconds, $8) * interval '1 second',
            least($7::timestamptz + coalesce(s.session_seconds, $9) * interval '1 second', $10), $11, $12, $13, $14, $15, $16,
            $17, $18, $19, $20, $21
       FROM (SELECT $3::text AS workspace_id) w LEFT JOIN sign_in_settings s ON s.workspace_id = w.workspace_id
     RETURNING ceil(extract(epoch FROM expires_at - $7::timestamptz))::int AS seconds`,
    [
      cookieHash(pepper, cookie),
      id,
      workspaceId,
      session.keyId ?? null,
      session.personId ?? null,
      csrfToken,
      now,
      SESSION_IDLE_SECONDS,
      SESSION_SECONDS,
      session.endsAt ?? null,
      session.method,
      session.authenticatedAt,
      session.acr ?? null,
      session.amr ?? [],
      session.groups ?? [],
      session.providerId ?? null,
      session.providerSession ?? null,
      session.address ?? null,
      session.userAgent?.slice(0, 300) ?? null,
      session.identityId ?? null,
      session.steppedUp === true ? now : null,
    ],
  );
  return { id, cookie, seconds: rows[0]?.seconds ?? 0 };
}

/**
 * Notes that the person of a session has proven who they are once more, and gives the session another cookie and CSRF
 * token: what was known of it before is worth nothing any more. Undefined when the session is over.
 */
export async function stepUpSession(
  { client, now, log: record }: LoggedTransaction,
  pepper: KeyObject,
  {
    workspaceId,
    sessionId,
    actor,
  }: { readonly workspaceId: WorkspaceId; readonly sessionId: SessionId; readonly actor: string },
  how: Readonly<Record<string, unknown>> & { readonly method: SignIn['method'] },
): Promise<OpenedSession | undefined> {
  const cookie = randomBytes(32).toString('base64url');
  const { rows } = await client.query<{ seconds: number }>(
    `UPDATE console_sessions SET id_hash = $3, csrf_token = $4, stepped_up_at = $5
      WHERE workspace_id = $1 AND id = $2 AND expires_at > $5 AND idle_at > $5
     RETURNING ceil(extract(epoch FROM expires_at - $5::timestamptz))::int AS seconds`,
    [workspaceId, sessionId, cookieHash(pepper, cookie), randomBytes(32).toString('base64url'), now],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  record({ kind: 'session.stepped_up', actor, session: sessionId, ...how });
  return { id: sessionId, cookie, seconds: row.seconds };
}

interface SessionRow {
  id: SessionId;
  workspace_id: WorkspaceId;
  key_id: KeyId | null;
  key_name: string | null;
  key_status: KeyStatus | null;
  key_roles: WorkspaceRole[] | null;
  person_id: PersonId | null;
  person: string | null;
  person_active: boolean | null;
  person_roles: WorkspaceRole[] | null;
  had_role: boolean | null;
  external: boolean | null;
  engagement: { id: string; from_ms: number; to_ms: number } | null;
  method: SignIn['method'];
  authenticated_at: Date;
  acr: string | null;
  amr: string[];
  stepped_up_at: Date | null;
  csrf_token: string;
  expires_at: Date;
  idle_seconds: number;
  idle_left: number;
}

const SESSION = `
SELECT s.id, s.workspace_id, s.csrf_token, s.expires_at, s.method, s.authenticated_at, s.acr, s.amr, s.stepped_up_at,
       k.id AS key_id, k.name AS key_name, k.roles AS key_roles,
       CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'
            WHEN k.expires_at <= clock_timestamp() THEN 'expired' WHEN k.id IS NOT NULL THEN 'live' END AS key_status,
       p.id AS person_id, p.email AS person, p.active AS person_active, p.had_role, ${rolesOfPersonSql('s.idp_groups')} AS person_roles,
       p.external, CASE WHEN p.external THEN (
         SELECT json_build_object('id', e.id, 'from_ms', (extract(epoch FROM e.period_from) * 1000)::bigint,
                                  'to_ms', (extract(epoch FROM e.period_to) * 1000)::bigint)
           FROM ${OPEN_ENGAGEMENT_OF_P}) END AS engagement,
       coalesce(w.idle_seconds, ${SESSION_IDLE_SECONDS}) AS idle_seconds,
       extract(epoch FROM s.idle_at - clock_timestamp())::float8 AS idle_left
  FROM console_sessions s
  LEFT JOIN sign_in_settings w ON w.workspace_id = s.workspace_id
  LEFT JOIN admin_keys k ON k.workspace_id = s.workspace_id AND k.id = s.admin_key_id
  LEFT JOIN people p ON p.workspace_id = s.workspace_id AND p.id = coalesce(s.person_id, k.person_id)
 WHERE s.id_hash = $1 AND s.expires_at > clock_timestamp() AND s.idle_at > clock_timestamp()`;

/** The live session of a cookie, read against current state; undefined when it is unknown, over, or its holder is. */
export async function findSession(pool: Pool, pepper: KeyObject, cookie: string): Promise<Session | undefined> {
  const hash = cookieHash(pepper, cookie);
  const { rows } = await pool.query<SessionRow>({ name: 'session', text: SESSION, values: [hash] });
  const [row] = rows;
  const holder = row && holderOf(row);
  if (row === undefined || holder === undefined) return undefined;
  // Written at most once a minute for each session.
  if (row.idle_left < row.idle_seconds - 60) {
    await pool.query({
      name: 'session-use',
      text: `UPDATE console_sessions SET idle_at = clock_timestamp() + $2 * interval '1 second' WHERE id_hash = $1`,
      values: [hash, row.idle_seconds],
    });
  }
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    ...holder,
    method: row.method,
    authenticatedAt: row.authenticated_at,
    ...(row.acr === null ? {} : { acr: row.acr }),
    amr: row.amr,
    ...(row.stepped_up_at === null ? {} : { steppedUpAtMs: row.stepped_up_at.getTime() }),
    csrfToken: row.csrf_token,
    expiresAt: row.expires_at,
  };
}

function holderOf(row: SessionRow): Pick<Session, 'actor' | 'key' | 'person' | 'roles' | 'engagement'> | undefined {
  const person = row.person_id === null || row.person === null ? undefined : { id: row.person_id, email: row.person };
  const engagement =
    row.engagement === null
      ? undefined
      : { id: row.engagement.id, fromMs: row.engagement.from_ms, toMs: row.engagement.to_ms };
  // Whoever comes in by an engagement comes with their passkey, and is out when it is over.
  if (row.external === true && (engagement === undefined || row.method !== 'passkey')) return undefined;
  if (row.key_id !== null && row.key_name !== null) {
    if (row.key_status !== 'live' || row.person_active === false) return undefined;
    const ofPerson =
      person === undefined ? undefined : { roles: row.person_roles ?? [], hadRole: row.had_role === true };
    const roles = rolesOfKey(row.key_roles ?? [], ofPerson);
    return { actor: actorOf(row.key_name), key: { id: row.key_id, name: row.key_name }, person, roles, engagement };
  }
  if (person === undefined || row.person_active !== true) return undefined;
  const roles = effectiveRoles(row.person_roles ?? []);
  return { actor: personActor(person.email), key: undefined, person, roles, engagement };
}

export async function endSession(log: ActionLog, session: Session): Promise<void> {
  const { workspaceId, id, actor, key, person } = session;
  await log.transact(workspaceId, async ({ client, log: record }) => {
    const { rowCount } = await client.query('DELETE FROM console_sessions WHERE workspace_id = $1 AND id = $2', [
      workspaceId,
      id,
    ]);
    if (rowCount !== 0)
      record({
        kind: 'session.ended',
        actor,
        session: id,
        key_id: key?.id,
        person: person?.email,
        reason: 'signed_out',
      });
  });
}

/** Ends all sessions of a person, and those opened with the person's keys, in the transaction of whatever ended them. */
export async function endSessionsOf(
  { client, log: record }: LoggedTransaction,
  workspaceId: WorkspaceId,
  personId: PersonId,
  { actor, reason }: { readonly actor: string; readonly reason: string },
): Promise<number> {
  const { rows } = await client.query<{ id: SessionId; person: string }>(
    `DELETE FROM console_sessions s USING people p
      WHERE s.workspace_id = $1 AND p.workspace_id = s.workspace_id AND p.id = $2
        AND (s.person_id = p.id OR s.admin_key_id IN (SELECT k.id FROM admin_keys k WHERE k.workspace_id = $1 AND k.person_id = p.id))
     RETURNING s.id, p.email AS person`,
    [workspaceId, personId],
  );
  for (const { id, person } of rows) record({ kind: 'session.ended', actor, session: id, person, reason });
  return rows.length;
}

/** Compared in constant time. */
export function isCsrfToken(session: Session, given: string | undefined): boolean {
  const expected = Buffer.from(session.csrfToken);
  const bytes = Buffer.from(given ?? '');
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}
