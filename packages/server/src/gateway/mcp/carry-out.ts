/** From the permit on: forward, record how it ended, answer. Every way it can end settles the permit exactly once. */
import type { JsonObject } from '@hivekey/policy';
import { ASKS_FOR_INPUT, type Outcome, type Permit } from '../../path/index.ts';
import type { UpstreamAnswer, UpstreamServer } from '../../upstreams/index.ts';
import { type Caller, capabilitiesFor, type Gateway } from './caller.ts';
import { keptOf } from './collect.ts';
import type { Answerer } from './exchange.ts';
import { forward } from './forward.ts';
import { asksForInput, fulfil, presentInputRequired } from './input-required.ts';
import { outcomeOf, settle } from './outcome.ts';
import type { Reply } from './reply.ts';
import type { Resolved } from './resolve.ts';
import { resultFor } from './result.ts';
import type { Target } from './target.ts';

const NOTHING: JsonObject = Object.freeze({});

export interface GovernedCall {
  readonly gateway: Gateway;
  readonly caller: Caller;
  readonly exchange: Answerer;
  readonly target: Target;
  readonly params: JsonObject;
  readonly reply: Reply;
}

/** `approvalId`: the approval that the permit consumed. Then the call goes on without its client, and its result is kept. */
export async function carryOut(
  call: GovernedCall,
  permit: Permit,
  resolved: Resolved | undefined,
  approvalId?: string,
): Promise<void> {
  const { gateway } = call;
  const { workspaceId } = permit.principal;
  let isEnded = false;
  const end = (outcome: Outcome, kept: JsonObject | undefined): void => {
    isEnded = true;
    settle(gateway, permit, outcome);
    if (approvalId !== undefined) void gateway.approvals.finish(workspaceId, approvalId, outcome, kept);
  };
  try {
    await forwardAndAnswer(call, permit, resolved, approvalId, end);
  } catch (error) {
    // Whatever broke, the call may have been sent.
    if (!isEnded) end({ result: 'unknown', errorCode: 'gateway_error' }, undefined);
    throw error;
  }
}

async function forwardAndAnswer(
  { gateway, caller, exchange, target, params, reply }: GovernedCall,
  permit: Permit,
  resolved: Resolved | undefined,
  approvalId: string | undefined,
  end: (outcome: Outcome, kept: JsonObject | undefined) => void,
): Promise<void> {
  if (resolved?.entry === undefined || resolved.server === undefined || resolved.action !== permit.action) {
    // The upstream was taken away while its definition was still listed.
    end({ result: 'not_attempted', errorCode: 'upstream_unreachable' }, undefined);
    const failure = { kind: 'failed', code: 'upstream_unreachable', began: false } as const;
    return reply.failed(resolved?.entry?.namespace ?? 'of this tool', failure, permit);
  }
  const { entry, server, state } = resolved;
  const clientCapabilities = await capabilitiesFor(gateway, caller, server);
  const upstreamParams = target.upstreamParams(entry);
  const startedAt = performance.now();
  const send = (added: JsonObject): Promise<UpstreamAnswer> => {
    const all = added === NOTHING ? upstreamParams : { ...upstreamParams, ...added };
    return forward(gateway, caller, exchange, {
      permit,
      server,
      method: target.method,
      params: all,
      meta: params._meta,
      clientCapabilities,
      outlivesClient: approvalId !== undefined,
    });
  };
  let answer = await send(retryParams(caller, server, params, state));
  let shown = answer.kind === 'result' ? answer.result : NOTHING;
  let refused: string | undefined;
  if (asksForInput(target.method, server, answer)) {
    if (!exchange.canAsk) {
      refused = 'a task asks nothing of its client';
    } else if (caller.era === 'legacy') {
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
  const { namespace } = server;
  const { eventId, signal } = permit;
  const ended = outcomeOf(answer, permit, performance.now() - startedAt);
  // What has asked has done nothing yet that another call could need to have been done.
  const outcome = asksForInput(target.method, server, answer) ? { ...ended, errorCode: ASKS_FOR_INPUT } : ended;
  const isKept = approvalId !== undefined && refused === undefined;
  end(outcome, isKept ? keptOf(answer, shown, namespace, { eventId, stopped: signal.aborted }) : undefined);
  if (refused !== undefined) return reply.inputRefused(namespace, refused, permit);
  switch (answer.kind) {
    case 'result':
      target.onResult?.();
      return exchange.result(resultFor(shown, target.method, caller.era, gateway.serverInfo));
    case 'error':
      return reply.upstreamError(namespace, answer, clientCapabilities, permit);
    case 'failed':
      return reply.failed(namespace, answer, permit);
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
