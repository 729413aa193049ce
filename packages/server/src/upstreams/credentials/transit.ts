/** A key of the transit engine of Vault or OpenBao: the data keys go there, the key itself never leaves. */
import { type EnvelopeContext, keyContext } from '../envelope.ts';
import { recordOf } from './json.ts';
import { type KeyProvider, rewrapHere } from './key-provider.ts';
import { CredentialUnavailable } from './unavailable.ts';
import type { VaultClient } from './vault-client.ts';
import { vaultPath } from './vault-protocol.ts';

export class TransitKey implements KeyProvider {
  readonly reference: string;
  readonly #client: VaultClient;
  readonly #mount: string;
  readonly #name: string;

  constructor(client: VaultClient, mount: string, name: string) {
    this.reference = `transit://${mount}/${name}`;
    this.#client = client;
    this.#mount = vaultPath(mount);
    this.#name = encodeURIComponent(name);
  }

  async wrap(dataKey: Buffer, context: EnvelopeContext): Promise<Buffer> {
    const plaintext = dataKey.toString('base64');
    return Buffer.from(await this.#ask('encrypt', { plaintext, ...bound(context) }, 'ciphertext'), 'utf8');
  }

  async unwrap(wrapped: Buffer, context: EnvelopeContext): Promise<Buffer> {
    const ciphertext = wrapped.toString('utf8');
    return Buffer.from(await this.#ask('decrypt', { ciphertext, ...bound(context) }, 'plaintext'), 'base64');
  }

  rewrap(wrapped: Buffer, context: EnvelopeContext): Promise<Buffer> {
    // `transit/rewrap` is not documented to take associated data.
    return rewrapHere(this, wrapped, context);
  }

  async #ask(operation: 'encrypt' | 'decrypt', body: object, member: 'ciphertext' | 'plaintext'): Promise<string> {
    const answer = await this.#client.call('POST', `${this.#mount}/${operation}/${this.#name}`, body);
    const value = recordOf(answer.body.data)[member];
    if (answer.status === 200 && typeof value === 'string') return value;
    throw new CredentialUnavailable(`the transit key refused to ${operation} (HTTP ${answer.status})`);
  }
}

/** Only keys of an AEAD type, such as the default aes256-gcm96, take it; others are refused by the health check. */
function bound(context: EnvelopeContext): { readonly associated_data: string } {
  return { associated_data: keyContext(context).toString('base64') };
}
