/** A governed request from its target to its answer: resolve ▸ decide ▸ record (the path), then forward or wait. */
import type { JsonObject } from '@hivekey/policy';
import type { Authorization } from '../../path/index.ts';
import { answerUnauthenticated, answerUnavailable } from './answers.ts';
import type { Caller, Gateway } from './caller.ts';
import { carryOut } from './carry-out.ts';
import type { Answerer } from './exchange.ts';
import type { WaitingState } from './input-required.ts';
import { Reply } from './reply.ts';
import { type Resolved, resolve } from './resolve.ts';
import { recordedName, type Target } from './target.ts';
import { waitForPeople } from './waiting.ts';

export async function govern(
  gateway: Gateway,
  caller: Caller,
  exchange: Answerer,
  target: Target,
  params: JsonObject,
): Promise<void> {
  const reply = new Reply(exchange, caller, target, gateway.settings.url);
  const call = { gateway, caller, exchange, target, params, reply };
  let resolved: Resolved | undefined;
  let authorization: Authorization;
  try {
    if (typeof params.requestState === 'string') {
      const leg = await nextLeg(gateway, caller, target, params);
      if (leg !== undefined && 'kind' in leg)
        return exchange.refuse((res, id) =>
          leg.kind === 'unavailable'
            ? answerUnavailable(res, leg.code, id)
            : answerUnauthenticated(res, leg, gateway.settings.url, id),
        );
      if (leg !== undefined) return await waitForPeople({ ...call, action: leg.action }, leg.waiting);
    }
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
      const refusal = authorization;
      return exchange.refuse((res, id) => answerUnauthenticated(res, refusal, gateway.settings.url, id));
    }
    case 'unavailable': {
      const { code } = authorization;
      return exchange.refuse((res, id) => answerUnavailable(res, code, id));
    }
    case 'refused':
      return reply.refused(authorization, gateway.settings.clock());
    case 'held': {
      const { approval, action } = authorization;
      if (approval === undefined) return reply.held(authorization);
      return waitForPeople({ ...call, action }, { approval: approval.id, legs: 0 });
    }
    case 'permit':
      return carryOut(call, authorization, resolved);
  }
}

type Leg = { readonly waiting: WaitingState; readonly action: Resolved['action'] };

/**
 * A retry that carries the state of a waiting call: another leg of it, which is on the log already. Who asks is
 * looked up anew, since nothing is recorded that would check it. Undefined for any other request, and where the
 * capability is not granted any more: then the request is decided like a first one.
 */
async function nextLeg(gateway: Gateway, caller: Caller, target: Target, params: JsonObject) {
  const { action, waiting } = await resolve(gateway, caller, caller.principal, target, params);
  if (waiting === undefined || action.refuse !== undefined) return undefined;
  const principal = await gateway.path.authenticate(caller.token, {
    presented: 'again',
    tool: recordedName(target.name),
    ...(caller.sourceAddress === undefined ? {} : { sourceAddress: caller.sourceAddress }),
  });
  if ('kind' in principal) return principal;
  if (!(await gateway.path.granted(principal)).has(action.capability)) return undefined;
  const { workspaceId, agentId } = principal;
  if ((await gateway.approvals.look(workspaceId, agentId, waiting.approval)) === undefined) return undefined;
  const leg: Leg = { waiting, action };
  return leg;
}
