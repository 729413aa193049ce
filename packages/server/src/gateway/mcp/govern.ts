/**
 * A governed request from its target to its answer: resolve ▸ decide ▸ record (the path), forward, settle,
 * answer. Every way it can end settles the permit exactly once.
 */
import type { JsonObject } from '@hivekey/policy';
import type { Authorization, Permit } from '../../path/index.ts';
import type { UpstreamAnswer, UpstreamServer } from '../../upstreams/index.ts';
import { answerUnauthenticated, answerUnavailable } from './answers.ts';
import { type Caller, capabilitiesFor, type Gateway } from './caller.ts';
import type { Exchange } from './exchange.ts';
import { forward } from './forward.ts';
import { asksForInput, fulfil, presentInputRequired } from './input-required.ts';
import { outcomeOf, settle } from './outcome.ts';
import { Reply } from './reply.ts';
import { type Resolved, resolve } from './resolve.ts';
import { resultFor } from './result.ts';
import type { Target } from './target.ts';

const NOTHING: JsonObject = Object.freeze({});

export async function govern(
  gateway: Gateway,
  caller: Caller,
  exchange: Exchange,
  target: Target,
  params: JsonObject,
): Promise<void> {
  const reply = new Reply(exchange, caller, target);
  let resolved: Resolved | undefined;
  let authorization: Authorization;
  try {
    authorization = await gateway.path.authorize(caller.token, caller.principal, async (principal) => {
      resolved = await resolve(gateway, caller, principal, target, params);
      return resolved.action;
    });
  } catch (error) {
    gateway.logger.error({ err: error, method: target.method }, 'a request could not be decided');
    authorization = { kind: 'unavailable', code: 'policy_unavailable' };
  }
  switch (authorization.kind) {
    case 'unauthenticated': {
      const { code } = authorization;
      return exchange.refuse((res, id) => answerUnauthenticated(res, code, id));
    }
    case 'unavailable': {
      const { code } = authorization;
      return exchange.refuse((res, id) => answerUnavailable(res, code, id));
    }
    case 'refused':
      return reply.refused(authorization, gateway.settings.clock());
    case 'held':
      return reply.held(authorization);
    case 'permit':
      return carryOut(gateway, caller, exchange, target, params, authorization, resolved, reply);
  }
}

/** From the permit on: forward, record how it ended, answer. */
async function carryOut(
  gateway: Gateway,
  caller: Caller,
  exchange: Exchange,
  target: Target,
  params: JsonObject,
  permit: Permit,
  resolved: Resolved | undefined,
  reply: Reply,
): Promise<void> {
  if (resolved?.entry === undefined || resolved.server === undefined || resolved.action !== permit.action) {
    // The upstream was taken away while its definition was still listed.
    settle(gateway, permit, { result: 'not_attempted', errorCode: 'upstream_unreachable' });
    const failure = { kind: 'failed', code: 'upstream_unreachable', began: false } as const;
    return reply.failed(resolved?.entry?.namespace ?? 'of this tool', failure, permit);
  }
  const { entry, server, state } = resolved;
  const clientCapabilities = await capabilitiesFor(gateway, caller, server);
  const upstreamParams = target.upstreamParams(entry);
  const startedAt = performance.now();
  const send = (added: JsonObject): Promise<UpstreamAnswer> => {
    const all = added === NOTHING ? upstreamParams : { ...upstreamParams, ...added };
    const request = { permit, server, method: target.method, params: all, meta: params._meta, clientCapabilities };
    return forward(gateway, caller, exchange, request);
  };
  let answer = await send(retryParams(caller, server, params, state));
  let shown = answer.kind === 'result' ? answer.result : NOTHING;
  let refused: string | undefined;
  if (asksForInput(target.method, server, answer)) {
    if (caller.era === 'legacy') {
      const fulfilled = await fulfil(gateway, caller, exchange, server, clientCapabilities, answer, send);
      answer = fulfilled.answer;
      refused = fulfilled.refused;
      shown = answer.kind === 'result' ? answer.result : NOTHING;
    } else {
      const presentable = await presentInputRequired(gateway, caller, server, permit, clientCapabilities, shown);
      if (presentable.ok) shown = presentable.result;
      else refused = presentable.reason;
    }
  }
  settle(gateway, permit, outcomeOf(answer, permit, performance.now() - startedAt));
  if (refused !== undefined) return reply.inputRefused(server.namespace, refused, permit);
  switch (answer.kind) {
    case 'result':
      target.onResult?.();
      return exchange.result(resultFor(shown, target.method, caller.era, gateway.serverInfo));
    case 'error':
      return reply.upstreamError(server.namespace, answer, clientCapabilities, permit);
    case 'failed':
      return reply.failed(server.namespace, answer, permit);
  }
}

/** A retry's answers, for an upstream that knows what they are. */
function retryParams(
  caller: Caller,
  server: UpstreamServer,
  params: JsonObject,
  state: string | undefined,
): JsonObject {
  if (caller.era !== 'modern' || server.era !== 'modern') return NOTHING;
  const answers = params.inputResponses === undefined ? NOTHING : { inputResponses: params.inputResponses };
  return state === undefined ? answers : { ...answers, requestState: state };
}
