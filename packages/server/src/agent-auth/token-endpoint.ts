/** `POST /oauth/token`: what the grants have in common, and which there are. */
import type { KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import type { ActionLog } from '../log/index.ts';
import { ASSERTION_TYPE, authenticateClient } from './assertion.ts';
import { type BrowserSignIn, type Proven, redeemConsent, refresh } from './browser/index.ts';
import { type Client, clientOf } from './client.ts';
import { verifyProof } from './dpop.ts';
import { ACCESS_TOKEN_TYPE, EXCHANGE_GRANT, readExchange } from './exchange.ts';
import { federate, type UnknownWorkload } from './federation.ts';
import { required } from './form.ts';
import { findHolder } from './holder.ts';
import { type Issue, type Issued, issueToken } from './issue.ts';
import type { KeySets } from './key-sets.ts';
import { OAuthRefusal, oauthErrorOf } from './refusal.ts';
import { delegateOf, ENTRANCES, readWanted } from './wanted.ts';

const JWT_BEARER_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const CODE_GRANT = 'authorization_code';
const REFRESH_GRANT = 'refresh_token';
export const GRANTS = ['client_credentials', JWT_BEARER_GRANT, EXCHANGE_GRANT, CODE_GRANT, REFRESH_GRANT];

export interface TokenEndpoint {
  readonly pool: Pool;
  readonly log: ActionLog;
  readonly pepper: KeyObject;
  /** Authenticates nonces. */
  readonly stateKey: KeyObject;
  readonly keySets: KeySets;
  readonly browser: BrowserSignIn;
  /** Our issuer: the origin that agents use. */
  readonly url: string;
  note(workload: UnknownWorkload): void;
}

export interface TokenRequest {
  readonly form: ReadonlyMap<string, string>;
  /** Of the header `DPoP`. */
  readonly proof: string | undefined;
  readonly nowMs: number;
}

export type TokenAnswer = Issued & { readonly issued_token_type?: string; readonly refresh_token?: string };

/** Throws OAuthRefusal. */
export async function answerTokenRequest(endpoint: TokenEndpoint, request: TokenRequest): Promise<TokenAnswer> {
  const { form } = request;
  const grant = required(form, 'grant_type');
  switch (grant) {
    case 'client_credentials':
      return byAssertion(endpoint, request);
    case JWT_BEARER_GRANT:
      return byFederation(endpoint, request);
    case EXCHANGE_GRANT:
      return { ...(await byExchange(endpoint, request)), issued_token_type: ACCESS_TOKEN_TYPE };
    case CODE_GRANT:
    case REFRESH_GRANT:
      return byConnection(endpoint, request, grant);
    default:
      throw new OAuthRefusal('unsupported_grant_type', `grants served are ${GRANTS.join(', ')}`);
  }
}

async function byAssertion(endpoint: TokenEndpoint, request: TokenRequest): Promise<Issued> {
  const { form, nowMs } = request;
  if (!form.has('client_assertion'))
    throw new OAuthRefusal('invalid_client', `authenticate with client_assertion_type ${ASSERTION_TYPE}`);
  const { credential, once } = await authenticateClient(endpoint.pool, form, endpoint.url, nowMs);
  const client = clientOf(credential);
  const wanted = refusalsOf(client, () =>
    readWanted(form, endpoint.url, { entrances: ENTRANCES, roles: client.roles }),
  );
  return issue(endpoint, request, { client, wanted, grant: 'client_credentials', once: [once] }, undefined);
}

async function byFederation(endpoint: TokenEndpoint, request: TokenRequest): Promise<Issued> {
  const { form, nowMs } = request;
  const { pool, keySets, url, note } = endpoint;
  const { credential, once } = await federate({ pool, keySets, issuer: url, nowMs, note }, form);
  const client = clientOf(credential);
  const wanted = refusalsOf(client, () => readWanted(form, url, { entrances: ENTRANCES, roles: client.roles }));
  return issue(
    endpoint,
    request,
    { client, wanted, grant: 'jwt-bearer', once: once === undefined ? [] : [once] },
    undefined,
  );
}

async function byExchange(endpoint: TokenEndpoint, request: TokenRequest): Promise<Issued> {
  const { pool, pepper, url } = endpoint;
  const { jkt, ...exchange } = await readExchange(request.form, {
    url,
    find: (token) => findHolder(pool, pepper, token),
    authenticate: () => authenticateClient(pool, request.form, url, request.nowMs),
  });
  return issue(endpoint, request, { ...exchange, grant: 'token-exchange' }, jkt);
}

/** oidc-provider says who the client is, and of a code that it was redeemed as it must be; what is given for it is ours. */
async function byConnection(
  endpoint: TokenEndpoint,
  request: TokenRequest,
  grant: typeof CODE_GRANT | typeof REFRESH_GRANT,
): Promise<TokenAnswer> {
  const { form } = request;
  const token = grant === REFRESH_GRANT ? required(form, 'refresh_token') : '';
  // Before the code is spent: a client without a nonce of ours has to come again.
  const proven = await proofOf(endpoint, request, undefined);
  const {
    status,
    body: answer,
    oidc,
  } = await endpoint.browser.run({
    method: 'POST',
    target: '/oauth/token',
    headers: {},
    // Written anew: what is read in two places is the same in both.
    form: new URLSearchParams([...form]).toString(),
  });
  const { client, entities } = oidc;
  if (status !== 200 || client === undefined) throw oauthErrorOf(answer);
  if (grant === REFRESH_GRANT) return refresh(endpoint, form, token, client.clientId, proven);
  const consentId = entities.AuthorizationCode?.accountId;
  if (consentId === undefined) throw new Error('a code was redeemed that nobody has said yes to');
  return redeemConsent(endpoint, consentId, client.clientId, proven);
}

/** What is wrong with the rest of the request is the known client's refusal. */
function refusalsOf<T>(client: Client, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof OAuthRefusal ? error.of(client) : error;
  }
}

/** `boundTo`: the key of a token that came with the request. */
async function issue(
  endpoint: TokenEndpoint,
  request: TokenRequest,
  wanted: Omit<Issue, 'jkt'>,
  boundTo: string | undefined,
): Promise<Issued> {
  const { client, once } = wanted;
  const proven = await proofOf(endpoint, request, boundTo, client);
  // What is for another agent is bound by that agent's own credential.
  const jkt = delegateOf(wanted.wanted.resource) === undefined ? proven?.jkt : undefined;
  return issueToken(endpoint, { ...wanted, jkt, once: [...(proven === undefined ? [] : [proven.once]), ...once] });
}

/** Undefined where none came and none has to. Without a client it is up to the caller whether one has to. */
async function proofOf(
  { stateKey, url }: TokenEndpoint,
  { proof, nowMs }: TokenRequest,
  boundTo: string | undefined,
  client?: Client,
): Promise<Proven | undefined> {
  if (proof === undefined && client?.needsProof !== true && boundTo === undefined) return undefined;
  const presented = {
    proof,
    method: 'POST',
    url: `${url}/oauth/token`,
    ...(boundTo === undefined ? {} : { jkt: boundTo }),
  };
  const verdict = await verifyProof(presented, stateKey, nowMs);
  if (verdict.kind === 'invalid') throw new OAuthRefusal('invalid_dpop_proof', `DPoP: ${verdict.why}`, client);
  if (verdict.kind === 'nonce') throw new OAuthRefusal('use_dpop_nonce', 'the proof needs a nonce of this server');
  const { jkt, jti, expiresAt } = verdict;
  return { jkt, once: { kind: 'dpop', issuer: jkt, jti, expiresAt } };
}
