/**
 * OpenID Connect: authorization code with PKCE, state, nonce and the issuer of RFC 9207. openid-client checks each of these
 * when it is given the expected value; what it leaves to its user stands here. Metadata and keys are read anew for each
 * sign-in: a key that the provider has taken back is good for nothing from then on.
 */
import { createHmac, type KeyObject } from 'node:crypto';
import { importPKCS8 } from 'jose';
import * as oidc from 'openid-client';
import { Failure } from '../../errors.ts';
import type { Logger } from '../../observability/index.ts';
import { AddressRefused, type SecretStore } from '../../upstreams/index.ts';
import type { GuardedFetch } from '../guarded-fetch.ts';
import type { Beginning, Departure, Protocol } from '../protocol.ts';
import type { IdentityProvider } from '../provider.ts';
import type { VerifiedSignIn } from '../verified.ts';
import { type OidcSettings, storedOidcSettings } from './settings.ts';

const TIMEOUT_SECONDS = 10;
/** A person who steps up has authenticated after leaving; clocks may differ by this much. */
const CLOCK_SKEW_SECONDS = 30;

/** Of an ID token, in either direction: it was made for this answer. */
const MAX_AGE_SECONDS = 300;

const KNOWN_MS = 30_000;

export interface OidcOptions {
  readonly secrets: SecretStore;
  readonly fetch: GuardedFetch;
  /** Makes nonce and PKCE verifier of a state, so that neither is kept anywhere. */
  readonly stateKey: KeyObject;
  /** Origin that people use. */
  readonly url: string;
  readonly logger: Logger;
}

export interface Oidc extends Protocol {
  /** Checks the answer and exchanges the code. Throws a Failure. `query`: of the request, with its question mark. */
  finish(
    provider: IdentityProvider,
    state: string,
    query: string,
    pending: { readonly purpose: Beginning['purpose']; readonly createdAt: Date },
  ): Promise<VerifiedSignIn>;
  /** Reads the metadata as they are now. Throws `provider_unreachable`, `provider_unusable`, `provider_url_refused`. */
  check(issuer: string): Promise<oidc.ServerMetadata>;
  /** Where the browser signs out at the provider (RP-Initiated Logout 1.0); undefined where it offers that nowhere, or is away. */
  logoutUrl(provider: IdentityProvider, returnTo: string): Promise<string | undefined>;
}

export function redirectUri(url: string, providerId: string): string {
  return `${url}/v1/sign-in/${providerId}/callback`;
}

export function createOidc({ secrets, fetch, stateKey, url, logger }: OidcOptions): Oidc {
  const derived = (state: string, what: 'nonce' | 'verifier'): string =>
    createHmac('sha256', stateKey).update(`oidc ${what} ${state}`).digest('base64url');

  const known = new Map<
    string,
    { readonly version: string; readonly atMs: number; readonly config: Promise<oidc.Configuration> }
  >();

  async function clientAuthentication(
    { workspaceId }: Pick<IdentityProvider, 'workspaceId'>,
    { client_auth, secret_name, public_key }: OidcSettings,
  ): Promise<oidc.ClientAuth> {
    const secret = (await secrets.openOwn(workspaceId, secret_name)).reveal();
    if (client_auth === 'client_secret_basic') return oidc.ClientSecretBasic(secret);
    if (client_auth === 'client_secret_post') return oidc.ClientSecretPost(secret);
    const kid = typeof public_key?.kid === 'string' ? public_key.kid : '';
    return oidc.PrivateKeyJwt({ key: await importPKCS8(secret, 'ES256'), kid });
  }

  async function configure(
    issuer: string,
    metadata: Pick<OidcSettings, 'client_id' | 'id_token_alg'>,
    authentication: oidc.ClientAuth,
  ): Promise<oidc.Configuration> {
    const isPlain = issuer.startsWith('http:');
    try {
      const config = await oidc.discovery(
        new URL(issuer),
        metadata.client_id,
        { id_token_signed_response_alg: metadata.id_token_alg, [oidc.clockTolerance]: CLOCK_SKEW_SECONDS },
        authentication,
        {
          [oidc.customFetch]: (target, init) => fetch(target, init),
          timeout: TIMEOUT_SECONDS,
          // Without the first, the signature of an ID token from the token endpoint is not looked at. Plain http reaches
          // only hosts that the operator allows by name: the fetch refuses every other.
          execute: [oidc.enableNonRepudiationChecks, ...(isPlain ? [oidc.allowInsecureRequests] : [])],
        },
      );
      const { authorization_endpoint, token_endpoint, jwks_uri } = config.serverMetadata();
      for (const endpoint of [authorization_endpoint, token_endpoint, jwks_uri])
        if (endpoint === undefined || (!isPlain && !endpoint.startsWith('https:')))
          throw unusable('its metadata lack an endpoint, or have one that is not https');
      return config;
    } catch (error) {
      throw failureOf(error, 'discovery');
    }
  }

  async function discover(provider: IdentityProvider): Promise<oidc.Configuration> {
    const settings = storedOidcSettings.parse(provider.settings);
    return configure(provider.issuer, settings, await clientAuthentication(provider, settings));
  }

  /** To leave for the provider, metadata of a moment ago do: whoever knocks here need not make it be asked each time. */
  function recently(provider: IdentityProvider): Promise<oidc.Configuration> {
    const version = `${provider.id} ${provider.updatedAt.getTime()}`;
    const held = known.get(provider.id);
    if (held !== undefined && held.version === version && Date.now() - held.atMs < KNOWN_MS) return held.config;
    const config = discover(provider);
    known.set(provider.id, { version, atMs: Date.now(), config });
    config.catch(() => known.delete(provider.id));
    return config;
  }

  async function check(issuer: string): Promise<oidc.ServerMetadata> {
    const config = await configure(issuer, { client_id: 'none', id_token_alg: 'RS256' }, oidc.None());
    return config.serverMetadata();
  }

  /** What the caller may know; the rest is for the operator's log. */
  function failureOf(error: unknown, step: 'discovery' | 'answer'): Failure {
    const root = rootOf(error);
    if (root instanceof Failure) return root;
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
    logger.info({ err: error, step }, 'an identity provider could not be used');
    if (root instanceof AddressRefused)
      return new Failure(
        502,
        'provider_url_refused',
        'An address of the identity provider is not one that may be connected to.',
        'Use a public address, or have an operator add the host to HIVEKEY_UPSTREAM_ALLOW.',
      );
    if (error instanceof oidc.AuthorizationResponseError)
      return new Failure(
        403,
        'provider_refused',
        `The identity provider has not signed you in (${/^[a-z_]{1,40}$/.test(error.error) ? error.error : 'error'}).`,
        'Try again, or ask whoever runs the provider.',
      );
    if (step === 'discovery')
      return new Failure(
        502,
        'provider_unreachable',
        `The metadata of the identity provider cannot be read${code === '' ? '' : ` (${code})`}.`,
        'Check the issuer; it must serve /.well-known/openid-configuration.',
      );
    return new Failure(
      403,
      'sign_in_invalid',
      `The answer of the identity provider failed a check${code === '' ? '' : ` (${code})`}.`,
      'Sign in again; if it lasts, an administrator should compare the settings of both sides.',
    );
  }

  async function begin({ provider, state, purpose, loginHint }: Beginning): Promise<Departure> {
    const settings = storedOidcSettings.parse(provider.settings);
    const config = await recently(provider);
    const parameters: Record<string, string> = {
      redirect_uri: redirectUri(url, provider.id),
      scope: [...new Set(['openid', ...settings.scopes])].join(' '),
      state,
      nonce: derived(state, 'nonce'),
      code_challenge: await oidc.calculatePKCECodeChallenge(derived(state, 'verifier')),
      code_challenge_method: 'S256',
    };
    if (loginHint !== undefined) parameters.login_hint = loginHint;
    if (settings.hosted_domains.length === 1) parameters.hd = settings.hosted_domains.join();
    if (purpose === 'step_up') {
      parameters.prompt = 'login';
      parameters.max_age = '0';
      if (settings.step_up_acr !== null) parameters.acr_values = settings.step_up_acr;
    }
    return { url: oidc.buildAuthorizationUrl(config, parameters).href, expected: {}, crossSite: false };
  }

  async function claimsOf(
    provider: IdentityProvider,
    config: oidc.Configuration,
    state: string,
    query: string,
    isStepUp: boolean,
    sinceMs: number,
  ): Promise<{ readonly token: oidc.IDToken; readonly all: Readonly<Record<string, unknown>> }> {
    const tokens = await oidc.authorizationCodeGrant(config, new URL(`${redirectUri(url, provider.id)}${query}`), {
      expectedState: state,
      expectedNonce: derived(state, 'nonce'),
      pkceCodeVerifier: derived(state, 'verifier'),
      idTokenExpected: true,
      // Since it left, and no earlier.
      ...(isStepUp ? { maxAge: Math.ceil((Date.now() - sinceMs) / 1000) } : {}),
    });
    const token = tokens.claims();
    if (token === undefined) throw invalid('it has no ID token');
    const isWhole =
      token.email !== undefined && (provider.groupsClaim === null || token[provider.groupsClaim] !== undefined);
    if (isWhole || config.serverMetadata().userinfo_endpoint === undefined) return { token, all: token };
    // Some providers keep what is not about the sign-in itself out of the ID token.
    const more = await oidc.fetchUserInfo(config, tokens.access_token, token.sub);
    return { token, all: { ...more, ...token } };
  }

  async function finish(
    provider: IdentityProvider,
    state: string,
    query: string,
    { purpose, createdAt }: { readonly purpose: Beginning['purpose']; readonly createdAt: Date },
  ): Promise<VerifiedSignIn> {
    const settings = storedOidcSettings.parse(provider.settings);
    const isStepUp = purpose === 'step_up';
    const config = await discover(provider);
    try {
      const { token, all } = await claimsOf(provider, config, state, query, isStepUp, createdAt.getTime());
      // Several audiences, or one of several, is a token that others may have been given as well.
      if (token.aud !== settings.client_id) throw invalid('its audience is not this client alone');
      // Not looked at by the library: one from the future would outlive every limit.
      if (Math.abs(token.iat - Date.now() / 1000) > MAX_AGE_SECONDS) throw invalid('it is not of now');
      checkTenant(settings, token);
      if (isStepUp && settings.step_up_acr !== null && token.acr !== settings.step_up_acr)
        throw new Failure(
          403,
          'step_up_too_weak',
          'The provider has not authenticated you as strongly as a step-up asks for.',
          'Use the stronger method there, or step up with a passkey.',
        );
      const subject = textOf(token[settings.subject_claim]);
      if (subject === undefined) throw invalid(`it has no ${settings.subject_claim}`);
      const expiry = token.session_expiry;
      return {
        provider,
        issuer: token.iss,
        subject,
        email: textOf(all.email),
        emailVerified: typeof all.email_verified === 'boolean' ? all.email_verified : undefined,
        name: textOf(all.name),
        groups: provider.groupsClaim === null ? [] : textsOf(all[provider.groupsClaim]),
        authenticatedAt: new Date((token.auth_time ?? token.iat) * 1000),
        acr: textOf(token.acr),
        amr: textsOf(token.amr),
        providerSession: textOf(token.sid),
        endsAt: typeof expiry === 'number' && Number.isFinite(expiry) ? new Date(expiry * 1000) : undefined,
        directoryId: textOf(all[settings.directory_claim]),
      };
    } catch (error) {
      throw failureOf(error, 'answer');
    }
  }

  async function logoutUrl(provider: IdentityProvider, returnTo: string): Promise<string | undefined> {
    const config = await discover(provider).catch(() => undefined);
    if (config?.serverMetadata().end_session_endpoint === undefined) return undefined;
    return oidc.buildEndSessionUrl(config, { post_logout_redirect_uri: returnTo }).href;
  }

  return { begin, finish, check, logoutUrl };
}

function checkTenant({ tenants, hosted_domains: domains }: OidcSettings, { tid, hd }: oidc.IDToken): void {
  const isIn = (list: readonly string[], value: unknown) => list.length === 0 || list.some((each) => each === value);
  if (isIn(tenants, tid) && isIn(domains, hd)) return;
  throw new Failure(
    403,
    'tenant_not_admitted',
    'Your organisation at the provider is not one that may sign in here.',
    'Sign in with the account of the right organisation.',
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= 512 ? value : undefined;
}

/** Claims that may be one text or a list of texts. */
function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((each) => textOf(each) !== undefined).slice(0, 500);
}

function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error;
}

function invalid(why: string): Failure {
  return new Failure(
    403,
    'sign_in_invalid',
    `The answer of the identity provider cannot be used: ${why}.`,
    'An administrator should compare the settings of both sides.',
  );
}

function unusable(why: string): Failure {
  return new Failure(
    502,
    'provider_unusable',
    `The identity provider cannot be used: ${why}.`,
    'Ask whoever runs the provider.',
  );
}
