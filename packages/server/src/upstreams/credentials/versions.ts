/** The versions of stored credentials: sealed, staged, promoted, taken back, erased, opened. One transaction each, with its record. */
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../../errors.ts';
import type { WorkspaceId } from '../../ids.ts';
import type { ActionLog, LoggedTransaction } from '../../log/index.ts';
import { checkSecretName, isOwnName } from '../credential-ref.ts';
import { newDataKey, openValue, sealValue } from '../envelope.ts';
import { SHORTEST_SECRET } from '../scrub.ts';
import type { Keyring } from './keyring.ts';
import { MAX_SECRET_BYTES } from './reader.ts';
import { CredentialUnavailable } from './unavailable.ts';
import { credentialUsers } from './usage.ts';

/** The last four characters are shown only of a value that they do not give away. */
const SHOWN_FROM = 16;
/** How long the version before can be taken back, unless told otherwise. */
const OVERLAP_SECONDS = 86_400;

export interface NewVersion {
  /** Stored, and not used before it is promoted. */
  readonly staged?: boolean | undefined;
  /** How long the version that it replaces can be taken back; 0 erases its value at once. */
  readonly overlapSeconds?: number | undefined;
  /** When it ends at the upstream. */
  readonly expiresAt?: Date | undefined;
}

interface Sealed {
  readonly version: number;
  readonly kek: string;
  readonly wrappedKey: Buffer;
  readonly ciphertext: Buffer;
}

interface StoredVersion {
  version: number;
  kek: string;
  wrapped_key: Buffer;
  ciphertext: Buffer;
}

export class SecretVersions {
  readonly #pool: Pool;
  readonly #log: ActionLog;
  readonly #keyring: Keyring;

  constructor(pool: Pool, log: ActionLog, keyring: Keyring) {
    this.#pool = pool;
    this.#log = log;
    this.#keyring = keyring;
  }

  /** Throws `secret_name_invalid`, `secret_invalid`, `key_unavailable`. */
  async put(workspaceId: WorkspaceId, name: string, value: string, actor: string, how: NewVersion = {}): Promise<void> {
    checkSecretName(name);
    checkValue(value);
    // A key service may take its time; the transaction holds up the workspace, so it is asked before.
    const draft = await this.#seal(this.#pool, workspaceId, name, value);
    await this.#log.transact(workspaceId, (transaction) =>
      this.#put(transaction, workspaceId, name, value, actor, how, draft),
    );
  }

  /** In a transaction that is under way; `name` may be one of our own. */
  async putIn(
    transaction: LoggedTransaction,
    workspaceId: WorkspaceId,
    name: string,
    value: string,
    actor: string,
  ): Promise<void> {
    if (!isOwnName(name)) checkSecretName(name);
    checkValue(value);
    await this.#put(transaction, workspaceId, name, value, actor, isOwnName(name) ? { overlapSeconds: 0 } : {});
  }

  async #put(
    transaction: LoggedTransaction,
    workspaceId: WorkspaceId,
    name: string,
    value: string,
    actor: string,
    { staged = false, overlapSeconds = OVERLAP_SECONDS, expiresAt }: NewVersion,
    draft?: Sealed,
  ): Promise<void> {
    const { client, now } = transaction;
    await lockName(client, workspaceId, name);
    const isCurrent = draft !== undefined && (await this.#stillFits(client, workspaceId, name, draft));
    const sealed = isCurrent ? draft : await this.#seal(client, workspaceId, name, value);
    if (!staged) await replaceCurrent(client, workspaceId, name, overlapSeconds);
    const last4 = value.length >= SHOWN_FROM ? value.slice(-4) : '****';
    await client.query(
      `INSERT INTO upstream_secrets
         (workspace_id, name, version, kek, wrapped_key, ciphertext, last4, created_by, created_at, state, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        ...[workspaceId, name, sealed.version, sealed.kek, sealed.wrappedKey, sealed.ciphertext, last4, actor, now],
        staged ? 'staged' : 'current',
        expiresAt ?? null,
      ],
    );
    if (staged) record(transaction, actor, name, sealed.version, 'staged');
    else
      transaction.log({
        kind: 'server.changed',
        actor,
        change: 'credential_stored',
        credential: isOwnName(name) ? name : `vault://${name}`,
        credential_version: sealed.version,
      });
  }

  /** Under the next version. Throws `key_unavailable`. */
  async #seal(client: Pool | ClientBase, workspaceId: WorkspaceId, name: string, value: string): Promise<Sealed> {
    const version = await nextVersion(client, workspaceId, name);
    const context = { workspaceId, name, version };
    const dataKey = newDataKey();
    try {
      const key = await this.#keyring.current(client, workspaceId);
      const wrappedKey = await key.wrap(dataKey, context);
      return { version, kek: key.reference, wrappedKey, ciphertext: sealValue(dataKey, context, value) };
    } catch (error) {
      if (!(error instanceof CredentialUnavailable)) throw error;
      throw new Failure(
        503,
        'key_unavailable',
        `The key-encryption key cannot be used: ${error.message}.`,
        'See GET /v1/secrets/keys; nothing has been stored.',
      );
    } finally {
      dataKey.fill(0);
    }
  }

  async #stillFits(client: ClientBase, workspaceId: WorkspaceId, name: string, draft: Sealed): Promise<boolean> {
    if ((await nextVersion(client, workspaceId, name)) !== draft.version) return false;
    return (await this.#keyring.current(client, workspaceId)).reference === draft.kek;
  }

  /** Throws `secret_version_not_found`, `secret_version_retired`. */
  async promote(
    workspaceId: WorkspaceId,
    name: string,
    version: number,
    overlapSeconds: number | undefined,
    actor: string,
  ): Promise<void> {
    checkSecretName(name);
    await this.#log.transact(workspaceId, async (transaction) => {
      const { client } = transaction;
      const state = await lockVersion(client, workspaceId, name, version);
      if (state === 'current') return;
      if (state === 'retired')
        throw new Failure(
          409,
          'secret_version_retired',
          `The value of version ${version} of ${name} is erased.`,
          'Store it again.',
        );
      await replaceCurrent(client, workspaceId, name, overlapSeconds ?? OVERLAP_SECONDS);
      await client.query(
        `UPDATE upstream_secrets SET state = 'current', retires_at = NULL
          WHERE workspace_id = $1 AND name = $2 AND version = $3`,
        [workspaceId, name, version],
      );
      record(transaction, actor, name, version, 'promoted');
    });
  }

  /** Throws `secret_version_not_found`, `secret_version_current`. */
  async retire(workspaceId: WorkspaceId, name: string, version: number, actor: string): Promise<void> {
    checkSecretName(name);
    await this.#log.transact(workspaceId, async (transaction) => {
      const state = await lockVersion(transaction.client, workspaceId, name, version);
      if (state === 'retired') return;
      if (state === 'current')
        throw new Failure(
          409,
          'secret_version_current',
          `Version ${version} of ${name} is in use.`,
          'Promote another version first, or remove the secret.',
        );
      await erase(transaction.client, workspaceId, name, version);
      record(transaction, actor, name, version, 'retired');
    });
  }

  /** Throws `secret_not_found`, `secret_in_use`. */
  async remove(workspaceId: WorkspaceId, name: string, actor: string): Promise<void> {
    checkSecretName(name);
    await this.#log.transact(workspaceId, async (transaction) => {
      const { client } = transaction;
      await lockName(client, workspaceId, name);
      const users = (await credentialUsers(client, workspaceId)).get(`vault://${name}`) ?? [];
      if (users.length > 0)
        throw new Failure(
          409,
          'secret_in_use',
          `${name} is named by ${users.map((user) => user.name).join(', ')}.`,
          'Give them another credential first.',
        );
      if ((await erase(client, workspaceId, name)) === 0) throw secretNotFound(name);
      record(transaction, actor, name, undefined, 'removed');
    });
  }

  /** The value of a version, of the current one when none is wanted. Rejects with CredentialUnavailable. */
  async open(workspaceId: WorkspaceId, name: string, wanted?: number): Promise<string> {
    const { rows } = await this.#pool
      .query<StoredVersion>({
        name: wanted === undefined ? 'secret-current' : 'secret-version',
        text: `SELECT version, kek, wrapped_key, ciphertext FROM upstream_secrets
                WHERE workspace_id = $1 AND name = $2 AND state <> 'retired'
                  AND ${wanted === undefined ? "state = 'current'" : 'version = $3'}`,
        values: wanted === undefined ? [workspaceId, name] : [workspaceId, name, wanted],
      })
      .catch(() => {
        throw new CredentialUnavailable('the credential store cannot be read');
      });
    const row = rows[0];
    if (row === undefined) throw new CredentialUnavailable(`there is no secret ${name}`);
    const { version, kek, wrapped_key: wrapped, ciphertext } = row;
    const context = { workspaceId, name, version };
    let dataKey: Buffer | undefined;
    try {
      const key = await this.#keyring.of(kek);
      dataKey = await key.unwrap(wrapped, context);
      return openValue(dataKey, context, ciphertext);
    } catch (error) {
      const why = error instanceof CredentialUnavailable ? `: ${error.message}` : '';
      throw new CredentialUnavailable(`the secret ${name} cannot be opened with its key${why}`);
    } finally {
      dataKey?.fill(0);
    }
  }
}

function checkValue(value: string): void {
  if (value.length >= SHORTEST_SECRET && Buffer.byteLength(value) <= MAX_SECRET_BYTES && value.isWellFormed()) return;
  throw new Failure(
    400,
    'secret_invalid',
    `The value of the secret has fewer than ${SHORTEST_SECRET} characters, more than ${MAX_SECRET_BYTES} bytes, or broken characters.`,
    'Give the credential exactly as the upstream issued it.',
  );
}

export function secretNotFound(name: string): Failure {
  return new Failure(404, 'secret_not_found', `There is no secret ${name}.`, 'List them with GET /v1/secrets.');
}

function record(
  transaction: LoggedTransaction,
  actor: string,
  secret: string,
  version: number | undefined,
  change: string,
): void {
  transaction.log({ kind: 'secret.changed', actor, secret, ...(version === undefined ? {} : { version }), change });
}

/** Two writers of one name get two versions, one after the other. */
async function lockName(client: ClientBase, workspaceId: WorkspaceId, name: string): Promise<void> {
  await client.query("SELECT pg_advisory_xact_lock(hashtextextended('secret ' || $1 || ' ' || $2, 0))", [
    workspaceId,
    name,
  ]);
}

async function nextVersion(client: Pool | ClientBase, workspaceId: WorkspaceId, name: string): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    'SELECT coalesce(max(version), 0) + 1 AS version FROM upstream_secrets WHERE workspace_id = $1 AND name = $2',
    [workspaceId, name],
  );
  return rows[0]?.version ?? 1;
}

/** Throws `secret_version_not_found`. */
async function lockVersion(
  client: ClientBase,
  workspaceId: WorkspaceId,
  name: string,
  version: number,
): Promise<string> {
  await lockName(client, workspaceId, name);
  const { rows } = await client.query<{ state: string }>(
    'SELECT state FROM upstream_secrets WHERE workspace_id = $1 AND name = $2 AND version = $3',
    [workspaceId, name, version],
  );
  if (rows[0] !== undefined) return rows[0].state;
  throw new Failure(
    404,
    'secret_version_not_found',
    `There is no version ${version} of a secret ${name}.`,
    `See GET /v1/secrets/${name}.`,
  );
}

/** What was current can be taken back for a while, or is erased. */
async function replaceCurrent(
  client: ClientBase,
  workspaceId: WorkspaceId,
  name: string,
  overlapSeconds: number,
): Promise<void> {
  await client.query(
    overlapSeconds === 0
      ? `UPDATE upstream_secrets SET state = 'retired', wrapped_key = '', ciphertext = ''
          WHERE workspace_id = $1 AND name = $2 AND state = 'current'`
      : `UPDATE upstream_secrets SET state = 'previous', retires_at = now() + make_interval(secs => $3)
          WHERE workspace_id = $1 AND name = $2 AND state = 'current'`,
    overlapSeconds === 0 ? [workspaceId, name] : [workspaceId, name, overlapSeconds],
  );
}

/** Gives how many there were. */
async function erase(client: ClientBase, workspaceId: WorkspaceId, name: string, version?: number): Promise<number> {
  const { rowCount } = await client.query(
    `UPDATE upstream_secrets SET state = 'retired', retires_at = NULL, wrapped_key = '', ciphertext = ''
      WHERE workspace_id = $1 AND name = $2 AND ($3::integer IS NULL OR version = $3) AND state <> 'retired'`,
    [workspaceId, name, version ?? null],
  );
  return rowCount ?? 0;
}
