/** Console sessions: server-side, tied to an admin key, ended with it. */
import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Pool } from 'pg';
import type { KeyId, PersonId, WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { actorOf, type KeyHolder, type KeyStatus } from './admin-keys.ts';

/** A session ends after this long without a request, and after this long whatever happens. */
const SESSION_IDLE_SECONDS = 2 * 3600;
export const SESSION_SECONDS = 12 * 3600;

export interface Session {
  readonly workspaceId: WorkspaceId;
  readonly keyId: KeyId;
  readonly keyName: string;
  /** Whom the key belongs to. */
  readonly person: { readonly id: PersonId; readonly email: string } | undefined;
  readonly openedAt: Date;
  readonly csrfToken: string;
  readonly expiresAt: Date;
}

export interface OpenedSession extends Session {
  /** Goes into the cookie; only its keyed hash is stored. */
  readonly id: string;
}

function idHash(pepper: KeyObject, id: string): Buffer {
  return createHmac('sha256', pepper).update(`console session ${id}`).digest();
}

/** Opens a session for the holder of a live key. `previous`: the session that this browser had, which ends. */
export async function openSession(
  log: ActionLog,
  pepper: KeyObject,
  holder: KeyHolder,
  previous: string | undefined,
): Promise<OpenedSession> {
  const { workspaceId, keyId, name, personId, person } = holder;
  const id = randomBytes(32).toString('base64url');
  const csrfToken = randomBytes(32).toString('base64url');
  const times = await log.transact(workspaceId, async ({ client, now, log: record }) => {
    await client.query('DELETE FROM console_sessions WHERE expires_at < $1 OR idle_at < $1 OR id_hash = $2', [
      now,
      idHash(pepper, previous ?? ''),
    ]);
    const { rows } = await client.query<{ expires_at: Date }>(
      `INSERT INTO console_sessions (id_hash, workspace_id, admin_key_id, csrf_token, created_at, idle_at, expires_at)
       VALUES ($1, $2, $3, $4, $5::timestamptz, $5::timestamptz + $6 * interval '1 second', $5::timestamptz + $7 * interval '1 second')
       RETURNING expires_at`,
      [idHash(pepper, id), workspaceId, keyId, csrfToken, now, SESSION_IDLE_SECONDS, SESSION_SECONDS],
    );
    record({ kind: 'session.started', actor: actorOf(name), key_id: keyId });
    return { openedAt: now, expiresAt: rows[0]?.expires_at ?? now };
  });
  return { id, workspaceId, keyId, keyName: name, person: personOf(personId, person), csrfToken, ...times };
}

function personOf(id: PersonId | null, email: string | null): Session['person'] {
  return id === null || email === null ? undefined : { id, email };
}

interface SessionRow {
  workspace_id: WorkspaceId;
  admin_key_id: KeyId;
  key_name: string;
  person_id: PersonId | null;
  person: string | null;
  created_at: Date;
  key_status: KeyStatus;
  csrf_token: string;
  expires_at: Date;
  idle_left: number;
}

/** The live session of a cookie, read against current state; undefined when it is unknown, over, or its key is dead. */
export async function findSession(pool: Pool, pepper: KeyObject, id: string): Promise<Session | undefined> {
  const hash = idHash(pepper, id);
  const { rows } = await pool.query<SessionRow>({
    name: 'session',
    text: `SELECT s.workspace_id, s.admin_key_id, s.csrf_token, s.created_at, s.expires_at, k.name AS key_name, k.person_id,
                  (SELECT p.email FROM people p WHERE p.workspace_id = k.workspace_id AND p.id = k.person_id) AS person,
                  CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'
                       WHEN k.expires_at <= clock_timestamp() THEN 'expired' ELSE 'live' END AS key_status,
                  extract(epoch FROM s.idle_at - clock_timestamp())::float8 AS idle_left
             FROM console_sessions s JOIN admin_keys k ON k.workspace_id = s.workspace_id AND k.id = s.admin_key_id
            WHERE s.id_hash = $1 AND s.expires_at > clock_timestamp() AND s.idle_at > clock_timestamp()`,
    values: [hash],
  });
  const [row] = rows;
  if (row === undefined || row.key_status !== 'live') return undefined;
  // Written at most once a minute for each session.
  if (row.idle_left < SESSION_IDLE_SECONDS - 60) {
    await pool.query({
      name: 'session-use',
      text: `UPDATE console_sessions SET idle_at = clock_timestamp() + $2 * interval '1 second' WHERE id_hash = $1`,
      values: [hash, SESSION_IDLE_SECONDS],
    });
  }
  return {
    workspaceId: row.workspace_id,
    keyId: row.admin_key_id,
    keyName: row.key_name,
    person: personOf(row.person_id, row.person),
    openedAt: row.created_at,
    csrfToken: row.csrf_token,
    expiresAt: row.expires_at,
  };
}

export async function endSession(log: ActionLog, pepper: KeyObject, session: Session, id: string): Promise<void> {
  await log.transact(session.workspaceId, async ({ client, log: record }) => {
    const { rowCount } = await client.query('DELETE FROM console_sessions WHERE id_hash = $1', [idHash(pepper, id)]);
    if (rowCount !== 0) record({ kind: 'session.ended', actor: actorOf(session.keyName), key_id: session.keyId });
  });
}

/** Compared in constant time. */
export function isCsrfToken(session: Session, given: string | undefined): boolean {
  const expected = Buffer.from(session.csrfToken);
  const bytes = Buffer.from(given ?? '');
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}
