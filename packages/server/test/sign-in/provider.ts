/** An OpenID provider that says whatever a test tells it to: what no real one would. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { exportJWK, type JWTPayload, SignJWT } from 'jose';

export interface Saying {
  /** Over the claims of an ID token that would be right. Undefined takes a claim away. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  /** Signs instead of the provider's key. */
  readonly key?: KeyObject | Uint8Array;
  /** The ID token itself, made of the right claims. */
  readonly token?: (claims: JWTPayload) => string;
}

interface Issued {
  readonly nonce: string;
  readonly saying: Saying;
  readonly challenge: string;
}

interface Key {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export class MalleableProvider {
  readonly issuer: string;
  readonly clientId = 'hivekey';
  readonly clientSecret = 'client-secret-of-the-test';
  /** Replaces members of the metadata. */
  metadata: Record<string, unknown> = {};
  userinfo: Record<string, unknown> | undefined;
  /** Requests to the token endpoint. */
  readonly exchanges: { readonly headers: IncomingMessage['headers']; readonly body: URLSearchParams }[] = [];
  readonly #server: ReturnType<typeof createServer>;
  readonly #codes = new Map<string, Issued>();
  #keys: readonly Key[];

  private constructor(server: ReturnType<typeof createServer>, port: number) {
    this.#server = server;
    this.issuer = `http://127.0.0.1:${port}`;
    this.#keys = [newKey()];
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<MalleableProvider> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return new MalleableProvider(server, address.port);
  }

  get key(): Key {
    const key = this.#keys.at(-1);
    if (key === undefined) throw new Error('no key');
    return key;
  }

  /** The old key is published no more. */
  rotate(): Key {
    const old = this.key;
    this.#keys = [newKey()];
    return old;
  }

  /** What the provider does when the person has signed in there: gives a code for the authorization request. */
  grant(
    authorizationUrl: string,
    saying: Saying = {},
  ): { readonly code: string; readonly state: string; readonly nonce: string } {
    const query = new URL(authorizationUrl).searchParams;
    const code = randomBytes(16).toString('hex');
    const nonce = query.get('nonce') ?? '';
    this.#codes.set(code, { nonce, saying, challenge: query.get('code_challenge') ?? '' });
    return { code, state: query.get('state') ?? '', nonce };
  }

  sign(claims: JWTPayload, { header = {}, key }: Saying = {}): Promise<string> {
    const { kid, privateKey } = this.key;
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT', ...header }).sign(key ?? privateKey);
  }

  /** A logout token as it should be, with these members instead. */
  logoutToken(members: Readonly<Record<string, unknown>>, saying: Saying = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.issuer,
      aud: this.clientId,
      iat: now,
      exp: now + 120,
      jti: randomBytes(8).toString('hex'),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      ...members,
    };
    return this.sign(withoutUndefined(claims), { ...saying, header: { typ: 'logout+jwt', ...saying.header } });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.issuer);
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (pathname === '/.well-known/openid-configuration')
      return send(200, {
        issuer: this.issuer,
        authorization_endpoint: `${this.issuer}/authorize`,
        token_endpoint: `${this.issuer}/token`,
        jwks_uri: `${this.issuer}/jwks`,
        end_session_endpoint: `${this.issuer}/logout`,
        ...(this.userinfo === undefined ? {} : { userinfo_endpoint: `${this.issuer}/userinfo` }),
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
        authorization_response_iss_parameter_supported: true,
        ...this.metadata,
      });
    if (pathname === '/jwks')
      return send(200, {
        keys: await Promise.all(
          this.#keys.map(async ({ kid, publicKey }) => ({
            ...(await exportJWK(publicKey)),
            kid,
            use: 'sig',
            alg: 'RS256',
          })),
        ),
      });
    if (pathname === '/userinfo') return send(200, this.userinfo ?? {});
    if (pathname !== '/token') return send(404, {});
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = new URLSearchParams(Buffer.concat(chunks).toString());
    this.exchanges.push({ headers: request.headers, body });
    const issued = this.#codes.get(body.get('code') ?? '');
    if (issued === undefined) return send(400, { error: 'invalid_grant' });
    this.#codes.delete(body.get('code') ?? '');
    const now = Math.floor(Date.now() / 1000);
    const { saying, nonce } = issued;
    const claims = withoutUndefined({
      iss: this.issuer,
      aud: this.clientId,
      sub: 'dana-1',
      email: 'dana@acme.example',
      email_verified: true,
      name: 'Dana',
      iat: now,
      exp: now + 300,
      auth_time: now,
      sid: 'sid-1',
      nonce,
      ...saying.claims,
    });
    return send(200, {
      access_token: 'an-access-token',
      token_type: 'Bearer',
      id_token: saying.token?.(claims) ?? (await this.sign(claims, saying)),
    });
  }
}

function newKey(): Key {
  return { kid: randomBytes(4).toString('hex'), ...generateKeyPairSync('rsa', { modulusLength: 2048 }) };
}

function withoutUndefined(members: Readonly<Record<string, unknown>>): JWTPayload {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
