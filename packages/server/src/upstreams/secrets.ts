/** The credential store: own encrypted secrets, and credentials resolved from the environment or files. */
import type { KeyObject } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import type { Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog, LoggedTransaction } from '../log/index.ts';
import { Secret } from '../secret.ts';
import { type CredentialRef, checkSecretName, isOwnName, parseCredentialRef } from './credential-ref.ts';
import { openEnvelope, sealEnvelope } from './envelope.ts';
import { SHORTEST_SECRET } from './scrub.ts';

/** A resolved credential is kept in memory this long at most; a new version drops it at once. */
const CACHE_MS = 60_000;
const MAX_BYTES = 64 * 1024;
/** The last four characters are shown only of a value that they do not give away. */
const SHOWN_FROM = 16;

/** API shape of a stored secret. The value is never given out. */
export interface SecretView {
  readonly object: 'secret';
  readonly name: string;
  readonly version: number;
  readonly last4: string;
  /** Epoch seconds. */
  readonly created: number;
  readonly created_by: string;
}

/** The credential cannot be had: not there, not allowed, unreadable. `message` never repeats a value. */
class CredentialUnavailable extends Error {
  readonly code = 'credential_unavailable';
}

export interface SecretStore {
  /** Stores a new version and its record. Throws `secret_name_invalid`, `secret_invalid`. */
  putSecret(workspaceId: WorkspaceId, name: string, value: string, actor: string): Promise<SecretView>;
  /** The same inside a transaction that is under way; call `changed` after it has committed. `name` may be one of our own. */
  putSecretIn(
    transaction: LoggedTransaction,
    workspaceId: WorkspaceId,
    name: string,
    value: string,
    actor: string,
  ): Promise<SecretView>;
  /** Newest version of each that people may name, by name. */
  listSecrets(workspaceId: WorkspaceId): Promise<readonly SecretView[]>;
  /** The value behind a reference. Rejects with CredentialUnavailable. The same object while nothing changed. */
  resolve(workspaceId: WorkspaceId, ref: string): Promise<Secret>;
  /** A secret under a name of our own. Rejects with CredentialUnavailable. */
  openOwn(workspaceId: WorkspaceId, name: string): Promise<Secret>;
  /** Forgets what was resolved; without a name everything of the workspace, without a workspace everything. */
  changed(workspaceId?: WorkspaceId, name?: string): void;
  /** Told after `changed`. Returns an unsubscribe. */
  onChange(listener: (workspaceId?: WorkspaceId, name?: string) => void): () => void;
}

export interface SecretStoreOptions {
  readonly pool: Pool;
  readonly log: ActionLog;
  /** Wraps data keys; 32 bytes. */
  readonly key: KeyObject;
  readonly config: {
    /** Variables that `env://` may read. */
    readonly upstream_env: readonly string[];
    /** Folder below which `file://` may read. */
    readonly upstream_files?: string | undefined;
  };
  /** Epoch milliseconds. */
  readonly clock?: () => number;
  readonly environment?: NodeJS.ProcessEnv;
}

export function createSecretStore(options: SecretStoreOptions): SecretStore {
  return new Store(options);
}

interface SecretRow {
  name: string;
  version: number;
  last4: string;
  created_at: Date;
  created_by: string;
}

interface Resolved {
  readonly secret: Promise<Secret>;
  readonly until: number;
}

class Store implements SecretStore {
  readonly #options: SecretStoreOptions;
  readonly #clock: () => number;
  /** By workspace, then by reference. */
  readonly #resolved = new Map<WorkspaceId, Map<string, Resolved>>();
  readonly #listeners = new Set<(workspaceId?: WorkspaceId, name?: string) => void>();

  constructor(options: SecretStoreOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
  }

  async putSecret(workspaceId: WorkspaceId, name: string, value: string, actor: string): Promise<SecretView> {
    checkSecretName(name);
    checkValue(value);
    const view = await this.#options.log.transact(workspaceId, (transaction) =>
      this.putSecretIn(transaction, workspaceId, name, value, actor),
    );
    this.changed(workspaceId, name);
    return view;
  }

  async putSecretIn(
    transaction: LoggedTransaction,
    workspaceId: WorkspaceId,
    name: string,
    value: string,
    actor: string,
  ): Promise<SecretView> {
    if (!isOwnName(name)) checkSecretName(name);
    checkValue(value);
    const { client, now } = transaction;
    // Two writers of one name get two versions, one after the other.
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended('secret ' || $1 || ' ' || $2, 0))", [
      workspaceId,
      name,
    ]);
    const { rows } = await client.query<{ version: number }>(
      'SELECT coalesce(max(version), 0) + 1 AS version FROM upstream_secrets WHERE workspace_id = $1 AND name = $2',
      [workspaceId, name],
    );
    const version = rows[0]?.version ?? 1;
    const { wrappedKey, ciphertext } = sealEnvelope(this.#options.key, { workspaceId, name, version }, value);
    const last4 = value.length >= SHOWN_FROM ? value.slice(-4) : '****';
    await client.query(
      `INSERT INTO upstream_secrets (workspace_id, name, version, wrapped_key, ciphertext, last4, created_by, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [workspaceId, name, version, wrappedKey, ciphertext, last4, actor, now],
    );
    transaction.log({
      kind: 'server.changed',
      actor,
      change: 'credential_stored',
      credential: isOwnName(name) ? name : `vault://${name}`,
      credential_version: version,
    });
    return viewOf({ name, version, last4, created_at: now, created_by: actor });
  }

  async listSecrets(workspaceId: WorkspaceId): Promise<readonly SecretView[]> {
    const { rows } = await this.#options.pool.query<SecretRow>(
      `SELECT DISTINCT ON (name) name, version, last4, created_at, created_by FROM upstream_secrets
        WHERE workspace_id = $1 AND position(':' IN name) = 0 ORDER BY name, version DESC`,
      [workspaceId],
    );
    return rows.map(viewOf);
  }

  async openOwn(workspaceId: WorkspaceId, name: string): Promise<Secret> {
    if (!isOwnName(name)) throw new CredentialUnavailable('that is not a name of our own');
    return new Secret(await this.#fromVault(workspaceId, name));
  }

  resolve(workspaceId: WorkspaceId, ref: string): Promise<Secret> {
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
      ref.scheme === 'vault'
        ? await this.#fromVault(workspaceId, ref.name)
        : ref.scheme === 'env'
          ? this.#fromEnvironment(ref.variable)
          : await this.#fromFile(ref.path);
    if (value.length < SHORTEST_SECRET)
      throw new CredentialUnavailable(`the credential has fewer than ${SHORTEST_SECRET} characters`);
    return new Secret(value);
  }

  async #fromVault(workspaceId: WorkspaceId, name: string): Promise<string> {
    const { rows } = await this.#options.pool
      .query<{ version: number; wrapped_key: Buffer; ciphertext: Buffer }>({
        name: 'secret-newest',
        text: `SELECT version, wrapped_key, ciphertext FROM upstream_secrets
                WHERE workspace_id = $1 AND name = $2 ORDER BY version DESC LIMIT 1`,
        values: [workspaceId, name],
      })
      .catch(() => {
        throw new CredentialUnavailable('the credential store cannot be read');
      });
    const row = rows[0];
    if (row === undefined) throw new CredentialUnavailable(`there is no secret ${name}`);
    const { version, wrapped_key: wrappedKey, ciphertext } = row;
    try {
      return openEnvelope(this.#options.key, { workspaceId, name, version }, { wrappedKey, ciphertext });
    } catch {
      throw new CredentialUnavailable(`the secret ${name} cannot be opened with this server's key`);
    }
  }

  #fromEnvironment(variable: string): string {
    if (!this.#options.config.upstream_env.includes(variable))
      throw new CredentialUnavailable(`the configuration does not allow env://${variable}`);
    const value = (this.#options.environment ?? process.env)[variable];
    if (value === undefined) throw new CredentialUnavailable(`the variable ${variable} is not set`);
    return value;
  }

  /** Below the configured folder only, also after symbolic links. One trailing newline is not part of the value. */
  async #fromFile(path: string): Promise<string> {
    const folder = this.#options.config.upstream_files;
    if (folder === undefined) throw new CredentialUnavailable('the configuration does not allow file:// credentials');
    try {
      const base = await realpath(folder);
      const file = await realpath(path.startsWith('/') ? resolve(path) : join(base, path));
      const within = relative(base, file);
      if (within === '' || within === '..' || within.startsWith(`..${sep}`)) throw new Error('outside');
      const { size } = await stat(file);
      if (size > MAX_BYTES) throw new Error('too large');
      return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
    } catch {
      throw new CredentialUnavailable('the file of the credential cannot be read, or is not in the configured folder');
    }
  }

  changed(workspaceId?: WorkspaceId, name?: string): void {
    if (workspaceId === undefined) this.#resolved.clear();
    else if (name === undefined) this.#resolved.delete(workspaceId);
    else this.#resolved.get(workspaceId)?.delete(`vault://${name}`);
    for (const listener of this.#listeners) listener(workspaceId, name);
  }

  onChange(listener: (workspaceId?: WorkspaceId, name?: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function checkValue(value: string): void {
  if (value.length >= SHORTEST_SECRET && Buffer.byteLength(value) <= MAX_BYTES && value.isWellFormed()) return;
  throw new Failure(
    400,
    'secret_invalid',
    `The value of the secret has fewer than ${SHORTEST_SECRET} characters, more than ${MAX_BYTES} bytes, or broken characters.`,
    'Give the credential exactly as the upstream issued it.',
  );
}

function viewOf({ name, version, last4, created_at, created_by }: SecretRow): SecretView {
  const created = Math.floor(created_at.getTime() / 1000);
  return { object: 'secret', name, version, last4, created, created_by };
}
