/** The credential store: own encrypted secrets in versions, and credentials resolved where they are kept outside. */
import type { KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { Secret } from '../secret.ts';
import { type CredentialRef, checkSecretName, isOwnName, parseCredentialRef } from './credential-ref.ts';
import { Keyring } from './credentials/keyring.ts';
import { CredentialReader, type ReadableCredentials } from './credentials/reader.ts';
import { Rewraps } from './credentials/rewraps.ts';
import type { EncryptionKeysView, SecretDetailView, SecretView } from './credentials/secret-views.ts';
import { CredentialUnavailable } from './credentials/unavailable.ts';
import { retireDue, warnOfExpiry } from './credentials/upkeep.ts';
import { describeSecrets, reachOf } from './credentials/usage.ts';
import { CredentialUses } from './credentials/uses.ts';
import type { VaultClient } from './credentials/vault-client.ts';
import { VaultKv } from './credentials/vault-kv.ts';
import { type NewVersion, SecretVersions, secretNotFound } from './credentials/versions.ts';
import { SHORTEST_SECRET } from './scrub.ts';

/** A resolved credential is kept in memory this long at most; a new version drops it at once. */
const CACHE_MS = 60_000;
const UPKEEP_MS = 30_000;

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
  readonly config: ReadableCredentials & {
    /** Variables that `env://` keys may be read from. */
    readonly key_env?: readonly string[] | undefined;
    /** Folder below which `file://` keys may be read. */
    readonly key_files?: string | undefined;
  };
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

class Store implements SecretStore {
  readonly #options: SecretStoreOptions;
  readonly #clock: () => number;
  readonly #reader: CredentialReader;
  readonly #versions: SecretVersions;
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
    const environment = options.environment ?? process.env;
    this.#reader = new CredentialReader(config, environment, kv);
    // Keys have places of their own, so that no server can be given one as its credential.
    const keys = { upstream_env: config.key_env ?? [], upstream_files: config.key_files };
    const keyring = new Keyring(key, new CredentialReader(keys, environment, undefined), vault);
    this.#versions = new SecretVersions(pool, log, keyring);
    const failed = (error: unknown): void => logger?.warn({ err: error }, 'upkeep of stored credentials failed');
    this.#rewraps = new Rewraps(pool, log, keyring, failed);
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
    how?: NewVersion,
  ): Promise<SecretView> {
    await this.#versions.put(workspaceId, name, value, actor, how);
    // What is in use stays so.
    return how?.staged === true ? this.#view(workspaceId, name) : this.#changedView(workspaceId, name);
  }

  putSecretIn(
    transaction: LoggedTransaction,
    workspaceId: WorkspaceId,
    name: string,
    value: string,
    actor: string,
  ): Promise<void> {
    return this.#versions.putIn(transaction, workspaceId, name, value, actor);
  }

  async promote(
    workspaceId: WorkspaceId,
    name: string,
    version: number,
    overlapSeconds: number | undefined,
    actor: string,
  ): Promise<SecretView> {
    await this.#versions.promote(workspaceId, name, version, overlapSeconds, actor);
    return this.#changedView(workspaceId, name);
  }

  async retire(workspaceId: WorkspaceId, name: string, version: number, actor: string): Promise<SecretView> {
    await this.#versions.retire(workspaceId, name, version, actor);
    return this.#changedView(workspaceId, name);
  }

  async remove(workspaceId: WorkspaceId, name: string, actor: string): Promise<void> {
    await this.#versions.remove(workspaceId, name, actor);
    this.changed(workspaceId, name);
  }

  #changedView(workspaceId: WorkspaceId, name: string): Promise<SecretView> {
    this.changed(workspaceId, name);
    return this.#view(workspaceId, name);
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
    return new Secret(await this.#versions.open(workspaceId, name));
  }

  async openVersion(workspaceId: WorkspaceId, name: string, version: number): Promise<Secret> {
    return new Secret(await this.#versions.open(workspaceId, name, version));
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
    const value =
      ref.scheme === 'vault' ? await this.#versions.open(workspaceId, ref.name) : await this.#reader.read(ref);
    if (value.length < SHORTEST_SECRET)
      throw new CredentialUnavailable(`the credential has fewer than ${SHORTEST_SECRET} characters`);
    return new Secret(value);
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
