/** Admin keys: who may manage a workspace. Only a keyed hash of each is stored; each use is checked against it anew. */
import type { KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import type { Administrator, TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { type KeyId, newId, type PersonId, randomBase62, type WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { engagementOnly, readPerson } from '../people/index.ts';
import type { Secret } from '../secret.ts';
import { readAssurance } from './assurance.ts';
import { checkStillThere } from './still-there.ts';
import { newCredential } from './token-hash.ts';
import { ROLES_OF_A_KEY, rolesOfKey, rolesOfPersonSql, type WorkspaceRole } from './workspace-roles.ts';

/** The longest life a key may be given; without an expiry it lives until it is revoked. */
export const MAX_KEY_SECONDS = 366 * 24 * 3600;
export const DEFAULT_OVERLAP_SECONDS = 3600;

export type KeyStatus = 'live' | 'expired' | 'revoked';

/** API shape of an admin key. The key itself is shown once, when it is made. */
export interface KeyView {
  readonly id: KeyId;
  readonly object: 'key';
  readonly name: string;
  /** E-mail of the person it belongs to. */
  readonly person: string | null;
  /** What it may do; the person's own roles may say less. */
  readonly roles: WorkspaceRole[];
  readonly last4: string;
  readonly status: KeyStatus;
  /** Times in epoch seconds. */
  readonly created: number;
  readonly created_by: string;
  readonly expires_at: number | null;
  readonly last_used_at: number | null;
  readonly replaced_by: string | null;
}

export interface NewKey {
  readonly view: KeyView;
  readonly text: Secret;
}

interface KeyRow {
  id: KeyId;
  name: string;
  person_id: PersonId | null;
  person: string | null;
  roles: WorkspaceRole[];
  last4: string;
  status: KeyStatus;
  created_by: string;
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
  replaced_by: string | null;
}

const STATUS = `CASE WHEN revoked_at IS NOT NULL THEN 'revoked'
                     WHEN expires_at <= clock_timestamp() THEN 'expired' ELSE 'live' END`;
const PERSON = `(SELECT p.email FROM people p WHERE p.workspace_id = k.workspace_id AND p.id = k.person_id)`;
const COLUMNS = `id, name, person_id, ${PERSON} AS person, roles, last4, ${STATUS} AS status, created_by, created_at, expires_at, last_used_at, replaced_by`;

function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1000);
}

function viewOf(row: KeyRow): KeyView {
  return {
    id: row.id,
    object: 'key',
    name: row.name,
    person: row.person,
    roles: row.roles,
    last4: row.last4,
    status: row.status,
    created: seconds(row.created_at),
    created_by: row.created_by,
    expires_at: row.expires_at === null ? null : seconds(row.expires_at),
    last_used_at: row.last_used_at === null ? null : seconds(row.last_used_at),
    replaced_by: row.replaced_by,
  };
}

/** How the holder of a key stands in the log. A rotated key keeps its name, so that the log shows one actor. */
export function actorOf(keyName: string): string {
  return `key:${keyName}`;
}

export interface KeyHolder {
  readonly workspaceId: WorkspaceId;
  readonly keyId: KeyId;
  readonly name: string;
  readonly personId: PersonId | null;
  readonly person: string | null;
  readonly status: KeyStatus;
  readonly roles: readonly WorkspaceRole[];
  /** Its last use was noted more than a minute ago. */
  readonly isUseDue: boolean;
}

/** The key with this lookup hash, in one indexed query; undefined when there never was one. */
export async function findKeyHolder(pool: Pool, lookupHmac: Buffer): Promise<KeyHolder | undefined> {
  const { rows } = await pool.query<KeyHolder & { person_roles: WorkspaceRole[]; had_role: boolean | null }>({
    name: 'key-holder',
    text: `SELECT k.workspace_id AS "workspaceId", k.id AS "keyId", k.name, k.person_id AS "personId", p.email AS person, k.roles,
                  ${rolesOfPersonSql()} AS person_roles, p.had_role, CASE WHEN NOT p.active OR p.external THEN 'revoked' ELSE ${STATUS} END AS status,
                  coalesce(last_used_at < now() - interval '1 minute', true) AS "isUseDue"
             FROM admin_keys k LEFT JOIN people p ON p.workspace_id = k.workspace_id AND p.id = k.person_id
            WHERE lookup_hmac = $1`,
    values: [lookupHmac],
  });
  const [row] = rows;
  if (row === undefined) return undefined;
  const { person_roles, had_role, ...holder } = row;
  const ofPerson = row.personId === null ? undefined : { roles: person_roles, hadRole: had_role === true };
  return { ...holder, roles: rolesOfKey(row.roles, ofPerson) };
}

/** Notes a use. A convenience of the inventory; the log has every change. */
export async function noteKeyUse(pool: Pool, workspaceId: WorkspaceId, keyId: KeyId): Promise<void> {
  await pool.query({
    name: 'key-use',
    text: 'UPDATE admin_keys SET last_used_at = now() WHERE workspace_id = $1 AND id = $2',
    values: [workspaceId, keyId],
  });
}

/** Up to `limit` keys after a position, newest first. */
export async function listKeys(
  pool: Pool,
  workspaceId: WorkspaceId,
  limit: number,
  after: TimePosition | undefined,
): Promise<readonly { readonly view: KeyView; readonly createdUs: number }[]> {
  const { rows } = await pool.query<KeyRow & { created_us: number }>({
    name: 'key-list',
    text: `SELECT ${COLUMNS}, (extract(epoch FROM created_at) * 1000000)::bigint AS created_us
             FROM admin_keys k WHERE workspace_id = $1
              AND ($2::bigint IS NULL OR ((extract(epoch FROM created_at) * 1000000)::bigint, id) < ($2, $3))
            ORDER BY created_at DESC, id DESC LIMIT $4`,
    values: [workspaceId, after?.atUs ?? null, after?.id ?? null, limit],
  });
  return rows.map((row) => ({ view: viewOf(row), createdUs: row.created_us }));
}

interface KeyDraft {
  readonly name: string;
  readonly personId?: PersonId | null | undefined;
  /** Absent: all that a key may have. */
  readonly roles?: readonly WorkspaceRole[] | undefined;
  readonly expiresInSeconds?: number | undefined;
}

async function insertKey(
  { client, now }: LoggedTransaction,
  pepper: KeyObject,
  workspaceId: WorkspaceId,
  { name, personId, roles, expiresInSeconds }: KeyDraft,
  actor: string,
): Promise<NewKey> {
  const { text, lookupHmac, last4 } = newCredential('live', pepper);
  const { rows } = await client.query<KeyRow>(
    `INSERT INTO admin_keys AS k (workspace_id, id, name, lookup_hmac, last4, created_by, created_at, expires_at, person_id, roles)
     VALUES ($1, $2, $3, $4, $5, $6, $7::timestamptz, $7::timestamptz + $8 * interval '1 second', $9, $10) RETURNING ${COLUMNS}`,
    [
      workspaceId,
      newId<KeyId>('key'),
      name,
      lookupHmac,
      last4,
      actor,
      now,
      expiresInSeconds ?? null,
      personId ?? null,
      roles ?? ROLES_OF_A_KEY,
    ],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('INSERT … RETURNING gave no row');
  return { view: viewOf(row), text };
}

function created(view: KeyView, actor: string) {
  return {
    kind: 'key.created',
    actor,
    key_id: view.id,
    key: view.name,
    person: view.person ?? undefined,
    roles: view.roles,
    last4: view.last4,
  } as const;
}

/** The transactions below are alone in their workspace, so what they read cannot change under them. */
export async function createKey(
  log: ActionLog,
  pepper: KeyObject,
  who: Administrator,
  draft: Omit<KeyDraft, 'personId'> & { readonly person?: string | undefined },
): Promise<NewKey> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const personId = draft.person === undefined ? null : await holderOf(transaction, workspaceId, draft.person);
    await refuseKeyOfOther(transaction, who, personId);
    const { rowCount } = await transaction.client.query(
      'SELECT 1 FROM admin_keys WHERE workspace_id = $1 AND lower(name) = lower($2) LIMIT 1',
      [workspaceId, draft.name],
    );
    if (rowCount !== 0)
      throw new Failure(
        409,
        'key_name_taken',
        `There is, or was, an admin key ${draft.name}.`,
        'Names stand in the log as the actor and are not used twice: choose another, or rotate that key.',
      );
    const key = await insertKey(transaction, pepper, workspaceId, { ...draft, personId }, actor);
    transaction.log({ ...created(key.view, actor), expires_at: isoOf(key.view.expires_at) });
    return key;
  });
}

/**
 * Throws `credential_over`, and `own_session_required`: where people decide by their own sign-in, nobody but the person is shown a key of theirs.
 */
async function refuseKeyOfOther(
  { client }: LoggedTransaction,
  who: Administrator,
  personId: PersonId | null,
): Promise<void> {
  await checkStillThere(client, who);
  const { workspaceId, person, session } = who;
  if (personId === null || (await readAssurance(client, workspaceId)).peopleDecide === 'keys') return;
  if (session !== undefined && session.method !== 'key' && person?.id === personId) return;
  throw new Failure(
    403,
    'own_session_required',
    'In this workspace a key of a person is made, and replaced, by that person alone.',
    'Have the person do it, signed in to the console.',
  );
}

/** Throws `person_not_found`, `engagement_only`, `break_glass_only`, `person_inactive`. */
async function holderOf({ client }: LoggedTransaction, workspaceId: WorkspaceId, person: string): Promise<PersonId> {
  const { id, email, active, external, break_glass: isForEmergencies } = await readPerson(client, workspaceId, person);
  if (external) throw engagementOnly(email);
  if (isForEmergencies)
    throw new Failure(
      409,
      'break_glass_only',
      `${email} is an account for emergencies.`,
      'It signs in with its passkey alone; make the key for somebody else.',
    );
  if (active) return id;
  throw new Failure(409, 'person_inactive', `${email} is not active.`, 'Activate the person first, or name another.');
}

function isoOf(epochSeconds: number | null): string | undefined {
  return epochSeconds === null ? undefined : new Date(epochSeconds * 1000).toISOString();
}

/** A new key with the same name; the old one lives on for `overlapSeconds`, or as long as it would have. */
export async function rotateKey(
  log: ActionLog,
  pepper: KeyObject,
  who: Administrator,
  keyId: string,
  {
    overlapSeconds,
    expiresInSeconds,
    person,
  }: {
    readonly overlapSeconds: number;
    readonly expiresInSeconds?: number | undefined;
    /** Absent: as before. */
    readonly person?: string | undefined;
  },
): Promise<NewKey> {
  const { workspaceId, actor } = who;
  return log.transact(workspaceId, async (transaction) => {
    const old = await readKey(transaction, workspaceId, keyId);
    if (old.status !== 'live' || old.replaced_by !== null)
      throw new Failure(
        409,
        'key_not_rotatable',
        `The admin key ${keyId} is ${old.status === 'live' ? 'rotated already' : old.status}.`,
        'Rotate its successor, or make another key.',
      );
    const personId = person === undefined ? old.person_id : await holderOf(transaction, workspaceId, person);
    await refuseKeyOfOther(transaction, who, old.person_id);
    await refuseKeyOfOther(transaction, who, personId);
    const draft = { name: old.name, personId, roles: old.roles, expiresInSeconds };
    const key = await insertKey(transaction, pepper, workspaceId, draft, actor);
    await transaction.client.query(
      `UPDATE admin_keys SET replaced_by = $3,
              expires_at = least(expires_at, $4::timestamptz + $5 * interval '1 second')
        WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, keyId, key.view.id, transaction.now, overlapSeconds],
    );
    transaction.log({
      ...created(key.view, actor),
      expires_at: isoOf(key.view.expires_at),
      replaces: keyId,
      overlap_seconds: overlapSeconds,
    });
    return key;
  });
}

/** Ends a key and the console sessions opened with it, now. The last live key stays, or nobody could manage. */
export async function revokeKey(
  log: ActionLog,
  workspaceId: WorkspaceId,
  keyId: string,
  actor: string,
): Promise<KeyView> {
  return log.transact(workspaceId, async (transaction) => {
    const { client, now } = transaction;
    const key = await readKey(transaction, workspaceId, keyId);
    if (key.status === 'revoked') return viewOf(key);
    // One that is about to expire does not count: the workspace would be without a key soon after.
    const { rows } = await client.query<{ others: number }>(
      `SELECT count(*) AS others FROM admin_keys
        WHERE workspace_id = $1 AND id <> $2 AND revoked_at IS NULL AND replaced_by IS NULL
          AND (expires_at IS NULL OR expires_at > clock_timestamp())`,
      [workspaceId, keyId],
    );
    if (key.status === 'live' && rows[0]?.others === 0)
      throw new Failure(
        409,
        'last_key',
        'This is the last live admin key of the workspace.',
        'Make another key first, or rotate this one.',
      );
    await client.query('UPDATE admin_keys SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2', [
      workspaceId,
      keyId,
      now,
    ]);
    const { rowCount: sessionsEnded } = await client.query(
      'DELETE FROM console_sessions WHERE workspace_id = $1 AND admin_key_id = $2',
      [workspaceId, keyId],
    );
    transaction.log({ kind: 'key.revoked', actor, key_id: keyId, key: key.name, sessions_ended: sessionsEnded ?? 0 });
    return viewOf({ ...key, status: 'revoked' });
  });
}

/**
 * Ends every key of a person who leaves, in the transaction of that. Also the last live one of the workspace: the next
 * start finds none, and makes another. Returns how many.
 */
export async function revokeKeysOf(
  { client, now, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  personId: PersonId,
  { actor, reason }: { readonly actor: string; readonly reason: string },
): Promise<number> {
  const { rows } = await client.query<{ id: KeyId; name: string }>(
    `UPDATE admin_keys SET revoked_at = $3 WHERE workspace_id = $1 AND person_id = $2 AND revoked_at IS NULL
     RETURNING id, name`,
    [workspaceId, personId, now],
  );
  for (const { id, name } of rows) log({ kind: 'key.revoked', actor, key_id: id, key: name, reason });
  return rows.length;
}

async function readKey({ client }: LoggedTransaction, workspaceId: WorkspaceId, keyId: string): Promise<KeyRow> {
  const { rows } = await client.query<KeyRow>(
    `SELECT ${COLUMNS} FROM admin_keys k WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, keyId],
  );
  const [row] = rows;
  if (row !== undefined) return row;
  throw new Failure(404, 'key_not_found', `There is no admin key ${keyId}.`, 'List keys with GET /v1/keys.');
}

/**
 * The key of a first start, and of one that finds no live key left; else undefined. `keep` is called before the
 * key is committed, so that no key exists that nobody has.
 */
export async function ensureLiveKey(
  log: ActionLog,
  pepper: KeyObject,
  workspaceId: WorkspaceId,
  keep: (text: Secret) => void,
): Promise<Secret | undefined> {
  return log.transact(workspaceId, async (transaction) => {
    const { rows } = await transaction.client.query<{ total: number; live: number }>(
      `SELECT count(*) AS total, count(*) FILTER (WHERE ${STATUS} = 'live') AS live
         FROM admin_keys WHERE workspace_id = $1`,
      [workspaceId],
    );
    if (rows[0]?.live !== 0) return undefined;
    const name = rows[0].total === 0 ? 'first' : `recovery-${randomBase62(6)}`;
    const { view, text } = await insertKey(transaction, pepper, workspaceId, { name }, 'system');
    transaction.log(created(view, 'system'));
    keep(text);
    return text;
  });
}
