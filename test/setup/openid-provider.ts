/** A certified OpenID provider from npm, in which people sign in with a form of its own. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

export interface OpenIdProvider extends AsyncDisposable {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Has the provider take the client with these addresses. */
  register(addresses: {
    readonly redirectUri: string;
    readonly backchannelLogoutUri: string;
    readonly signedOutUri: string;
  }): void;
}

/** Whoever signs in as `name` is `name@acme.example`, in the group `hivekey-approvers`. */
export async function startOpenIdProvider(): Promise<OpenIdProvider> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const issuer = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
  const [clientId, clientSecret] = ['hivekey', 'a-client-secret-for-tests'];
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' };
  let handle: ReturnType<Provider['callback']> | undefined;
  server.on('request', (request, response) => void handle?.(request, response));
  return {
    issuer,
    clientId,
    clientSecret,
    register: ({ redirectUri, backchannelLogoutUri, signedOutUri }) => {
      const provider = new Provider(issuer, {
        clients: [
          {
            client_id: clientId,
            client_secret: clientSecret,
            redirect_uris: [redirectUri],
            post_logout_redirect_uris: [signedOutUri],
            backchannel_logout_uri: backchannelLogoutUri,
            backchannel_logout_session_required: true,
          },
        ],
        jwks: { keys: [jwk] },
        cookies: { keys: ['cookie-key-of-the-test'] },
        claims: { openid: ['sub', 'groups'], email: ['email', 'email_verified'], profile: ['name'] },
        findAccount: (_context, id) => ({
          accountId: id,
          claims: () => ({
            sub: id,
            email: `${id}@acme.example`,
            email_verified: true,
            name: id,
            groups: ['hivekey-approvers'],
          }),
        }),
        // Its own way refuses addresses of this machine.
        fetch: (url, options) => {
          const asked = Object.entries(options ?? {}).filter(([name]) => name !== 'dispatcher');
          return fetch(url, Object.fromEntries(asked));
        },
        features: {
          devInteractions: { enabled: true },
          backchannelLogout: { enabled: true },
          rpInitiatedLogout: { enabled: true },
        },
      });
      handle = provider.callback();
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
