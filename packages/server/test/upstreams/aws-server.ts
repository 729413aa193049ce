/** AWS KMS and Secrets Manager as their clients speak to them: JSON 1.1 over POST, named by X-Amz-Target. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

export const KEY_ARN = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';

export interface LocalAws extends AsyncDisposable {
  readonly url: string;
  /** Targets, in order. */
  readonly asked: string[];
  readonly secrets: Map<string, string>;
  denied: boolean;
}

interface Asked {
  readonly KeyId?: string;
  readonly SecretId?: string;
  readonly Plaintext?: string;
  readonly CiphertextBlob?: string;
  readonly EncryptionContext?: Record<string, string>;
  readonly SourceEncryptionContext?: Record<string, string>;
  readonly DestinationEncryptionContext?: Record<string, string>;
}

export async function startAws(): Promise<LocalAws> {
  const key = randomBytes(32);
  const asked: string[] = [];
  const secrets = new Map<string, string>();
  const state = { denied: false };
  const aad = (context: Record<string, string> = {}): Buffer =>
    Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))));
  const encrypt = (plain: Buffer, context?: Record<string, string>): string => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
    cipher.setAAD(aad(context));
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64');
  };
  const decrypt = (blob: string, context?: Record<string, string>): Buffer => {
    const sealed = Buffer.from(blob, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 });
    decipher.setAAD(aad(context));
    decipher.setAuthTag(sealed.subarray(-16));
    return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
  };
  const answer = (target: string, body: Asked): object => {
    if (target === 'secretsmanager.GetSecretValue') {
      const SecretString = secrets.get(body.SecretId ?? '');
      if (SecretString === undefined) throw Object.assign(new Error(), { type: 'ResourceNotFoundException' });
      return { Name: body.SecretId, SecretString, VersionStages: ['AWSCURRENT'] };
    }
    if (state.denied) throw Object.assign(new Error(), { type: 'AccessDeniedException' });
    switch (target) {
      case 'TrentService.Encrypt':
        return {
          KeyId: KEY_ARN,
          CiphertextBlob: encrypt(Buffer.from(body.Plaintext ?? '', 'base64'), body.EncryptionContext),
        };
      case 'TrentService.Decrypt':
        return {
          KeyId: KEY_ARN,
          Plaintext: decrypt(body.CiphertextBlob ?? '', body.EncryptionContext).toString('base64'),
        };
      case 'TrentService.ReEncrypt': {
        const plain = decrypt(body.CiphertextBlob ?? '', body.SourceEncryptionContext);
        return { KeyId: KEY_ARN, CiphertextBlob: encrypt(plain, body.DestinationEncryptionContext) };
      }
      default:
        throw Object.assign(new Error(), { type: 'UnknownOperationException' });
    }
  };
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const target = String(req.headers['x-amz-target']);
    asked.push(target);
    const json = (status: number, body: object) =>
      res.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    if (
      !/^AWS4-HMAC-SHA256 Credential=AKIATEST\/\d{8}\/eu-central-1\/(kms|secretsmanager)\/aws4_request, /.test(
        req.headers.authorization ?? '',
      )
    )
      return json(403, { __type: 'IncompleteSignatureException' });
    try {
      json(200, answer(target, JSON.parse(Buffer.concat(chunks).toString())));
    } catch (error) {
      const type = error instanceof Error && 'type' in error ? error.type : 'InvalidCiphertextException';
      json(400, { __type: type, message: 'no' });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    asked,
    secrets,
    get denied() {
      return state.denied;
    },
    set denied(value) {
      state.denied = value;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
