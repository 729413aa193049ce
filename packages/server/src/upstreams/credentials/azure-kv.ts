/**
 * An RSA key of Azure Key Vault or Managed HSM, by its REST API. What RSA wraps is bound to nothing and anybody may make it,
 * who has the public key: so the data key is sealed under the derived key before, together with its place.
 */
import type { KeyObject } from 'node:crypto';
import { request } from 'undici';
import { type EnvelopeContext, unwrapDataKey, wrapDataKey } from '../envelope.ts';
import { azureToken, forgetAzureToken } from './azure-token.ts';
import { readJson, recordOf } from './json.ts';
import { type KeyProvider, rewrapHere } from './key-provider.ts';
import { CredentialUnavailable } from './unavailable.ts';

const VERSION = 'api-version=7.4';
const ALGORITHM = 'RSA-OAEP-256';
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 64 * 1024;

/** Hosts of vaults are Microsoft's: tokens are sent to no other. The rest of the name is what tokens are for. */
export const AZURE_KV =
  /^azure-kv:\/\/([A-Za-z0-9-]{3,24}\.(vault\.azure\.net|vault\.azure\.cn|vault\.usgovcloudapi\.net|managedhsm\.azure\.net))\/([A-Za-z0-9-]{1,127})$/;
/** `<version of the key>.<wrapped, base64url>` */
const WRAPPED = /^([0-9a-zA-Z]{1,64})\.([A-Za-z0-9_-]+)$/;

export interface AzureKeyName {
  readonly host: string;
  /** What access tokens are for, e.g. `https://vault.azure.net`. */
  readonly resource: string;
  readonly key: string;
}

export function azureKeyName(reference: string): AzureKeyName | undefined {
  const [, host, service, key] = AZURE_KV.exec(reference) ?? [];
  if (host === undefined || service === undefined || key === undefined) return undefined;
  return { host, resource: `https://${service}`, key };
}

export class AzureKey implements KeyProvider {
  readonly reference: string;
  readonly #derived: KeyObject;
  readonly #resource: string;
  readonly #url: string;

  /** `origin` is another for tests. */
  constructor(derived: KeyObject, { host, resource, key }: AzureKeyName, origin = `https://${host}`) {
    this.reference = `azure-kv://${host}/${key}`;
    this.#derived = derived;
    this.#resource = resource;
    this.#url = `${origin}/keys/${key}`;
  }

  async wrap(dataKey: Buffer, context: EnvelopeContext): Promise<Buffer> {
    const version = await this.#newest();
    const sealed = wrapDataKey(this.#derived, context, dataKey);
    return Buffer.from(`${version}.${await this.#operate('wrapkey', version, sealed.toString('base64url'))}`, 'utf8');
  }

  async unwrap(wrapped: Buffer, context: EnvelopeContext): Promise<Buffer> {
    const [, version, value] = WRAPPED.exec(wrapped.toString('utf8')) ?? [];
    if (version === undefined || value === undefined)
      throw new CredentialUnavailable('the wrapped key is none of Azure Key Vault');
    const sealed = Buffer.from(await this.#operate('unwrapkey', version, value), 'base64url');
    return unwrapDataKey(this.#derived, context, sealed);
  }

  rewrap(wrapped: Buffer, context: EnvelopeContext): Promise<Buffer> {
    return rewrapHere(this, wrapped, context);
  }

  /** The version that the key has now; what it wraps is unwrapped by the same. */
  async #newest(): Promise<string> {
    const { kid } = recordOf((await this.#ask('GET', '')).key);
    const version = typeof kid === 'string' ? /\/([0-9a-zA-Z]{1,64})$/.exec(kid)?.[1] : undefined;
    if (version !== undefined) return version;
    throw new CredentialUnavailable('Azure Key Vault does not say which version the key has');
  }

  async #operate(operation: 'wrapkey' | 'unwrapkey', version: string, value: string): Promise<string> {
    const answer = await this.#ask('POST', `/${version}/${operation}`, { alg: ALGORITHM, value });
    if (typeof answer.value === 'string') return answer.value;
    throw new CredentialUnavailable('Azure Key Vault gave no value');
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
    const token = await azureToken(this.#resource);
    let status: number;
    let answer: Readonly<Record<string, unknown>>;
    try {
      const response = await request(`${this.#url}${path}?${VERSION}`, {
        method,
        headers: { authorization: `Bearer ${token.reveal()}`, 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      status = response.statusCode;
      answer = await readJson(response.body, MAX_BYTES);
    } catch {
      throw new CredentialUnavailable('Azure Key Vault does not answer');
    }
    if (status === 200) return answer;
    if (status === 401) forgetAzureToken(this.#resource);
    throw new CredentialUnavailable(`Azure Key Vault refused (HTTP ${status})`);
  }
}
