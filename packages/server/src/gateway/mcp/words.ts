/**
 * How a decision reads to a model. A refusal inside a tool result is what every measured client hands to
 * the model with its reason; a JSON-RPC error mostly becomes "please try again".
 */
import { type Decision, formatUnits, type JsonObject, type JsonValue } from '@hivekey/policy';
import { approvalLink, type CallApproval } from '../../approvals/index.ts';
import type { UpstreamAnswer } from '../../upstreams/index.ts';
import { CODE, type RpcError } from './wire.ts';

export interface Words {
  readonly text: string;
  readonly meta: JsonObject;
}

/** What to do next, by why it was refused. */
const ADVICE: Readonly<Record<string, string>> = {
  scope: 'This agent is not granted it.',
  guard: 'The same call will be refused again: change the request, or ask the owner of this agent.',
  cap: 'A smaller amount may fit; otherwise wait, or ask the owner of this agent.',
  rate: 'Wait before calling again.',
  freeze: 'A change freeze is in force: go on with other work, or ask the owner of this agent.',
  containment: 'An operator has stopped this. Do not retry; ask the owner of this agent.',
  credential: 'The credential of this agent is no longer accepted.',
  error: 'It could not be decided safely. Try again later.',
};

export function refusalWords(decision: Decision, eventId: string, nowMs: number): Words {
  const parts = [`Refused by policy and not executed. ${sentence(decision.reason)}`];
  if (decision.remaining !== undefined)
    parts.push(`Left in this window: ${formatUnits(decision.remaining, decision.remainingUnit)}.`);
  if (decision.retryAfterSeconds !== undefined) {
    const at = new Date(nowMs + decision.retryAfterSeconds * 1000).toISOString();
    const what = decision.reasonClass === 'freeze' ? 'It ends' : 'The limit frees up';
    parts.push(`${what} in ${decision.retryAfterSeconds} s, at ${at}.`);
  }
  parts.push(ADVICE[decision.reasonClass] ?? ADVICE.error ?? '', `Log entry ${eventId}.`);
  return { text: parts.join(' '), meta: metaOf('action_denied', decision, eventId) };
}

/** Arguments that do not fit the schema: the model can correct these itself. */
export function misfitWords(decision: Decision, eventId: string): Words {
  const text = `Not executed. ${sentence(decision.reason)} Correct the arguments and call again. Log entry ${eventId}.`;
  return { text, meta: metaOf('action_denied', decision, eventId) };
}

export function heldWords(decision: Decision, eventId: string): Words {
  const text =
    `This action waits for a person's decision and was NOT executed. ${sentence(decision.reason)} ` +
    `Do not repeat it; go on with other work, and tell the owner of this agent. Log entry ${eventId}.`;
  return { text, meta: metaOf('approval_required', decision, eventId) };
}

/** `tools/call` waits; what is told when the client's patience is at its end. `origin`: of the console. */
export function waitingWords(approval: CallApproval, origin?: string): Words {
  const { id, status } = approval;
  const expires = new Date(approval.expiresAtMs).toISOString();
  const where = origin === undefined ? '' : ` People decide at ${approvalLink(origin, id)}.`;
  const text =
    status === 'released'
      ? `Approved as ${id} and being carried out. Call this tool again with exactly the same arguments to collect the result.`
      : `Pending human approval ${id} (expires ${expires}).${where} NOT executed yet. Call this tool again with exactly the same arguments to collect the decision.`;
  return { text, meta: waitingMeta(approval, origin) };
}

/** What a client is told beside the words, or in place of them. */
export function waitingMeta(approval: CallApproval, origin?: string): JsonObject {
  const meta = approvalMeta(approval, 'review', approval.status === 'released' ? 'approval_used' : 'approval_required');
  return origin === undefined ? meta : { ...meta, 'hivekey/approval_url': approvalLink(origin, approval.id) };
}

/** How a task stands whose call is not over. */
export function waitingStatus({ id, status }: CallApproval, origin?: string): string {
  if (status === 'released') return `Approved as ${id} and being carried out.`;
  const where = origin === undefined ? '' : ` People decide at ${approvalLink(origin, id)}.`;
  return `Pending human approval ${id}.${where} NOT executed yet.`;
}

/** Why there is nothing to give. */
export function endedWords(approval: CallApproval): Words {
  const verdict = approval.status === 'finished' || approval.status === 'unknown' ? 'allow' : 'deny';
  const { status } = approval;
  const code = status === 'finished' || status === 'unknown' ? 'approval_used' : `approval_${status}`;
  return { text: endText(approval), meta: approvalMeta(approval, verdict, code) };
}

function endText({ id, status, reason, deniedBy, outcome }: CallApproval): string {
  const why = reason === null ? '' : ` ${sentence(reason)}`;
  switch (status) {
    case 'denied':
      return `Denied by ${deniedBy ?? 'a person'} and not executed (${id}).${why} Do not repeat it; go on with other work.`;
    case 'expired':
      return `Nobody approved this in time, so it was not executed (${id}). Call again to ask anew.`;
    case 'cancelled':
      return `The approval ${id} was cancelled and the call not executed.${why}`;
    case 'stopped':
      return `Approved as ${id}, but not executed: ${why.trim()} Call again to ask anew.`;
    case 'unknown':
      return `Approved as ${id} and sent, but it is not known whether it took effect, and it was not sent again: check before asking anew.`;
    default:
      if (outcome === 'not_attempted')
        return `Approved as ${id}, but the upstream could not be reached and nothing was sent. Call again to ask anew.`;
      return `Approved as ${id} and executed (${outcome ?? 'no outcome'}); its result was not kept. It is not executed again.`;
  }
}

function approvalMeta({ id, status, expiresAtMs }: CallApproval, verdict: string, code: string): JsonObject {
  return {
    'hivekey/code': code,
    'hivekey/verdict': verdict,
    'hivekey/approval': id,
    'hivekey/approval_status': status,
    'hivekey/expires_at': new Date(expiresAtMs).toISOString(),
  };
}

type Failed = Extract<UpstreamAnswer, { kind: 'failed' }>;

/** `stopped`: an operator ended the call. */
export function failureWords(namespace: string, answer: Failed, stopped: boolean, eventId: string): Words {
  const what = stopped ? 'An operator stopped this call.' : `Upstream ${namespace} unavailable (${answer.code}).`;
  const then = answer.began
    ? 'The request had been sent, so it is not known whether it took effect: check before repeating it.'
    : 'Nothing was sent.';
  return {
    text: `${what} ${then} Log entry ${eventId}.`,
    meta: {
      'hivekey/verdict': 'allow',
      'hivekey/event_id': eventId,
      'hivekey/upstream_error': stopped ? 'aborted_by_stop' : answer.code,
      'hivekey/outcome': answer.began ? 'unknown' : 'not_attempted',
    },
  };
}

/** Something a client may be asked for, that this agent may not pass on. */
export function inputRefusedWords(namespace: string, reason: string, eventId: string): Words {
  return {
    text: `Upstream ${namespace} asked for input that policy does not let through: ${sentence(reason)} Log entry ${eventId}.`,
    meta: { 'hivekey/verdict': 'deny', 'hivekey/event_id': eventId },
  };
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}

/** `code` is that of the other entrances for the same answer. */
function metaOf(code: string, decision: Decision, eventId: string): JsonObject {
  const meta: Record<string, JsonValue> = {
    'hivekey/code': code,
    'hivekey/verdict': decision.verdict,
    'hivekey/reason_class': decision.reasonClass,
    'hivekey/event_id': eventId,
  };
  if (decision.rule !== undefined) meta['hivekey/rule'] = decision.rule;
  if (decision.remaining !== undefined) meta['hivekey/remaining'] = decision.remaining;
  if (decision.remainingUnit !== undefined) meta['hivekey/remaining_unit'] = decision.remainingUnit;
  if (decision.retryAfterSeconds !== undefined) meta['hivekey/retry_after_seconds'] = decision.retryAfterSeconds;
  return meta;
}

export function toolErrorResult(words: Words): JsonObject {
  return { content: [{ type: 'text', text: words.text }], isError: true, _meta: words.meta };
}

/** For methods whose result has no place for an error. */
export function errorOf(words: Words, code: number): RpcError {
  return { code, message: words.text, data: words.meta };
}

export function unknownTool(name: string): RpcError {
  return { code: CODE.invalidParams, message: `Unknown tool: ${name}` };
}

export function unknownPrompt(name: string): RpcError {
  return { code: CODE.invalidParams, message: `Unknown prompt: ${name}` };
}

/** -32602 since 2026-07-28, -32002 before. */
export function unknownResource(uri: string, era: 'modern' | 'legacy'): RpcError {
  const code = era === 'modern' ? CODE.invalidParams : CODE.resourceNotFound;
  return { code, message: `Resource not found: ${uri}`, data: { uri } };
}
