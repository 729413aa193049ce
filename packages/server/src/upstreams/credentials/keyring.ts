/** The key-encryption keys of all workspaces: which one wraps, and every one that anything still stands under. */
import type { KeyObject } from 'node:crypto';
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../../errors.ts';
import type { WorkspaceId } from '../../ids.ts';
import { AwsKmsKey } from './aws-kms.ts';
import { AZURE_KV, AzureKey, azureKeyName } from './azure-kv.ts';
import { GcpKmsKey } from './gcp-kms.ts';
import { type KeyProvider, keyFromText, LocalKey } from './key-provider.ts';
import type { CredentialReader } from './reader.ts';
import { TransitKey } from './transit.ts';
import { CredentialUnavailable } from './unavailable.ts';
import type { VaultClient } from './vault-client.ts';

/** Derived from secret.key: what a workspace uses that has set nothing else. */
export const DERIVED = 'derived';

const TRANSIT = /^transit:\/\/((?:[A-Za-z0-9._~-]+\/)*[A-Za-z0-9._~-]+)\/([A-Za-z0-9._~-]+)$/;
const AWS_KMS = /^aws-kms:\/\/([A-Za-z0-9:/_-]{1,256})$/;
const GCP_KMS =
  /^gcp-kms:\/\/(projects\/[A-Za-z0-9.:_-]+\/locations\/[a-z0-9-]+\/keyRings\/[A-Za-z0-9_-]+\/cryptoKeys\/[A-Za-z0-9_-]+)$/;
const ENV = /^env:\/\/([A-Za-z_][A-Za-z0-9_]{0,127})$/;
const FILE = /^file:\/\/([^\0]{1,1024})$/;

/** Throws `key_reference_invalid`. */
export function checkKeyReference(reference: string): void {
  const isFine =
    reference === DERIVED || [TRANSIT, AWS_KMS, AZURE_KV, GCP_KMS, ENV, FILE].some((form) => form.test(reference));
  if (isFine && !/(?:^|\/)\.{1,2}(?:\/|$)/.test(reference.replace(/^file:\/\//, ''))) return;
  throw new Failure(
    400,
    'key_reference_invalid',
    'The reference of the key-encryption key is not understood.',
    'Write derived, file://<path>, env://<VARIABLE>, transit://<mount>/<key>, aws-kms://<key id, alias or ARN>, azure-kv://<vault host>/<key> or gcp-kms://projects/…/cryptoKeys/<key>.',
  );
}

export class Keyring {
  readonly #derived: LocalKey;
  readonly #key: KeyObject;
  readonly #reader: CredentialReader;
  readonly #vault: VaultClient | undefined;
  readonly #services = new Map<string, KeyProvider>();

  constructor(derived: KeyObject, reader: CredentialReader, vault: VaultClient | undefined) {
    this.#derived = new LocalKey(DERIVED, derived);
    this.#key = derived;
    this.#reader = reader;
    this.#vault = vault;
  }

  /** Under which new versions of the workspace are put. */
  async current(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<KeyProvider> {
    const { rows } = await client.query<{ reference: string }>(
      "SELECT reference FROM key_encryption_keys WHERE workspace_id = $1 AND state = 'current'",
      [workspaceId],
    );
    return this.of(rows[0]?.reference ?? DERIVED);
  }

  /** Rejects with CredentialUnavailable when the key cannot be had. Keys in files are read anew each time. */
  async of(reference: string): Promise<KeyProvider> {
    if (reference === DERIVED) return this.#derived;
    const variable = ENV.exec(reference)?.[1];
    const path = FILE.exec(reference)?.[1];
    if (variable !== undefined) return localKey(reference, await this.#reader.read({ scheme: 'env', variable }));
    if (path !== undefined) return localKey(reference, await this.#reader.read({ scheme: 'file', path }));
    const known = this.#services.get(reference) ?? this.#service(reference);
    this.#services.set(reference, known);
    return known;
  }

  #service(reference: string): KeyProvider {
    const [, mount, transit] = TRANSIT.exec(reference) ?? [];
    if (mount !== undefined && transit !== undefined) {
      if (this.#vault === undefined) throw new CredentialUnavailable('the configuration names no Vault');
      return new TransitKey(this.#vault, mount, transit);
    }
    const keyId = AWS_KMS.exec(reference)?.[1];
    if (keyId !== undefined) return new AwsKmsKey(keyId);
    const azure = azureKeyName(reference);
    if (azure !== undefined) return new AzureKey(this.#key, azure);
    const name = GCP_KMS.exec(reference)?.[1];
    if (name !== undefined) return new GcpKmsKey(name);
    throw new CredentialUnavailable('the reference of the key is not understood');
  }
}

function localKey(reference: string, text: string): KeyProvider {
  const key = keyFromText(text);
  if (key === undefined) throw new CredentialUnavailable('the key is not 32 bytes in base64');
  return new LocalKey(reference, key);
}
