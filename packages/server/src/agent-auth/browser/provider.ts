/**
 * The authorization server of the browser sign-in: oidc-provider, behind our own doors. It reads and refuses authorization
 * requests, fetches metadata documents of clients, makes and redeems codes, and authenticates clients. Who signs in, what they
 * say yes to and what is given for a code is ours. Loaded by the first request that needs it.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { errors as Errors, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Pool } from 'pg';
import type { Logger } from '../../observability/index.ts';
import { OAuthRefusal } from '../refusal.ts';
import { delegateOf, ENTRANCES, readWanted } from '../wanted.ts';
import { AUTHORIZE, artifactAdapter } from './artifacts.ts';
import { Documents } from './documents.ts';
import { anybodyLetsIn, isNamedByAnybody } from './settings.ts';

const CODE_SECONDS = 60;
export const INTERACTION_SECONDS = 600;
const MAX_DOCUMENT_BYTES = 5 * 1024;
/** As the metadata say: those of `SIGNING_ALGORITHMS`. */
const CLIENT_ALGORITHMS = [
  ...(['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const),
  ...(['RS256', 'PS256', 'RS384', 'PS384', 'RS512', 'PS512'] as const),
];
const CACHE_SECONDS = { min: 60, max: 3_600 };

export interface ProviderParts {
  readonly pool: Pool;
  readonly pepper: KeyObject;
  /** Our issuer. */
  readonly url: string;
  readonly allowedHosts: readonly string[];
  readonly logger: Logger;
  endGrant(consentId: string): Promise<void>;
}

export async function createProvider(parts: ProviderParts): Promise<Provider> {
  const { Provider, errors, interactionPolicy } = await import('oidc-provider');
  const { pool, url, logger } = parts;
  const policy = interactionPolicy.base();
  // Whatever was said yes to before, a person is asked each time.
  const consent = new interactionPolicy.Prompt(
    { name: 'consent', requestable: true },
    new interactionPolicy.Check('asked', 'a person has to say yes', ({ oidc }) =>
      oidc.result?.consent === undefined
        ? interactionPolicy.Check.REQUEST_PROMPT
        : interactionPolicy.Check.NO_NEED_TO_PROMPT,
    ),
  );
  policy.remove('consent');
  policy.add(consent);
  const documents = new Documents(parts.allowedHosts, (host) => isNamedByAnybody(pool, host));
  const provider = new Provider(url, {
    adapter: artifactAdapter({ ...parts, errors }),
    // Nothing is ever signed; without one the library takes one that everybody knows.
    jwks: {
      keys: [
        { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), alg: 'ES256' },
      ],
    },
    routes: { authorization: AUTHORIZE, token: '/oauth/token' },
    scopes: [],
    claims: {},
    responseTypes: ['code'],
    clientAuthMethods: ['none', 'private_key_jwt'],
    enabledJWA: {
      clientAuthSigningAlgValues: CLIENT_ALGORITHMS,
      idTokenSigningAlgValues: ['ES256'],
    },
    clientDefaults: {
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: 'ES256',
    },
    // http on the person's own machine alone, at any port (RFC 8252 section 7.3), whatever the client says it is.
    extraClientMetadata: {
      properties: ['hivekey_redirects'],
      validator: (_context, _name, _value, metadata) => {
        metadata.application_type = 'native';
      },
    },
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    cookies: cookiesOf(url),
    ttl: {
      Interaction: INTERACTION_SECONDS,
      AuthorizationCode: CODE_SECONDS,
      Grant: INTERACTION_SECONDS,
      Session: INTERACTION_SECONDS,
      AccessToken: 300,
    },
    expiresWithSession: () => false,
    // Ours, in the transaction of the connection.
    issueRefreshToken: () => false,
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { policy, url: (_context, { uid }) => `/connect/${uid}` },
    renderError: (context, out) => {
      context.body = out;
    },
    // RFC 7523 as we have it everywhere: an assertion that also goes to somebody else could be used by them.
    assertJwtClientAuthClaimsAndHeader: (_context, { aud }) => {
      if (aud !== url) throw new errors.InvalidClientAuth('aud is not our issuer alone, as one string');
    },
    fetch: documents.fetch,
    fetchResponseBodyLimits: { 'client_id metadata document': MAX_DOCUMENT_BYTES },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      // Ours, before a code is spent.
      dPoP: { enabled: false },
      clientIdMetadataDocument: {
        enabled: true,
        ack: 'draft-02',
        cacheDuration: CACHE_SECONDS,
        allowFetch: (_context, id) => hasPath(id) && documents.mayFetch(id) && anybodyLetsIn(pool, id),
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_context, _client, resources) => resources ?? `${url}/mcp`,
        useGrantedResource: () => true,
        getResourceServerInfo: (context, resource) => resourceOf(errors, url, context, resource),
      },
    },
  });
  // The client is authenticated; the rest is ours.
  provider.registerGrantType(
    'refresh_token',
    (context) => {
      context.body = {};
    },
    ['refresh_token', 'scope', 'resource'],
  );
  provider.on('server_error', (_context, error) => logger.error({ err: error }, 'the browser sign-in failed'));
  return provider;
}

/** An address that is a whole host belongs to nobody in particular. */
function hasPath(id: string): boolean {
  return (URL.parse(id)?.pathname ?? '/') !== '/';
}

function cookiesOf(url: string) {
  const secure = url.startsWith('https:');
  const options = { httpOnly: true, sameSite: 'lax', secure, signed: false, overwrite: true } as const;
  return {
    names: {
      interaction: secure ? '__Host-hivekey-connect' : 'hivekey-connect',
      resume: secure ? '__Secure-hivekey-resume' : 'hivekey-resume',
      session: 'hivekey-unused',
    },
    long: { ...options, maxAge: 1 },
    short: { ...options, path: '/' },
  };
}

/** Throws what the client is told. Called once its redirect address is known to be right. */
function resourceOf(errors: typeof Errors, url: string, { oidc }: KoaContextWithOIDC, resource: string) {
  const { params } = oidc;
  if (params === undefined) throw new errors.InvalidTarget();
  if (params.response_mode !== undefined && params.response_mode !== 'query') {
    params.response_mode = undefined;
    throw new errors.InvalidRequest('response_mode must be query');
  }
  if (Array.isArray(params.resource) && params.resource.length > 1)
    throw new errors.InvalidTarget('a single resource must be named');
  const wanted = wantedOf(errors, url, resource, params.scope);
  // Without one the person is asked for all of them.
  params.scope ??= wanted.entrances.join(' ');
  return { scope: ENTRANCES.join(' '), audience: resource, accessTokenFormat: 'opaque', accessTokenTTL: 300 } as const;
}

function wantedOf(errors: typeof Errors, url: string, resource: string, scope: unknown) {
  const form = new Map([['resource', resource], ...(typeof scope === 'string' ? [['scope', scope] as const] : [])]);
  try {
    const wanted = readWanted(form, url, { entrances: ENTRANCES, roles: [] });
    if (delegateOf(wanted.resource) !== undefined) throw new errors.InvalidTarget('the resource is for agents alone');
    return wanted;
  } catch (error) {
    if (!(error instanceof OAuthRefusal)) throw error;
    throw error.error === 'invalid_scope'
      ? new errors.InvalidScope(error.message, '')
      : new errors.InvalidTarget(error.message);
  }
}
