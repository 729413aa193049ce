/**
 * A symmetric key of Google Cloud KMS, by its REST API (v1). Only tokens come from Google's library, which an
 * installation that wants this adds itself: the full client brings gRPC for two calls.
 */
import type { GoogleAuth } from 'google-auth-library';
import { request } from 'undici';
import { type EnvelopeContext, keyContext } from '../envelope.ts';
import { readJson } from './json.ts';
import { type KeyProvider, rewrapHere } from './key-provider.ts';
import { CredentialUnavailable } from './unavailable.ts';

const ORIGIN = 'https://cloudkms.googleapis.com';
const SCOPE = 'https://www.googleapis.com/auth/cloudkms';
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 64 * 1024;

let auth: GoogleAuth | undefined;

/** As Google's tools find credentials: a file, a workload identity, the metadata service. */
async function accessToken(): Promise<string> {
  try {
    const { GoogleAuth } = await import('google-auth-library');
    auth ??= new GoogleAuth({ scopes: [SCOPE] });
    const token = await auth.getAccessToken();
    if (typeof token === 'string') return token;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')
      throw new CredentialUnavailable('Google Cloud KMS: google-auth-library is not installed');
  }
  throw new CredentialUnavailable('Google Cloud KMS: there are no credentials');
}

export class GcpKmsKey implements KeyProvider {
  readonly reference: string;
  readonly #url: string;

  /** `name`: `projects/P/locations/L/keyRings/R/cryptoKeys/K`. `origin` is another for tests. */
  constructor(name: string, origin = ORIGIN) {
    this.reference = `gcp-kms://${name}`;
    this.#url = `${origin}/v1/${name}`;
  }

  async wrap(dataKey: Buffer, context: EnvelopeContext): Promise<Buffer> {
    const plaintext = dataKey.toString('base64');
    return Buffer.from(await this.#ask('encrypt', { plaintext, ...bound(context) }, 'ciphertext'), 'base64');
  }

  async unwrap(wrapped: Buffer, context: EnvelopeContext): Promise<Buffer> {
    const ciphertext = wrapped.toString('base64');
    return Buffer.from(await this.#ask('decrypt', { ciphertext, ...bound(context) }, 'plaintext'), 'base64');
  }

  rewrap(wrapped: Buffer, context: EnvelopeContext): Promise<Buffer> {
    // Encrypts under the primary version of the key.
    return rewrapHere(this, wrapped, context);
  }

  async #ask(operation: 'encrypt' | 'decrypt', body: object, member: 'ciphertext' | 'plaintext'): Promise<string> {
    const token = await accessToken();
    let status: number;
    let answer: Readonly<Record<string, unknown>>;
    try {
      const response = await request(`${this.#url}:${operation}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      status = response.statusCode;
      answer = await readJson(response.body, MAX_BYTES);
    } catch {
      throw new CredentialUnavailable('Google Cloud KMS does not answer');
    }
    const value = answer[member];
    if (status === 200 && typeof value === 'string') return value;
    throw new CredentialUnavailable(`Google Cloud KMS refused to ${operation} (HTTP ${status})`);
  }
}

function bound(context: EnvelopeContext): { readonly additionalAuthenticatedData: string } {
  return { additionalAuthenticatedData: keyContext(context).toString('base64') };
}
