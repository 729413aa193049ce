/** The Vault that the configuration names. */
import { Failure } from '../../errors.ts';
import { parseAllowList } from '../address-guard.ts';
import { VaultClient } from './vault-client.ts';
import type { VaultMethod } from './vault-login.ts';

interface VaultConfig {
  readonly upstream_allow: readonly string[];
  readonly vault_addr?: string | undefined;
  readonly vault_namespace?: string | undefined;
  readonly vault_auth: VaultMethod['kind'];
  readonly vault_auth_mount?: string | undefined;
  readonly vault_token_path?: string | undefined;
  readonly vault_role_id?: string | undefined;
  readonly vault_secret_id_path?: string | undefined;
  readonly vault_secret_id_wrapped: boolean;
  readonly vault_role?: string | undefined;
  readonly vault_jwt_path: string;
}

/** Undefined where none is named. Throws `config_invalid`. Nothing is asked yet: a Vault that is away keeps nobody from starting. */
export function openVault(config: VaultConfig): VaultClient | undefined {
  const { vault_addr: address, vault_namespace: namespace } = config;
  if (address === undefined) return undefined;
  const settings = { address, method: methodOf(config), ...(namespace === undefined ? {} : { namespace }) };
  return new VaultClient(settings, { allow: parseAllowList(config.upstream_allow), allowPrivate: false });
}

function methodOf(config: VaultConfig): VaultMethod {
  const kind = config.vault_auth;
  switch (kind) {
    case 'token':
      return { kind, path: needed(config.vault_token_path, 'vault_token_path') };
    case 'approle':
      return {
        kind,
        mount: config.vault_auth_mount ?? kind,
        roleId: needed(config.vault_role_id, 'vault_role_id'),
        secretIdPath: needed(config.vault_secret_id_path, 'vault_secret_id_path'),
        isWrapped: config.vault_secret_id_wrapped,
      };
    case 'kubernetes':
      return {
        kind,
        mount: config.vault_auth_mount ?? kind,
        role: needed(config.vault_role, 'vault_role'),
        jwtPath: config.vault_jwt_path,
      };
  }
}

function needed(value: string | undefined, name: string): string {
  if (value !== undefined) return value;
  throw new Failure(
    500,
    'config_invalid',
    `The configuration is wrong: ${name} is not set, and vault_auth needs it.`,
    'See docs/guides/credentials.md for how HiveKey logs in to Vault.',
  );
}
