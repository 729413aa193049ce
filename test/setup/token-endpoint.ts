/** A certified OpenID provider from npm, as the authorization server that gives upstream tokens to HiveKey. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Provider } from 'oidc-provider';

export interface TokenEndpoint extends AsyncDisposable {
  readonly issuer: string;
  readonly url: string;
  /** Requests for a token so far. */
  readonly asked: { count: number };
  /** PKCS #8 of the client `jwt`. */
  readonly privateKey: string;
  /** Answers instead of the provider while it is set. */
  instead: ((res: ServerResponse) => void) | undefined;
  /** The client, scope and audience of a token that was given out; undefined for any other text. */
  look(
    token: string,
  ): Promise<{ readonly client: string; readonly scope: string; readonly audience: string } | undefined>;
}

/** Clients `basic` and `post` with this secret, and `jwt` with a key. */
export async function startTokenEndpoint(secret: string): Promise<TokenEndpoint> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const issuer = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const client = {
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  };
  const provider = new Provider(issuer, {
    clients: [
      { ...client, client_id: 'basic', client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' },
      { ...client, client_id: 'post', client_secret: secret, token_endpoint_auth_method: 'client_secret_post' },
      {
        ...client,
        client_id: 'jwt',
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig' }] },
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          scope: 'crm.read crm.write',
          audience: resource,
          accessTokenTTL: 600,
          accessTokenFormat: 'opaque',
        }),
      },
    },
    scopes: ['crm.read', 'crm.write'],
  });
  const callback = provider.callback();
  const asked = { count: 0 };
  const state: { instead: TokenEndpoint['instead'] } = { instead: undefined };
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    if (req.url === '/token') asked.count += 1;
    if (req.url === '/token' && state.instead !== undefined) {
      req.resume();
      state.instead(res);
    } else void callback(req, res);
  });
  return {
    issuer,
    url: `${issuer}/token`,
    asked,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    get instead() {
      return state.instead;
    },
    set instead(value) {
      state.instead = value;
    },
    look: async (token) => {
      const found = await provider.ClientCredentials.find(token);
      if (found === undefined) return undefined;
      return { client: found.clientId ?? '', scope: found.scope ?? '', audience: String(found.aud ?? '') };
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
