/**
 * What upstreams ask of the client: sampling, elicitation, roots. Each request is an action of its own,
 * `<namespace>.sampling` and so on, on the model or the person behind the agent: decided and recorded
 * like a tool call before the client sees it.
 */

import { canonicalJson } from '@hivekey/action-log';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import type { Action, Held, Outcome, Permit, Refusal, Unauthenticated, Unavailable } from '../../path/index.ts';
import { abortSignalOf } from '../../stop-signal.ts';
import type { UpstreamServer } from '../../upstreams/index.ts';
import { type Caller, type Gateway, sessionIdOf } from './caller.ts';
import { CLIENT_REQUESTS } from './capabilities.ts';
import { elicitationProblem } from './elicitation.ts';
import type { Answerer } from './exchange.ts';
import { settle } from './outcome.ts';
import { ClientRefusal } from './sessions.ts';
import { CODE, isObject } from './wire.ts';

const NO_ARGUMENTS: JsonObject = Object.freeze({});

export interface InputRequest {
  readonly method: string;
  readonly params: JsonObject | undefined;
}

/** One entry of `inputRequests`, or a JSON-RPC request; undefined when it is neither. */
export function readInputRequest(value: JsonValue | undefined): InputRequest | undefined {
  if (!isObject(value) || typeof value.method !== 'string') return undefined;
  if (!Object.hasOwn(CLIENT_REQUESTS, value.method)) return undefined;
  if (value.params !== undefined && !isObject(value.params)) return undefined;
  if (value.params === undefined && value.method !== 'roots/list') return undefined;
  return { method: value.method, params: value.params };
}

/** True when the upstream was told that the client can do this. */
export function isPresented(request: InputRequest, presented: JsonObject): boolean {
  const name = CLIENT_REQUESTS[request.method];
  const capability = name === undefined ? undefined : presented[name];
  if (!isObject(capability)) return false;
  const { params } = request;
  if (request.method === 'sampling/createMessage' && (params?.tools !== undefined || params?.toolChoice !== undefined))
    return capability.tools !== undefined;
  if (request.method !== 'elicitation/create') return true;
  if (params?.mode === 'url') return capability.url !== undefined;
  return capability.form !== undefined || capability.url === undefined;
}

/** Decides and records the request as an action. */
export function authorizeInput(
  gateway: Gateway,
  caller: Caller,
  server: UpstreamServer,
  request: InputRequest,
): Promise<Permit | Refusal | Held | Unauthenticated | Unavailable> {
  const params = request.params ?? NO_ARGUMENTS;
  const problem =
    request.method === 'elicitation/create' ? elicitationProblem(params, gateway.settings.elicitationHosts) : undefined;
  const action: Action = {
    entrance: 'mcp',
    capability: `${server.namespace}.${CLIENT_REQUESTS[request.method] ?? request.method}`,
    tool: request.method,
    known: true,
    namespace: server.namespace,
    access: 'read',
    arguments: params,
    argumentsJson: canonicalJson(params),
    sessionId: sessionIdOf(caller),
    sourceAddress: caller.sourceAddress,
    ...(problem === undefined
      ? {}
      : { refuse: { reasonClass: 'guard', reason: `elicitation: ${problem}`, rule: 'elicitation' } }),
    receivedAtMs: gateway.settings.clock(),
  };
  return gateway.path.authorize(caller.token, caller.principal, async () => action);
}

/** The answer to an upstream's request, from the client of the session it belongs to. Rejects with the JSON-RPC error for the upstream. */
export async function answerUpstream(
  gateway: Gateway,
  caller: Caller,
  exchange: Answerer,
  server: UpstreamServer,
  presented: JsonObject,
  message: JsonObject,
  signal: AbortSignal,
): Promise<JsonObject> {
  if (message.method === 'ping') return {};
  const request = readInputRequest(message);
  if (request === undefined || caller.era !== 'legacy' || !isPresented(request, presented))
    throw new ClientRefusal(CODE.methodNotFound, `Method not found: ${String(message.method)}`);
  return askClient(gateway, caller, exchange, server, request, signal);
}

/** Decides, records, asks the legacy client and records how that ended. */
export async function askClient(
  gateway: Gateway,
  caller: Extract<Caller, { era: 'legacy' }>,
  exchange: Answerer,
  server: UpstreamServer,
  request: InputRequest,
  signal: AbortSignal,
): Promise<JsonObject> {
  const authorization = await authorizeInput(gateway, caller, server, request);
  if (authorization.kind !== 'permit') {
    const why = 'decision' in authorization ? authorization.decision.reason : 'it could not be decided';
    throw new ClientRefusal(CODE.invalidRequest, `The gateway did not pass on ${request.method}: ${why}`);
  }
  const startedAt = performance.now();
  const deadline = AbortSignal.timeout(gateway.settings.clientAnswerMs);
  const until = AbortSignal.any([signal, abortSignalOf(authorization.signal), deadline]);
  const ended = (result: Outcome['result'], errorCode?: string): void => {
    const upstreamMs = performance.now() - startedAt;
    settle(
      gateway,
      authorization,
      errorCode === undefined ? { result, upstreamMs } : { result, upstreamMs, errorCode },
    );
  };
  try {
    const answer = await caller.session.ask(exchange, server, request.method, withElicitationId(request), until);
    ended('success');
    return answer;
  } catch (error) {
    if (until.aborted) ended('unknown', authorization.signal.aborted ? 'aborted_by_stop' : 'client_no_answer');
    else ended('error', 'client_error');
    throw error;
  }
}

/** 2025-11-25 requires an `elicitationId` for links, which modern upstreams no longer send. */
function withElicitationId({ method, params }: InputRequest): JsonObject | undefined {
  if (method !== 'elicitation/create' || params?.mode !== 'url' || params.elicitationId !== undefined) return params;
  return { ...params, elicitationId: crypto.randomUUID() };
}
