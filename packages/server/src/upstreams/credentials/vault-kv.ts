/** Secrets of Vault's key-value engine, version 1 and 2. */
import { recordOf } from './json.ts';
import { CredentialUnavailable } from './unavailable.ts';
import type { VaultClient } from './vault-client.ts';
import { type VaultAnswer, vaultPath } from './vault-protocol.ts';

export interface KvReference {
  /** Mount and path, `kv/crm/key`. */
  readonly path: string;
  /** Without it the secret must have a single field. */
  readonly field?: string | undefined;
  /** Of version 2; the newest without it. */
  readonly version?: number | undefined;
}

interface Mount {
  /** With a slash at its end. */
  readonly path: string;
  readonly isVersioned: boolean;
}

/** Engines change version once in their life, if ever. */
const MOUNT_MS = 600_000;

export class VaultKv {
  readonly #client: VaultClient;
  readonly #clock: () => number;
  readonly #mounts = new Map<string, { readonly mount: Mount; readonly until: number }>();

  constructor(client: VaultClient, clock: () => number = Date.now) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Rejects with CredentialUnavailable. */
  async read({ path, field, version }: KvReference): Promise<string> {
    const mount = await this.#mountOf(path);
    const below = vaultPath(path.slice(mount.path.length));
    if (!mount.isVersioned && version !== undefined)
      throw new CredentialUnavailable('the engine keeps no versions of its secrets');
    const at = version === undefined ? '' : `?version=${version}`;
    const answer = await this.#client.call(
      'GET',
      `${vaultPath(mount.path.slice(0, -1))}/${mount.isVersioned ? `data/${below}${at}` : below}`,
    );
    if (answer.status !== 200) throw refusal(answer);
    const data = recordOf(answer.body.data);
    const fields = mount.isVersioned ? recordOf(data.data) : data;
    const names = Object.keys(fields);
    const name = field ?? (names.length === 1 ? names[0] : undefined);
    if (name === undefined) throw new CredentialUnavailable('the secret has several fields; name one as path#field');
    const value = fields[name];
    if (typeof value === 'string') return value;
    throw new CredentialUnavailable('the secret has no such field, or it is not a text');
  }

  /** As the Vault command line finds it: any token that may use the path may ask this. */
  async #mountOf(path: string): Promise<Mount> {
    for (const { mount, until } of this.#mounts.values())
      if (path.startsWith(mount.path) && this.#clock() < until) return mount;
    const answer = await this.#client.call('GET', `sys/internal/ui/mounts/${vaultPath(path)}`);
    if (answer.status !== 200) throw refusal(answer);
    const data = recordOf(answer.body.data);
    const { path: mountPath } = data;
    if (typeof mountPath !== 'string' || !mountPath.endsWith('/') || !path.startsWith(mountPath))
      throw new CredentialUnavailable('Vault does not say where the engine is');
    const mount = { path: mountPath, isVersioned: recordOf(data.options).version === '2' };
    this.#mounts.set(mountPath, { mount, until: this.#clock() + MOUNT_MS });
    return mount;
  }
}

function refusal({ status }: VaultAnswer): CredentialUnavailable {
  return new CredentialUnavailable(
    status === 404
      ? 'Vault has no such secret, or this version of it is deleted'
      : `Vault refused to give the secret (HTTP ${status})`,
  );
}
