/** Microsoft Entra's token endpoint, the metadata service of a machine, and Azure Key Vault (REST, 7.4) as far as HiveKey uses them. */
import { constants, generateKeyPairSync, privateDecrypt, publicEncrypt, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

export interface AzureServer extends AsyncDisposable {
  readonly origin: string;
  /** How tokens were asked for. */
  readonly asked: string[];
  /** A new version of the key. */
  rotate(): void;
}

const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const;

export async function startAzure(): Promise<AzureServer> {
  const versions = new Map<string, ReturnType<typeof newKey>>();
  const rotate = () => void versions.set(randomBytes(16).toString('hex'), newKey());
  rotate();
  const asked: string[] = [];
  const token = `eyJ.${randomBytes(16).toString('hex')}`;
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const json = (status: number, body: object) =>
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const { pathname, searchParams } = new URL(req.url ?? '', 'http://azure.invalid');
    if (pathname === '/tenant-1/oauth2/v2.0/token') {
      const form = new URLSearchParams(text);
      const isFine =
        form.get('client_id') === 'client-1' &&
        form.get('scope') === 'https://vault.azure.net/.default' &&
        (form.get('client_secret') === 'a-client-secret' || form.get('client_assertion') === 'a.federated.token');
      asked.push(form.has('client_secret') ? 'secret' : 'assertion');
      return isFine
        ? json(200, { token_type: 'Bearer', expires_in: 3599, access_token: token })
        : json(401, { error: 'invalid_client' });
    }
    if (pathname === '/metadata/identity/oauth2/token') {
      asked.push('machine');
      if (req.headers.metadata !== 'true' || searchParams.get('resource') !== 'https://vault.azure.net')
        return json(400, {});
      const expires_on = String(Math.floor(Date.now() / 1000) + 3600);
      return json(200, { access_token: token, expires_on, token_type: 'Bearer' });
    }
    if (req.headers.authorization !== `Bearer ${token}`) return json(401, { error: { code: 'Unauthorized' } });
    if (searchParams.get('api-version') !== '7.4') return json(400, {});
    const [newest = ''] = [...versions.keys()].slice(-1);
    if (req.method === 'GET' && pathname === '/keys/hivekey')
      return json(200, { key: { kid: `https://acme.vault.azure.net/keys/hivekey/${newest}`, kty: 'RSA' } });
    const [, version = '', operation] = /^\/keys\/hivekey\/(\w+)\/(wrapkey|unwrapkey)$/.exec(pathname) ?? [];
    const key = versions.get(version);
    if (key === undefined) return json(404, { error: { code: 'KeyNotFound' } });
    const { alg, value } = JSON.parse(text);
    if (alg !== 'RSA-OAEP-256') return json(400, {});
    const bytes = Buffer.from(value, 'base64url');
    try {
      const result =
        operation === 'wrapkey'
          ? publicEncrypt({ key: key.publicKey, ...padding }, bytes)
          : privateDecrypt({ key: key.privateKey, ...padding }, bytes);
      return json(200, {
        kid: `https://acme.vault.azure.net/keys/hivekey/${version}`,
        value: result.toString('base64url'),
      });
    } catch {
      return json(400, { error: { code: 'BadParameter' } });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    origin: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    asked,
    rotate,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function newKey() {
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}
