/** How a credential arrives, and what a refused one is answered with: RFC 6750, RFC 9449, RFC 9728. */
import { metadataUrl, scopeOf } from '../agent-auth/index.ts';
import type { Presentation, Unauthenticated } from '../path/index.ts';

const AUTHORIZATION = /^(Bearer|DPoP) +(\S+)$/i;

export interface Authorization {
  readonly scheme: Presentation['scheme'];
  readonly token: string;
}

/** Undefined for a header that holds no token. */
export function readAuthorization(header: string | undefined): Authorization | undefined {
  const match = header === undefined ? null : AUTHORIZATION.exec(header);
  if (match === null) return undefined;
  const [, scheme = '', token = ''] = match;
  return { scheme: scheme.length === 4 ? 'dpop' : 'bearer', token };
}

/** The request that the credential came with. Of more than one proof none counts. `url`: as it was asked for, with query. */
export function presentationOf(
  { scheme }: Authorization,
  { method = '', url = '' }: { readonly method?: string | undefined; readonly url?: string | undefined },
  proof: string | readonly string[] | undefined,
  resource: string,
): Presentation {
  const query = url.indexOf('?');
  const path = query === -1 ? url : url.slice(0, query);
  return { scheme, method, path, resource, ...(typeof proof === 'string' ? { proof } : {}) };
}

export const CREDENTIAL_WORDS: Readonly<Record<Unauthenticated['code'], string>> = {
  token_missing: 'The request has no agent token.',
  token_invalid: 'The credential is not an agent token of this server.',
  token_expired: 'The agent token has expired.',
  token_revoked: 'The agent token was revoked.',
  agent_revoked: 'The agent is revoked.',
  agent_suspended: 'The agent is suspended.',
  agent_expired: 'The time of the agent is over.',
  delegation_ended: 'An agent on whose behalf this one acts may not act now, or has ended it.',
  workspace_stopped: 'The workspace is stopped.',
  token_audience: 'The access token is for another resource.',
  scope_missing: 'The scope of the access token does not cover this.',
  proof_invalid: 'The access token is bound to a key, and the request does not prove that it has it.',
  proof_nonce: 'The proof needs the nonce of this answer.',
};

/** RFC 6750 section 3.1: who is known, and may not do this with this token, is forbidden to. */
export function statusOf(code: Unauthenticated['code']): 401 | 403 {
  return code === 'scope_missing' ? 403 : 401;
}

/** Response headers, name and value in turn. `url`: origin that agents use; without it the challenge does not say where tokens are from. */
export function challengeOf(
  { code, nonce }: Pick<Unauthenticated, 'code' | 'nonce'>,
  url: string | undefined,
  resource: string,
): readonly string[] {
  const scheme = code === 'proof_invalid' || code === 'proof_nonce' ? 'DPoP' : 'Bearer';
  const where =
    url === undefined ? [] : [`resource_metadata="${metadataUrl(url, resource)}"`, `scope="${scopeOf(resource)}"`];
  const challenge = [`${scheme} realm="hivekey"`, ...errorOf(code), ...where].join(', ');
  return ['www-authenticate', challenge, ...(nonce === undefined ? [] : ['dpop-nonce', nonce])];
}

/** No error code for a request that shows no credential. */
function errorOf(code: Unauthenticated['code']): readonly string[] {
  const error = {
    token_missing: undefined,
    scope_missing: 'insufficient_scope',
    proof_invalid: 'invalid_dpop_proof',
    proof_nonce: 'use_dpop_nonce',
  } as const satisfies Partial<Record<Unauthenticated['code'], string | undefined>>;
  const name = code in error ? error[code as keyof typeof error] : 'invalid_token';
  return name === undefined ? [] : [`error="${name}"`, `error_description="${CREDENTIAL_WORDS[code]}"`];
}
