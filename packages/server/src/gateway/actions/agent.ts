/** Puts routes behind an agent token, checked by the path. */
import type { FastifyRequest } from 'fastify';
import type { Api, ApiContext } from '../../api/route.ts';
import { ChallengeFailure, Failure } from '../../errors.ts';
import { credentialKind } from '../../identity/index.ts';
import {
  type Entrance,
  maskCredentials,
  type Principal,
  type Unauthenticated,
  type Unavailable,
} from '../../path/index.ts';
import { CREDENTIAL_WORDS, challengeOf, presentationOf, readAuthorization, statusOf } from '../credentials.ts';

const MAX_RECORDED_NAME = 256;

/** The bearer credential of a request, whatever it is worth. */
export function bearerOf(request: FastifyRequest): string | undefined {
  return readAuthorization(request.headers.authorization)?.token;
}

/** `url`: origin that agents use, for the challenge. */
export function unauthenticated(code: Unauthenticated['code'], url?: string, nonce?: string): Failure {
  const remedy = 'Send Authorization: Bearer hk_agt_… with a live token; the owner of the agent can have one issued.';
  const headers = challengeOf({ code, ...(nonce === undefined ? {} : { nonce }) }, url, '/v1');
  return new ChallengeFailure(statusOf(code), code, CREDENTIAL_WORDS[code], remedy, headers);
}

export function unavailable(code: Unavailable['code']): Failure {
  const cause = 'The action could not be decided and recorded, so it was not allowed.';
  return new Failure(503, code, cause, 'Try again shortly; if it lasts, an operator sees why at /readyz.');
}

/** A name of the caller's as it stands in the log. */
export function recordedName(name: string): string {
  const shown = maskCredentials(name);
  return shown.length <= MAX_RECORDED_NAME ? shown : `${shown.slice(0, MAX_RECORDED_NAME).toWellFormed()}…`;
}

export interface AgentCaller {
  readonly token: string;
  readonly principal: Principal;
}

const callers = new WeakMap<FastifyRequest, AgentCaller>();

/** The agent of a route behind `requireAgent`. */
export function agentOf(request: FastifyRequest): AgentCaller {
  const caller = callers.get(request);
  if (caller === undefined) throw new Error('this route does not require an agent');
  return caller;
}

/** Who the token stands for; rejects with a Failure. An attempt with a dead token is on the log as `tool`. */
export async function authenticateAgent(
  { path, url }: ApiContext,
  request: FastifyRequest,
  entrance: Entrance,
  tool: string,
  willRecord: boolean,
): Promise<AgentCaller> {
  const authorization = readAuthorization(request.headers.authorization);
  if (authorization === undefined) throw unauthenticated('token_missing', url);
  const { token } = authorization;
  const presented = presentationOf(authorization, request.raw, request.headers.dpop, '/v1');
  const attempt = { tool: recordedName(tool), entrance, sourceAddress: request.ip, willRecord, presented };
  const principal = await path.authenticate(token, attempt);
  if (!('kind' in principal)) return { token, principal };
  throw principal.kind === 'unavailable'
    ? unavailable(principal.code)
    : unauthenticated(principal.code, url, principal.nonce);
}

/** A body is read only for somebody who shows what looks like an agent token. */
export function refuseStrangers(api: Api, { unregistered, url }: ApiContext): void {
  api.addHook('onRequest', async (request) => {
    const token = bearerOf(request);
    if (token === undefined) throw unauthenticated('token_missing', url);
    const kind = credentialKind(token);
    if (kind === 'agt' || kind === 'access') return;
    unregistered.noteToken(token, request.ip);
    throw unauthenticated('token_invalid', url);
  });
}

/** Puts every route registered on `api` after this behind an agent. `toolOf` names what is tried, for the record of a dead token. */
export function requireAgent(api: Api, context: ApiContext, toolOf: (request: FastifyRequest) => string): void {
  refuseStrangers(api, context);
  // Before the body is checked, so that a dead agent learns nothing but that it is dead.
  api.addHook('preValidation', async (request) => {
    const willRecord = request.method !== 'GET';
    callers.set(request, await authenticateAgent(context, request, 'actions', toolOf(request), willRecord));
  });
}
