/** The credential store: own encrypted secrets in versions, and credentials resolved where they are kept outside. */
import type { KeyObject } from 'node:crypto';
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { Secret } from '../secret.ts';
import { type CredentialRef, checkSecretName, isOwnName, parseCredentialRef } from './credential-ref.ts';
import type { KeyProvider } from './credentials/key-provider.ts';
import { Keyring } from './credentials/keyring.ts';
import { CredentialReader, MAX_SECRET_BYTES, type ReadableCredentials } from './credentials/reader.ts';
import { Rewraps } from './credentials/rewraps.ts';
import type { EncryptionKeysView, SecretDetailView, SecretView } from './credentials/secret-views.ts';
import { CredentialUnavailable } from './credentials/unavailable.ts';
import { retireDue, warnOfExpiry } from './credentials/upkeep.ts';
import { credentialUsers, describeSecrets, reachOf } from './credentials/usage.ts';
import { CredentialUses } from './credentials/uses.ts';
import type { VaultClient } from './credentials/vault-client.ts';
import { VaultKv } from './credentials/vault-kv.ts';
import { newDataKey, openValue, sealValue } from './envelope.ts';
import { SHORTEST_SECRET } from './scrub.ts';

/** A resolved credential is kept in memory this long at most; a new version drops it at once. */
const CACHE_MS = 60_000;
/** The last four characters are shown only of a value that they do not give away. */
const SHOWN_FROM = 16;
const UPKEEP_MS = 30_000;
/** How long the version before can be taken back, unless told otherwise. */
const OVERLAP_SECONDS = 86_400;

interface NewVersion {
  /** Stored, and not used before it is promoted. */
  readonly staged?: boolean | undefined;
  /** How long the version that it replaces can be taken back; 0 erases its value at once. */
  readonly overlapSeconds?: number | undefined;
  /** When it ends at the upstream. */
  readonly expiresAt?: Date | undefined;
}

/** Every change is one transaction with its record. Refusals are `Failure`s. */
export interface SecretStore {
  /** Stores a new version. Throws `secret_name_invalid`, `secret_invalid`, `key_unavailable`. */
  putSecret(
    workspaceId: WorkspaceId,
    name: string,
    value: string,
    actor: string,
    how?: NewVersion,
  ): Promise<SecretView>;
  /** The same inside a transaction that is under way; call `changed` after it has committed. `name` may be one of our own. */
  putSecretIn(
    transaction: LoggedTransaction,
    workspaceId: WorkspaceId,
    name: string,
    value: string,
    actor: string,
  ): Promise<void>;
  /** Uses a staged or previous version from now on. Throws `secret_version_not_found`, `secret_version_retired`. */
  promote(
    workspaceId: WorkspaceId,
    name: string,
    version: number,
    overlapSeconds: number | undefined,
    actor: string,
  ): Promise<SecretView>;
  /** Erases a version that is not used. Throws `secret_version_not_found`, `secret_version_current`. */
  retire(workspaceId: WorkspaceId, name: string, version: number, actor: string): Promise<SecretView>;
  /** Erases all versions. Throws `secret_not_found`, `secret_in_use`. */
  remove(workspaceId: WorkspaceId, name: string, actor: string): Promise<void>;
  /** Those that people may name, by name. */
  listSecrets(workspaceId: WorkspaceId): Promise<readonly SecretView[]>;
  /** With who can reach it. Throws `secret_not_found`. */
  getSecret(workspaceId: WorkspaceId, name: string): Promise<SecretDetailView>;
  /** The value behind a reference. Rejects with CredentialUnavailable. The same object while nothing changed. */
  resolve(workspaceId: WorkspaceId, ref: string): Promise<Secret>;
  /** A version that need not be current. Rejects with CredentialUnavailable. */
  openVersion(workspaceId: WorkspaceId, name: string, version: number): Promise<Secret>;
  /** A secret under a name of our own. Rejects with CredentialUnavailable. */
  openOwn(workspaceId: WorkspaceId, name: string): Promise<Secret>;
  encryptionKeys(workspaceId: WorkspaceId): Promise<EncryptionKeysView>;
  /** Puts all data keys under this key, or under the newest version of the current one. Throws `key_reference_invalid`, `key_unusable`, `rewrap_running`. */
  rewrap(workspaceId: WorkspaceId, reference: string | undefined, actor: string): Promise<EncryptionKeysView>;
  /** Forgets what was resolved; without a name everything of the workspace, without a workspace everything. */
  changed(workspaceId?: WorkspaceId, name?: string): void;
  /** The next use reads again what was resolved for the workspace, and obtains its tokens again; who is connected stays so. */
  forget(workspaceId: WorkspaceId): void;
  /** Told after `forget`. Returns an unsubscribe. */
  onForget(listener: (workspaceId: WorkspaceId) => void): () => void;
  /** Told after `changed`. Returns an unsubscribe. */
  onChange(listener: (workspaceId?: WorkspaceId, name?: string) => void): () => void;
  close(): Promise<void>;
}

export interface SecretStoreOptions {
  readonly pool: Pool;
  readonly log: ActionLog;
  /** The key of workspaces that have set none; 32 bytes. */
  readonly key: KeyObject;
  readonly config: ReadableCredentials;
  /** HashiCorp Vault or OpenBao, where there is one. Closed with the store. */
  readonly vault?: VaultClient | undefined;
  /** Epoch milliseconds. */
  readonly clock?: () => number;
  readonly environment?: NodeJS.ProcessEnv;
  readonly logger?: { warn(details: object, message: string): void };
}

export function createSecretStore(options: SecretStoreOptions): SecretStore {
  return new Store(options);
}

interface Resolved {
  readonly secret: Promise<Secret>;
  readonly until: number;
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

class Store implements SecretStore {
  readonly #options: SecretStoreOptions;
  readonly #clock: () => number;
  readonly #reader: CredentialReader;
  readonly #keyring: Keyring;
  readonly #rewraps: Rewraps;
  readonly #uses: CredentialUses;
  readonly #upkeep: Rounds;
  /** By workspace, then by reference. */
  readonly #resolved = new Map<WorkspaceId, Map<string, Resolved>>();
  readonly #listeners = new Set<(workspaceId?: WorkspaceId, name?: string) => void>();
  readonly #forgetters = new Set<(workspaceId: WorkspaceId) => void>();

  constructor(options: SecretStoreOptions) {
    const { pool, log, vault, config, key, logger } = options;
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    const kv = vault === undefined ? undefined : new VaultKv(vault, this.#clock);
    this.#reader = new CredentialReader(config, options.environment ?? process.env, kv);
    this.#keyring = new Keyring(key, this.#reader, vault);
    const failed = (error: unknown): void => logger?.warn({ err: error }, 'upkeep of stored credentials failed');
    this.#rewraps = new Rewraps(pool, log, this.#keyring, failed);
    this.#uses = new CredentialUses(pool, this.#clock);
    this.#upkeep = startRounds(UPKEEP_MS, () => this.#keepUp(), failed);
  }

  async #keepUp(): Promise<void> {
    const { pool, log } = this.#options;
    this.#dropExpired();
    await this.#uses.write();
    for (const { workspaceId, name } of await retireDue(pool, log)) this.changed(workspaceId, name);
    await warnOfExpiry(pool, log);
    await this.#rewraps.work();
  }

  /** What is not asked for any more is not kept. */
  #dropExpired(): void {
    for (const held of this.#resolved.values())
      for (const [ref, { until }] of held) if (this.#clock() >= until) held.delete(ref);
  }

  async putSecret(
    workspaceId: WorkspaceId,
    name: string,
    value: string,
    actor: string,
    how: NewVersion = {},
  ): Promise<SecretView> {
    checkSecretName(name);
    checkValue(value);
    // A key service may take its time; the transaction holds up the workspace, so it is asked before.
    const draft = await this.#seal(this.#options.pool, workspaceId, name, value);
    await this.#options.log.transact(workspaceId, (transaction) =>
      this.#put(transaction, workspaceId, name, value, actor, how, draft),
    );
    this.changed(workspaceId, name);
    return this.#view(workspaceId, name);
  }

  async putSecretIn(
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

  async promote(
    workspaceId: WorkspaceId,
    name: string,
    version: number,
    overlapSeconds: number | undefined,
    actor: string,
  ): Promise<SecretView> {
    checkSecretName(name);
    await this.#options.log.transact(workspaceId, async (transaction) => {
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
    this.changed(workspaceId, name);
    return this.#view(workspaceId, name);
  }

  async retire(workspaceId: WorkspaceId, name: string, version: number, actor: string): Promise<SecretView> {
    checkSecretName(name);
    await this.#options.log.transact(workspaceId, async (transaction) => {
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
    this.changed(workspaceId, name);
    return this.#view(workspaceId, name);
  }

  async remove(workspaceId: WorkspaceId, name: string, actor: string): Promise<void> {
    checkSecretName(name);
    await this.#options.log.transact(workspaceId, async (transaction) => {
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
    this.changed(workspaceId, name);
  }

  listSecrets(workspaceId: WorkspaceId): Promise<readonly SecretView[]> {
    return describeSecrets(this.#options.pool, workspaceId, this.#clock());
  }

  async #view(workspaceId: WorkspaceId, name: string): Promise<SecretView> {
    const [view] = await describeSecrets(this.#options.pool, workspaceId, this.#clock(), name);
    if (view === undefined) throw secretNotFound(name);
    return view;
  }

  async getSecret(workspaceId: WorkspaceId, name: string): Promise<SecretDetailView> {
    checkSecretName(name);
    const view = await this.#view(workspaceId, name);
    const namespaces = view.used_by.filter(({ kind }) => kind !== 'channel').map((user) => user.name);
    return { ...view, agents: await reachOf(this.#options.pool, workspaceId, namespaces) };
  }

  async openOwn(workspaceId: WorkspaceId, name: string): Promise<Secret> {
    if (!isOwnName(name)) throw new CredentialUnavailable('that is not a name of our own');
    return new Secret(await this.#fromVault(workspaceId, name));
  }

  async openVersion(workspaceId: WorkspaceId, name: string, version: number): Promise<Secret> {
    return new Secret(await this.#fromVault(workspaceId, name, version));
  }

  encryptionKeys(workspaceId: WorkspaceId): Promise<EncryptionKeysView> {
    return this.#rewraps.describe(workspaceId);
  }

  rewrap(workspaceId: WorkspaceId, reference: string | undefined, actor: string): Promise<EncryptionKeysView> {
    return this.#rewraps.start(workspaceId, reference, actor);
  }

  resolve(workspaceId: WorkspaceId, ref: string): Promise<Secret> {
    this.#uses.saw(workspaceId, ref);
    let held = this.#resolved.get(workspaceId);
    if (held === undefined) {
      held = new Map();
      this.#resolved.set(workspaceId, held);
    }
    const known = held.get(ref);
    if (known !== undefined && this.#clock() < known.until) return known.secret;
    const secret = this.#read(workspaceId, ref);
    held.set(ref, { secret, until: this.#clock() + CACHE_MS });
    // A failure is not kept: the credential may be put right at any moment.
    secret.catch(() => {
      if (held.get(ref)?.secret === secret) held.delete(ref);
    });
    return secret;
  }

  async #read(workspaceId: WorkspaceId, text: string): Promise<Secret> {
    let ref: CredentialRef;
    try {
      ref = parseCredentialRef(text);
    } catch {
      throw new CredentialUnavailable('the credential reference is not understood');
    }
    const value = ref.scheme === 'vault' ? await this.#fromVault(workspaceId, ref.name) : await this.#reader.read(ref);
    if (value.length < SHORTEST_SECRET)
      throw new CredentialUnavailable(`the credential has fewer than ${SHORTEST_SECRET} characters`);
    return new Secret(value);
  }

  async #fromVault(workspaceId: WorkspaceId, name: string, wanted?: number): Promise<string> {
    const { rows } = await this.#options.pool
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
      const key: KeyProvider = await this.#keyring.of(kek);
      dataKey = await key.unwrap(wrapped, context);
      return openValue(dataKey, context, ciphertext);
    } catch (error) {
      const why = error instanceof CredentialUnavailable ? `: ${error.message}` : '';
      throw new CredentialUnavailable(`the secret ${name} cannot be opened with its key${why}`);
    } finally {
      dataKey?.fill(0);
    }
  }

  changed(workspaceId?: WorkspaceId, name?: string): void {
    if (workspaceId === undefined) this.#resolved.clear();
    else if (name === undefined) this.#resolved.delete(workspaceId);
    else this.#resolved.get(workspaceId)?.delete(`vault://${name}`);
    for (const listener of this.#listeners) listener(workspaceId, name);
  }

  forget(workspaceId: WorkspaceId): void {
    this.#resolved.delete(workspaceId);
    for (const listener of this.#forgetters) listener(workspaceId);
  }

  onForget(listener: (workspaceId: WorkspaceId) => void): () => void {
    this.#forgetters.add(listener);
    return () => this.#forgetters.delete(listener);
  }

  onChange(listener: (workspaceId?: WorkspaceId, name?: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#upkeep.close();
    await this.#rewraps.close();
    await this.#uses.write().catch(() => undefined);
    this.#resolved.clear();
    await this.#options.vault?.close();
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

function secretNotFound(name: string): Failure {
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
