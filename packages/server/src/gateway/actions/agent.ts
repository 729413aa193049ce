/** Puts routes behind an agent token, checked by the path. */
import type { FastifyRequest } from 'fastify';
import type { Api, ApiContext } from '../../api/route.ts';
import { Failure } from '../../errors.ts';
import { credentialKind } from '../../identity/index.ts';
import {
  type Entrance,
  maskCredentials,
  type Principal,
  type Unauthenticated,
  type Unavailable,
} from '../../path/index.ts';

const BEARER = /^Bearer +(\S+)$/i;
const MAX_RECORDED_NAME = 256;

/** The bearer credential of a request, whatever it is worth. */
export function bearerOf(request: FastifyRequest): string | undefined {
  return BEARER.exec(request.headers.authorization ?? '')?.[1];
}

const CREDENTIAL_WORDS: Readonly<Record<Unauthenticated['code'], string>> = {
  token_missing: 'The request has no agent token.',
  token_invalid: 'The credential is not an agent token of this server.',
  token_expired: 'The agent token has expired.',
  token_revoked: 'The agent token was revoked.',
  agent_revoked: 'The agent is revoked.',
  agent_suspended: 'The agent is suspended.',
  agent_expired: 'The time of the agent is over.',
  workspace_stopped: 'The workspace is stopped.',
};

export function unauthenticated(code: Unauthenticated['code']): Failure {
  const remedy = 'Send Authorization: Bearer hk_agt_… with a live token; the owner of the agent can have one issued.';
  return new Failure(401, code, CREDENTIAL_WORDS[code], remedy);
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
  { path }: ApiContext,
  request: FastifyRequest,
  entrance: Entrance,
  tool: string,
  willRecord: boolean,
): Promise<AgentCaller> {
  const token = bearerOf(request);
  const attempt = { tool: recordedName(tool), entrance, sourceAddress: request.ip, willRecord };
  const principal = await path.authenticate(token, attempt);
  if (!('kind' in principal) && token !== undefined) return { token, principal };
  if (!('kind' in principal)) throw unauthenticated('token_missing');
  throw principal.kind === 'unavailable' ? unavailable(principal.code) : unauthenticated(principal.code);
}

/** A body is read only for somebody who shows what looks like an agent token. */
export function refuseStrangers(api: Api, { unregistered }: ApiContext): void {
  api.addHook('onRequest', async (request) => {
    const token = bearerOf(request);
    if (token === undefined) throw unauthenticated('token_missing');
    if (credentialKind(token) === 'agt') return;
    unregistered.noteToken(token, request.ip);
    throw unauthenticated('token_invalid');
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
