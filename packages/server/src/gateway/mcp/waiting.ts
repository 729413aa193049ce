/**
 * A call that waits for people, on the wire: its client sees at once that it is held and is kept from giving up;
 * when its patience is at an end it is told to come back; once approved the call is carried out here. A client that
 * goes away leaves the approval as it is.
 */
import type { JsonObject } from '@hivekey/policy';
import { approvalLink, type CallApproval } from '../../approvals/index.ts';
import type { ApprovalStatus } from '../../path/index.ts';
import { answerUnavailable } from './answers.ts';
import type { Caller, Gateway } from './caller.ts';
import { collect } from './collect.ts';
import type { Answerer } from './exchange.ts';
import { sealWaitingState, type WaitingState } from './input-required.ts';
import { release } from './release.ts';
import type { Reply } from './reply.ts';
import type { Target } from './target.ts';
import { answerTask, speaksTasks } from './tasks.ts';
import { isObject, META, notificationMessage } from './wire.ts';
import { waitingMeta } from './words.ts';

/** Methods whose client can be kept waiting; the others are told at once, and ask again. */
const WAITABLE: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);
/** Clients of 2026-07-28 give up after ten rounds, so the eleventh leg ends in a result. */
const MAX_ROUNDS = 10;
/** Times that an approval may have been taken on its way, by another node or repeat. */
const MAX_MOVES = 5;
/** Clients that are sent progress set their clock back with each of it. */
const PROGRESS_EVERY_MS = 10_000;
const UNDECIDED: readonly ApprovalStatus[] = ['pending'];
const RUNNING: readonly ApprovalStatus[] = ['released'];

export interface WaitingCall {
  readonly gateway: Gateway;
  readonly caller: Caller;
  readonly exchange: Answerer;
  readonly target: Target;
  readonly params: JsonObject;
  readonly reply: Reply;
  /** Of the action, to bind the next leg to. */
  readonly action: { readonly capability: string; readonly argumentsJson: string };
}

/** Answers the exchange, unless its client goes away before. */
export async function waitForPeople(call: WaitingCall, state: WaitingState): Promise<void> {
  const { gateway, exchange } = call;
  try {
    if (!(await isTask(call, state)) && !(await isPointed(call, state))) await wait(call, state);
  } catch (error) {
    gateway.logger.error({ err: error, approval: state.approval }, 'a call could not wait for its approval');
    exchange.refuse((res, id) => answerUnavailable(res, 'log_unavailable', id));
  }
}

/** True when it was answered with a task. A call that can be settled now is settled. */
async function isTask({ gateway, caller, exchange, target }: WaitingCall, { approval: id }: WaitingState) {
  if (target.method !== 'tools/call' || !speaksTasks(caller)) return false;
  const { workspaceId, agentId } = caller.principal;
  const approval = await gateway.approvals.look(workspaceId, agentId, id);
  if (approval?.status !== 'pending' && approval?.status !== 'released') return false;
  answerTask(gateway, exchange, approval);
  return true;
}

/**
 * True when it was answered with a link to where people decide, on the first leg alone. It only points: what the
 * client answers to it is not looked at.
 */
async function isPointed(call: WaitingCall, { approval: id, legs }: WaitingState): Promise<boolean> {
  const { gateway, caller, target } = call;
  const { approvalPointers, url } = gateway.settings;
  const { elicitation } = caller.clientCapabilities;
  const canOpen = caller.era === 'modern' && isObject(elicitation) && isObject(elicitation.url);
  if (!approvalPointers || url === undefined || !canOpen || legs > 0 || !WAITABLE.has(target.method)) return false;
  const approval = await gateway.approvals.look(caller.principal.workspaceId, caller.principal.agentId, id);
  if (approval?.status !== 'pending') return false;
  const message = `A call of ${approval.capability} waits for approval ${id}. Sign in to decide about it.`;
  const params = { mode: 'url', message, url: approvalLink(url, id) };
  comeBack(call, approval, 1, { approval: { method: 'elicitation/create', params } });
  return true;
}

async function wait(call: WaitingCall, { approval: id, legs }: WaitingState): Promise<void> {
  const { gateway, caller, exchange, params } = call;
  const { workspaceId, agentId } = caller.principal;
  const untilMs = performance.now() + patienceOf(call);
  const pulse = keepWaiting(call, id);
  try {
    for (let moves = 0; moves < MAX_MOVES; moves += 1) {
      let approval = await gateway.approvals.wait(workspaceId, agentId, id, UNDECIDED, untilMs, exchange.signal);
      if (approval?.status === 'released')
        approval = await gateway.approvals.wait(workspaceId, agentId, id, RUNNING, untilMs, exchange.signal);
      if (exchange.ended) return;
      if (approval === undefined) throw new Error(`the approval ${id} is gone`);
      if (approval.status !== 'approved') {
        answer(call, approval, legs);
        return;
      }
      const released = await release(call, approval, params);
      if (released === 'answered') return;
    }
    throw new Error(`the approval ${id} is released and not released`);
  } finally {
    clearInterval(pulse);
  }
}

function patienceOf({ gateway: { settings }, caller, exchange, target, params }: WaitingCall): number {
  if (exchange.patienceMs !== undefined) return exchange.patienceMs;
  if (!WAITABLE.has(target.method)) return 0;
  return caller.era === 'legacy' && progressTokenOf(params) !== undefined
    ? settings.holdWithProgressMs
    : settings.holdMs;
}

/** The comment that says that it is held, and progress from then on where the client asked for it. */
function keepWaiting({ gateway, exchange, target, params }: WaitingCall, id: string): NodeJS.Timeout | undefined {
  if (!WAITABLE.has(target.method)) return undefined;
  exchange.held(id);
  const progressToken = progressTokenOf(params);
  if (progressToken === undefined) return undefined;
  let count = 0;
  return setInterval(
    () => {
      count += 1;
      // Small, because the upstream's own progress follows under the same token and must not go back.
      const progress = { progressToken, progress: count / 1_000_000, message: `waiting for approval ${id}` };
      exchange.send(notificationMessage('notifications/progress', progress));
    },
    Math.min(PROGRESS_EVERY_MS, gateway.settings.holdMs / 5),
  ).unref();
}

function progressTokenOf({ _meta }: JsonObject): string | number | undefined {
  const token = isObject(_meta) ? _meta.progressToken : undefined;
  return typeof token === 'string' || typeof token === 'number' ? token : undefined;
}

function answer(call: WaitingCall, approval: CallApproval, legs: number): void {
  const { reply, caller } = call;
  switch (approval.status) {
    case 'pending':
    case 'approved':
    case 'released':
      if (caller.era === 'modern' && WAITABLE.has(call.target.method) && legs < MAX_ROUNDS)
        comeBack(call, approval, legs + 1);
      else reply.waiting(approval);
      break;
    case 'finished':
    case 'unknown':
      collect(call, approval);
      break;
    case 'denied':
    case 'expired':
    case 'cancelled':
    case 'stopped':
      reply.ended(approval);
  }
}

/** The client asks again with the state by itself; that takes nothing of it but to speak this revision. */
function comeBack(
  { gateway, caller, exchange, action }: WaitingCall,
  approval: CallApproval,
  legs: number,
  inputRequests?: JsonObject,
): void {
  const { principal } = caller;
  const state = { approval: approval.id, legs };
  exchange.result({
    resultType: 'input_required',
    ...(inputRequests === undefined ? {} : { inputRequests }),
    requestState: sealWaitingState(gateway, principal, action, state, approval.expiresAtMs),
    _meta: { [META.serverInfo]: gateway.serverInfo, ...waitingMeta(approval, gateway.settings.url) },
  });
}
