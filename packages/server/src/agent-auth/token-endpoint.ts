/** `POST /oauth/token`: what the grants have in common, and which there are. */
import type { KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import type { ActionLog } from '../log/index.ts';
import { ASSERTION_TYPE, authenticateClient } from './assertion.ts';
import { type Client, clientOf } from './client.ts';
import { verifyProof } from './dpop.ts';
import { ACCESS_TOKEN_TYPE, EXCHANGE_GRANT, readExchange } from './exchange.ts';
import { federate, type UnknownWorkload } from './federation.ts';
import { required } from './form.ts';
import { findHolder } from './holder.ts';
import { type Issue, type Issued, issueToken } from './issue.ts';
import type { KeySets } from './key-sets.ts';
import { OAuthRefusal } from './refusal.ts';
import type { Once } from './replays.ts';
import { delegateOf, ENTRANCES, readWanted } from './wanted.ts';

const JWT_BEARER_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const GRANTS = ['client_credentials', JWT_BEARER_GRANT, EXCHANGE_GRANT];

export interface TokenEndpoint {
  readonly pool: Pool;
  readonly log: ActionLog;
  readonly pepper: KeyObject;
  /** Authenticates nonces. */
  readonly stateKey: KeyObject;
  readonly keySets: KeySets;
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

export type TokenAnswer = Issued & { readonly issued_token_type?: string };

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
  { proof, nowMs }: TokenRequest,
  wanted: Omit<Issue, 'jkt'>,
  boundTo: string | undefined,
): Promise<Issued> {
  const { client, once } = wanted;
  const proven: Once[] = [];
  let jkt: string | undefined;
  if (proof !== undefined || client.needsProof || boundTo !== undefined) {
    const presented = {
      proof,
      method: 'POST',
      url: `${endpoint.url}/oauth/token`,
      ...(boundTo === undefined ? {} : { jkt: boundTo }),
    };
    const verdict = await verifyProof(presented, endpoint.stateKey, nowMs);
    if (verdict.kind === 'invalid') throw new OAuthRefusal('invalid_dpop_proof', `DPoP: ${verdict.why}`, client);
    if (verdict.kind === 'nonce') throw new OAuthRefusal('use_dpop_nonce', 'the proof needs a nonce of this server');
    const { jti, expiresAt } = verdict;
    proven.push({ kind: 'dpop', issuer: verdict.jkt, jti, expiresAt });
    // What is for another agent is bound by that agent's own credential.
    if (delegateOf(wanted.wanted.resource) === undefined) jkt = verdict.jkt;
  }
  return issueToken(endpoint, { ...wanted, jkt, once: [...proven, ...once] });
}
