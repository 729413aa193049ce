/** Reads credentials where they are kept outside: only where the configuration allows it. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import type { CredentialRef } from '../credential-ref.ts';
import { readAwsSecret } from './aws-secrets.ts';
import { CredentialUnavailable } from './unavailable.ts';
import type { VaultKv } from './vault-kv.ts';

export const MAX_SECRET_BYTES = 64 * 1024;

/** What the configuration lets references name. */
export interface ReadableCredentials {
  /** Variables that `env://` may read. */
  readonly upstream_env: readonly string[];
  /** Folder below which `file://` may read. */
  readonly upstream_files?: string | undefined;
  /** Mounts, or paths in them, below which `hashicorp://` may read. */
  readonly vault_paths?: readonly string[] | undefined;
  /** Beginnings of the names or ARNs that `aws-sm://` may read. */
  readonly aws_secrets?: readonly string[] | undefined;
}

export type OutsideRef = Exclude<CredentialRef, { readonly scheme: 'vault' }>;

export class CredentialReader {
  readonly #allowed: ReadableCredentials;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #kv: VaultKv | undefined;

  constructor(allowed: ReadableCredentials, environment: NodeJS.ProcessEnv, kv: VaultKv | undefined) {
    this.#allowed = allowed;
    this.#environment = environment;
    this.#kv = kv;
  }

  /** Rejects with CredentialUnavailable. */
  async read(ref: OutsideRef): Promise<string> {
    switch (ref.scheme) {
      case 'env':
        return this.#fromEnvironment(ref.variable);
      case 'file':
        return this.#fromFile(ref.path);
      case 'hashicorp': {
        const { vault_paths: paths = [] } = this.#allowed;
        if (this.#kv === undefined) throw new CredentialUnavailable('the configuration names no Vault');
        if (!paths.some((path) => ref.path === path || ref.path.startsWith(`${path.replace(/\/$/, '')}/`)))
          throw new CredentialUnavailable('the configuration does not allow this path of Vault');
        return this.#kv.read(ref);
      }
      case 'aws-sm': {
        const { aws_secrets: beginnings = [] } = this.#allowed;
        if (!beginnings.some((beginning) => ref.id.startsWith(beginning)))
          throw new CredentialUnavailable('the configuration does not allow this secret of AWS');
        return readAwsSecret(ref);
      }
    }
  }

  #fromEnvironment(variable: string): string {
    if (!this.#allowed.upstream_env.includes(variable))
      throw new CredentialUnavailable(`the configuration does not allow env://${variable}`);
    const value = this.#environment[variable];
    if (value === undefined) throw new CredentialUnavailable(`the variable ${variable} is not set`);
    return value;
  }

  /** Below the configured folder only, also after symbolic links. One trailing newline is not part of the value. */
  async #fromFile(path: string): Promise<string> {
    const folder = this.#allowed.upstream_files;
    if (folder === undefined) throw new CredentialUnavailable('the configuration does not allow file:// credentials');
    try {
      const base = await realpath(folder);
      const file = await realpath(path.startsWith('/') ? resolve(path) : join(base, path));
      const within = relative(base, file);
      if (within === '' || within === '..' || within.startsWith(`..${sep}`)) throw new Error('outside');
      const { size } = await stat(file);
      if (size > MAX_SECRET_BYTES) throw new Error('too large');
      return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
    } catch {
      throw new CredentialUnavailable('the file of the credential cannot be read, or is not in the configured folder');
    }
  }
}
