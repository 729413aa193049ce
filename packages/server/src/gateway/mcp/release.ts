/** An approved call is carried out: decided again and consumed by the path, from the stored request, then forwarded. */
import type { JsonObject } from '@hivekey/policy';
import type { CallApproval } from '../../approvals/index.ts';
import { answerUnauthenticated, answerUnavailable } from './answers.ts';
import type { Caller } from './caller.ts';
import { carryOut } from './carry-out.ts';
import { readHeldRequest } from './held-request.ts';
import { type Resolved, resolve } from './resolve.ts';
import { isError, readTarget } from './target.ts';
import type { WaitingCall } from './waiting.ts';

/** `moved`: the approval was not there to be released; somebody else has it, or it is over. */
export async function release(
  { gateway, caller, exchange, reply }: Pick<WaitingCall, 'gateway' | 'caller' | 'exchange' | 'reply'>,
  approval: CallApproval,
  params: JsonObject,
): Promise<'answered' | 'moved'> {
  const held = readHeldRequest(approval.request());
  const target = readTarget(held.method, held.params, caller.era);
  if (target === undefined || isError(target)) throw new Error(`the request of ${approval.id} cannot be read`);
  const { namespace } = held;
  const as: Caller = { ...caller, namespace };
  let resolved: Resolved | undefined;
  const authorization = await gateway.path.resume(approval.id, caller.token, caller.principal, async (principal) => {
    resolved = await resolve(gateway, as, principal, target, held.params, held.state);
    return resolved.action;
  });
  switch (authorization.kind) {
    case 'moved':
      return 'moved';
    case 'unauthenticated': {
      exchange.refuse((res, id) => answerUnauthenticated(res, authorization, gateway.settings.url, id));
      return 'answered';
    }
    case 'unavailable': {
      const { code } = authorization;
      exchange.refuse((res, id) => answerUnavailable(res, code, id));
      return 'answered';
    }
    case 'held':
      throw new Error(`the approved call ${approval.id} was held again`);
    case 'refused':
      reply.refused(authorization, gateway.settings.clock());
      return 'answered';
    case 'permit': {
      // Its own progress token and trace, the stored arguments.
      const stored = { ...held.params, ...(params._meta === undefined ? {} : { _meta: params._meta }) };
      const call = { gateway, caller: as, exchange, target, params: stored, reply };
      await carryOut(call, authorization, resolved, approval.id);
      return 'answered';
    }
  }
}
