/** The result of an approved call as it is kept, and given to whoever repeats the call. */
import type { JsonObject } from '@hivekey/policy';
import type { CallApproval } from '../../approvals/index.ts';
import type { UpstreamAnswer } from '../../upstreams/index.ts';
import { resultFor } from './result.ts';
import type { WaitingCall } from './waiting.ts';
import { isObject } from './wire.ts';

/** A larger result is given to the one that waits, and not kept. Bytes of JSON, about. */
const MAX_KEPT = 1024 * 1024;

/** What is kept of an answer; undefined when it is too large. `shown`: the result as its client saw it. */
export function keptOf(
  answer: UpstreamAnswer,
  shown: JsonObject,
  namespace: string,
  call: { readonly eventId: string; readonly stopped: boolean },
): JsonObject | undefined {
  const kept: JsonObject = { ...call, namespace, ...answerOf(answer, shown) };
  return JSON.stringify(kept).length > MAX_KEPT ? undefined : kept;
}

function answerOf(answer: UpstreamAnswer, shown: JsonObject): JsonObject {
  switch (answer.kind) {
    case 'result':
      return { kind: 'result', result: shown };
    case 'error':
      // Upstream data came out of a JSON document.
      return { kind: 'error', error: JSON.parse(JSON.stringify(answer.error)) };
    case 'failed':
      // What is known of it is the outcome, which the approval has.
      return { kind: 'failed' };
  }
}

/** Answers with what is kept of the call that ran. */
export function collect(
  { gateway, caller, exchange, reply, target }: Omit<WaitingCall, 'params' | 'action'>,
  approval: CallApproval,
): void {
  const kept = approval.result() ?? {};
  const carried = { eventId: String(kept.eventId), signal: { aborted: kept.stopped === true } };
  const namespace = String(kept.namespace);
  if (kept.kind === 'result' && isObject(kept.result)) {
    exchange.result(resultFor(kept.result, target.method, caller.era, gateway.serverInfo));
  } else if (kept.kind === 'error' && isObject(kept.error)) {
    const { code, message, data } = kept.error;
    const error = { code: Number(code), message: String(message), ...(data === undefined ? {} : { data }) };
    reply.upstreamError(namespace, { kind: 'error', error, bytesIn: 0 }, caller.clientCapabilities, carried);
  } else {
    reply.ended(approval);
  }
}
