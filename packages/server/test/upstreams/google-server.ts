/** Google's metadata service and Cloud KMS (REST, v1) as far as HiveKey uses them. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

export async function startGoogle(): Promise<AsyncDisposable & { readonly host: string }> {
  const key = randomBytes(32);
  const token = `ya29.${randomBytes(16).toString('hex')}`;
  const kms = (operation: string, body: Record<string, string>): object | undefined => {
    const additional = Buffer.from(body.additionalAuthenticatedData ?? '', 'base64');
    if (operation === 'encrypt') {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
      cipher.setAAD(additional);
      const sealed = [
        nonce,
        cipher.update(Buffer.from(body.plaintext ?? '', 'base64')),
        cipher.final(),
        cipher.getAuthTag(),
      ];
      return { name: 'projects/…/cryptoKeyVersions/1', ciphertext: Buffer.concat(sealed).toString('base64') };
    }
    const sealed = Buffer.from(body.ciphertext ?? '', 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 });
    decipher.setAAD(additional);
    decipher.setAuthTag(sealed.subarray(-16));
    try {
      const plain = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
      return { plaintext: plain.toString('base64') };
    } catch {
      return undefined;
    }
  };
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const json = (status: number, body: object) =>
      res
        .writeHead(status, { 'content-type': 'application/json', 'metadata-flavor': 'Google' })
        .end(JSON.stringify(body));
    const { url = '' } = req;
    if (url.startsWith('/computeMetadata/v1/') && req.headers['metadata-flavor'] !== 'Google') return json(403, {});
    if (url.includes('/service-accounts/default/token'))
      return json(200, { access_token: token, expires_in: 3600, token_type: 'Bearer' });
    if (url.startsWith('/computeMetadata/v1/universe')) return json(404, {});
    if (url.startsWith('/computeMetadata/v1')) return json(200, {});
    if (req.headers.authorization !== `Bearer ${token}`) return json(401, { error: { code: 401 } });
    const operation = /^\/v1\/projects\/p\/locations\/global\/keyRings\/r\/cryptoKeys\/k:(encrypt|decrypt)$/.exec(
      url,
    )?.[1];
    if (operation === undefined) return json(404, { error: { code: 404 } });
    const answer = kms(operation, JSON.parse(Buffer.concat(chunks).toString()));
    return answer === undefined ? json(400, { error: { code: 400, status: 'INVALID_ARGUMENT' } }) : json(200, answer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    host: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
