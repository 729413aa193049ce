/** Console sessions: server-side, of an admin key or of a person who signed in, ended with either. */
import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Pool } from 'pg';
import type { SignIn } from '../api/route.ts';
import { type KeyId, newId, type PersonId, type SessionId, type WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { actorOf, type KeyHolder, type KeyStatus } from './admin-keys.ts';
import { effectiveRoles, rolesOfKey, rolesOfPersonSql, type WorkspaceRole } from './workspace-roles.ts';

/** A session ends after this long without a request, and after this long whatever happens. */
const SESSION_IDLE_SECONDS = 2 * 3600;
export const SESSION_SECONDS = 12 * 3600;

/** As the request that opens a session shows it. */
export interface Device {
  readonly address?: string | undefined;
  readonly userAgent?: string | undefined;
}

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
  readonly providerId?: string;
  /** The provider's name of its own session, by which it ends ours. */
  readonly providerSession?: string | undefined;
}

export interface Session extends SignIn {
  readonly workspaceId: WorkspaceId;
  /** As it stands in the log. */
  readonly actor: string;
  /** Absent for a person who signed in. */
  readonly key: { readonly id: KeyId; readonly name: string } | undefined;
  /** Who signed in, or whom the key belongs to. */
  readonly person: { readonly id: PersonId; readonly email: string } | undefined;
  readonly roles: readonly WorkspaceRole[];
  readonly authenticatedAt: Date;
  readonly csrfToken: string;
  readonly expiresAt: Date;
}

/** Goes into the cookie; only its keyed hash is stored. */
export interface OpenedSession {
  readonly id: SessionId;
  readonly cookie: string;
}

function cookieHash(pepper: KeyObject, cookie: string): Buffer {
  return createHmac('sha256', pepper).update(`console session ${cookie}`).digest();
}

/** How a person stands in the log. */
export function personActor(email: string): string {
  return `person:${email}`;
}

/** Opens a session for the holder of a live key. `previous`: cookie of the session that this browser had, which ends. */
export async function openSession(
  log: ActionLog,
  pepper: KeyObject,
  { workspaceId, keyId, name }: KeyHolder,
  previous: string | undefined,
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
  previous: string | undefined,
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
  previous: string | undefined,
  session: NewSession,
): Promise<OpenedSession> {
  const id = newId<SessionId>('ses');
  const cookie = randomBytes(32).toString('base64url');
  const csrfToken = randomBytes(32).toString('base64url');
  await client.query('DELETE FROM console_sessions WHERE expires_at < $1 OR idle_at < $1 OR id_hash = $2', [
    now,
    cookieHash(pepper, previous ?? ''),
  ]);
  await client.query(
    `INSERT INTO console_sessions (id_hash, id, workspace_id, admin_key_id, person_id, csrf_token, created_at, idle_at, expires_at,
                                   method, authenticated_at, acr, amr, idp_groups, provider_id, provider_session, address, user_agent)
     VALUES ($1, $2, $3, $4, $5, $6, $7::timestamptz, $7::timestamptz + $8 * interval '1 second',
             $7::timestamptz + $9 * interval '1 second', $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
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
      session.method,
      session.authenticatedAt,
      session.acr ?? null,
      session.amr ?? [],
      session.groups ?? [],
      session.providerId ?? null,
      session.providerSession ?? null,
      session.address ?? null,
      session.userAgent?.slice(0, 300) ?? null,
    ],
  );
  return { id, cookie };
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
  method: SignIn['method'];
  authenticated_at: Date;
  acr: string | null;
  amr: string[];
  stepped_up_at: Date | null;
  csrf_token: string;
  expires_at: Date;
  idle_left: number;
}

const SESSION = `
SELECT s.id, s.workspace_id, s.csrf_token, s.expires_at, s.method, s.authenticated_at, s.acr, s.amr, s.stepped_up_at,
       k.id AS key_id, k.name AS key_name, k.roles AS key_roles,
       CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'
            WHEN k.expires_at <= clock_timestamp() THEN 'expired' WHEN k.id IS NOT NULL THEN 'live' END AS key_status,
       p.id AS person_id, p.email AS person, p.active AS person_active, ${rolesOfPersonSql('s.idp_groups')} AS person_roles,
       extract(epoch FROM s.idle_at - clock_timestamp())::float8 AS idle_left
  FROM console_sessions s
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
  if (row.idle_left < SESSION_IDLE_SECONDS - 60) {
    await pool.query({
      name: 'session-use',
      text: `UPDATE console_sessions SET idle_at = clock_timestamp() + $2 * interval '1 second' WHERE id_hash = $1`,
      values: [hash, SESSION_IDLE_SECONDS],
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

function holderOf(row: SessionRow): Pick<Session, 'actor' | 'key' | 'person' | 'roles'> | undefined {
  const person = row.person_id === null || row.person === null ? undefined : { id: row.person_id, email: row.person };
  if (row.key_id !== null && row.key_name !== null) {
    if (row.key_status !== 'live') return undefined;
    const roles = rolesOfKey(row.key_roles ?? [], person === undefined ? undefined : (row.person_roles ?? []));
    return { actor: actorOf(row.key_name), key: { id: row.key_id, name: row.key_name }, person, roles };
  }
  if (person === undefined || row.person_active !== true) return undefined;
  return { actor: personActor(person.email), key: undefined, person, roles: effectiveRoles(row.person_roles ?? []) };
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
