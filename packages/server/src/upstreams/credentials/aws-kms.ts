/** A symmetric key of AWS KMS, by the official client, which an installation that wants it adds itself. */
import type { KMSClient } from '@aws-sdk/client-kms';
import type { EnvelopeContext } from '../envelope.ts';
import { awsProblem } from './aws-secrets.ts';
import type { KeyProvider } from './key-provider.ts';
import { CredentialUnavailable } from './unavailable.ts';

const TIMEOUT_MS = 5_000;

let client: KMSClient | undefined;

/** Region and credentials are found as the AWS tools find them. */
async function kms(): Promise<{ readonly sdk: typeof import('@aws-sdk/client-kms'); readonly client: KMSClient }> {
  const sdk = await import('@aws-sdk/client-kms');
  client ??= new sdk.KMSClient({});
  return { sdk, client };
}

export class AwsKmsKey implements KeyProvider {
  readonly reference: string;
  readonly #keyId: string;

  constructor(keyId: string) {
    this.reference = `aws-kms://${keyId}`;
    this.#keyId = keyId;
  }

  wrap(dataKey: Buffer, context: EnvelopeContext): Promise<Buffer> {
    return bytesOf(async () => {
      const { sdk, client } = await kms();
      const command = new sdk.EncryptCommand({
        KeyId: this.#keyId,
        Plaintext: dataKey,
        EncryptionContext: encryptionContext(context),
      });
      return (await client.send(command, { abortSignal: AbortSignal.timeout(TIMEOUT_MS) })).CiphertextBlob;
    });
  }

  unwrap(wrapped: Buffer, context: EnvelopeContext): Promise<Buffer> {
    return bytesOf(async () => {
      const { sdk, client } = await kms();
      const command = new sdk.DecryptCommand({
        KeyId: this.#keyId,
        CiphertextBlob: wrapped,
        EncryptionContext: encryptionContext(context),
      });
      return (await client.send(command, { abortSignal: AbortSignal.timeout(TIMEOUT_MS) })).Plaintext;
    });
  }

  rewrap(wrapped: Buffer, context: EnvelopeContext): Promise<Buffer> {
    return bytesOf(async () => {
      const { sdk, client } = await kms();
      const command = new sdk.ReEncryptCommand({
        CiphertextBlob: wrapped,
        SourceKeyId: this.#keyId,
        SourceEncryptionContext: encryptionContext(context),
        DestinationKeyId: this.#keyId,
        DestinationEncryptionContext: encryptionContext(context),
      });
      return (await client.send(command, { abortSignal: AbortSignal.timeout(TIMEOUT_MS) })).CiphertextBlob;
    });
  }
}

/** Stands in CloudTrail in the clear: it says whose secret was opened, and nothing of it. */
function encryptionContext({ workspaceId, name, version }: EnvelopeContext): Record<string, string> {
  return { workspace: workspaceId, name, version: String(version) };
}

async function bytesOf(ask: () => Promise<Uint8Array | undefined>): Promise<Buffer> {
  try {
    const bytes = await ask();
    if (bytes !== undefined) return Buffer.from(bytes);
  } catch (error) {
    throw new CredentialUnavailable(`AWS KMS: ${awsProblem(error)}`);
  }
  throw new CredentialUnavailable('AWS KMS gave no bytes');
}
