/**
 * Held calls as tasks, for clients of 2026-07-28 that declare the extension `io.modelcontextprotocol/tasks`. A task
 * is an approval as its agent sees it: nothing is kept beside it, and the poll that comes after the approval carries
 * the call out.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import type { CallApproval } from '../../approvals/index.ts';
import { answerUnavailable } from './answers.ts';
import type { Caller, Gateway, ModernCaller } from './caller.ts';
import { collect } from './collect.ts';
import type { Exchange } from './exchange.ts';
import { readHeldRequest } from './held-request.ts';
import { type Answer, KeptAnswer } from './kept-answer.ts';
import { release } from './release.ts';
import { Reply } from './reply.ts';
import { isError, readTarget } from './target.ts';
import { CODE, isObject, META, type RpcError } from './wire.ts';
import { endedWords, waitingStatus } from './words.ts';

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** How often a client is asked to look: people take minutes. */
const POLL_EVERY_MS = 5_000;
/** A poll waits this long for the call that it carries out; then it says that it is working. */
const RUN_PATIENCE_MS = 10_000;
const SETTLE_PATIENCE_MS = 2_000;
/** Past its deadline a task still tells why it came to nothing, so that the last poll learns it. */
const FORGOTTEN_AFTER_MS = 60_000;
/** Times that an approval may have been taken on its way, by another node or poll. */
const MAX_MOVES = 5;

/** The same for another agent's, for one that is over and for one that never was. */
export const UNKNOWN_TASK: RpcError = {
  code: CODE.invalidParams,
  message: 'Failed to retrieve task: Task not found',
};

const METHODS: ReadonlySet<string> = new Set(['tasks/get', 'tasks/update', 'tasks/cancel']);

export function isTaskMethod(method: string): boolean {
  return METHODS.has(method);
}

export function speaksTasks(caller: Caller): boolean {
  const { extensions } = caller.clientCapabilities;
  return caller.era === 'modern' && isObject(extensions) && isObject(extensions[TASKS_EXTENSION]);
}

/** How often clients are asked to look, milliseconds. */
export function pollEveryMs({ settings }: Gateway): number {
  return Math.min(POLL_EVERY_MS, Math.ceil(settings.holdMs / 10));
}

/** The answer to a call that waits for people. */
export function answerTask(gateway: Gateway, exchange: { result(result: JsonObject): void }, approval: CallApproval) {
  const status = 'working';
  exchange.result({
    resultType: 'task',
    ...taskOf(gateway, approval, status, waitingStatus(approval, gateway.settings.url)),
  });
}

/** Serves `tasks/get`, `tasks/update` and `tasks/cancel`. */
export async function serveTask(
  gateway: Gateway,
  caller: ModernCaller,
  exchange: Exchange,
  method: string,
  params: JsonObject,
): Promise<void> {
  if (!speaksTasks(caller)) return exchange.error(400, missingExtension());
  const { taskId } = params;
  try {
    const approval = typeof taskId === 'string' ? await known(gateway, caller, taskId) : undefined;
    if (approval === undefined) return exchange.error(200, UNKNOWN_TASK);
    if (method === 'tasks/get') return await get(gateway, caller, exchange, approval);
    // What has been sent is not called back: it would be unknown what became of it.
    if (method === 'tasks/cancel') await gateway.approvals.withdraw(caller.principal, approval.id);
    // An update answers questions, and a task asks none: people decide elsewhere.
    exchange.result({ resultType: 'complete', _meta: { [META.serverInfo]: gateway.serverInfo } });
  } catch (error) {
    gateway.logger.error({ err: error, method }, 'a task could not be looked at');
    exchange.refuse((res, id) => answerUnavailable(res, 'log_unavailable', id));
  }
}

export function missingExtension(): RpcError {
  const requiredCapabilities = { extensions: { [TASKS_EXTENSION]: {} } };
  return {
    code: CODE.missingClientCapability,
    message: `Missing required client capability: ${TASKS_EXTENSION}`,
    data: { requiredCapabilities },
  };
}

/** A held tool call of this agent, which is granted the tool still. */
async function known(gateway: Gateway, { principal }: ModernCaller, taskId: string): Promise<CallApproval | undefined> {
  const { workspaceId, agentId } = principal;
  const approval = await gateway.approvals.look(workspaceId, agentId, taskId);
  if (approval === undefined || approval.entrance !== 'mcp') return undefined;
  if (approval.status !== 'released' && approval.expiresAtMs + FORGOTTEN_AFTER_MS < gateway.settings.clock())
    return undefined;
  if (readHeldRequest(approval.request()).method !== 'tools/call') return undefined;
  return (await gateway.path.granted(principal)).has(approval.capability) ? approval : undefined;
}

async function get(gateway: Gateway, caller: ModernCaller, exchange: Exchange, first: CallApproval): Promise<void> {
  const { workspaceId, agentId } = caller.principal;
  let approval: CallApproval | undefined = first;
  for (let moves = 0; moves < MAX_MOVES && approval?.status === 'approved'; moves += 1) {
    const answer = await carriedOut(gateway, caller, approval);
    // A task that is over must be over for the next poll as well, so its end is waited for.
    const untilMs = answer === 'running' ? 0 : performance.now() + SETTLE_PATIENCE_MS;
    approval = await gateway.approvals.wait(workspaceId, agentId, first.id, ['released'], untilMs, exchange.signal);
    if (typeof answer === 'object' && approval !== undefined && approval.status !== 'released')
      return answered(gateway, exchange, approval, answer);
  }
  if (approval === undefined) return exchange.error(200, UNKNOWN_TASK);
  const { status } = approval;
  if (status === 'pending' || status === 'approved' || status === 'released')
    return tell(gateway, exchange, taskOf(gateway, approval, 'working', waitingStatus(approval, gateway.settings.url)));
  if (status === 'cancelled')
    return tell(gateway, exchange, taskOf(gateway, approval, 'cancelled', endedWords(approval).text));
  const kept = new KeptAnswer(0);
  const call = callOf(gateway, caller, kept, approval);
  if (status === 'finished' || status === 'unknown') collect(call, approval);
  else call.reply.ended(approval);
  answered(gateway, exchange, approval, await kept.given);
}

/** Carries the approved call out, once whoever polls; it goes on when that takes longer than a poll may wait. */
async function carriedOut(
  gateway: Gateway,
  caller: ModernCaller,
  approval: CallApproval,
): Promise<Answer | 'moved' | 'running'> {
  const kept = new KeptAnswer(0);
  const call = callOf(gateway, caller, kept, approval);
  const run = async (): Promise<Answer | 'moved'> =>
    (await release(call, approval, {})) === 'moved' ? 'moved' : kept.given;
  const ran = run();
  // It may fail after nobody waits for it any more.
  ran.catch((error: unknown) =>
    gateway.logger.error({ err: error, approval: approval.id }, 'an approved call could not be carried out'),
  );
  const patience = new AbortController();
  const patienceMs = Math.min(RUN_PATIENCE_MS, gateway.settings.holdMs);
  try {
    return await Promise.race([ran, delay(patienceMs, 'running' as const, { signal: patience.signal, ref: false })]);
  } finally {
    patience.abort();
  }
}

function callOf(gateway: Gateway, caller: ModernCaller, kept: KeptAnswer, approval: CallApproval) {
  const { method, params } = readHeldRequest(approval.request());
  const target = readTarget(method, params, caller.era);
  if (target === undefined || isError(target)) throw new Error(`the request of ${approval.id} cannot be read`);
  // Nothing can be asked of whoever polls.
  const as: ModernCaller = { ...caller, clientCapabilities: {} };
  return { gateway, caller: as, exchange: kept, target, reply: new Reply(kept, as, target, gateway.settings.url) };
}

function answered(gateway: Gateway, exchange: Exchange, approval: CallApproval, answer: Answer): void {
  if (answer.kind === 'refused') exchange.refuse(answer.refuse);
  else if (answer.kind === 'error') failed(gateway, exchange, approval, answer.error);
  else if (answer.result.resultType === 'input_required')
    // Kept of a leg whose client could be asked.
    failed(gateway, exchange, approval, {
      code: CODE.refused,
      message: 'The upstream asks for input, which a task does not pass on: make the call again.',
    });
  else tell(gateway, exchange, { ...taskOf(gateway, approval, 'completed'), result: answer.result });
}

function failed(gateway: Gateway, exchange: Exchange, approval: CallApproval, error: RpcError): void {
  const { code, message, data } = error;
  const told: JsonObject = data === undefined ? { code, message } : { code, message, data };
  tell(gateway, exchange, { ...taskOf(gateway, approval, 'failed', message), error: told });
}

function tell(gateway: Gateway, exchange: Exchange, task: JsonObject): void {
  exchange.result({ resultType: 'complete', ...task, _meta: { [META.serverInfo]: gateway.serverInfo } });
}

function taskOf(gateway: Gateway, approval: CallApproval, status: string, statusMessage?: string): JsonObject {
  const { id, requestedAtMs, changedAtMs, expiresAtMs } = approval;
  const task: Record<string, JsonValue> = {
    taskId: id,
    status,
    createdAt: new Date(requestedAtMs).toISOString(),
    lastUpdatedAt: new Date(changedAtMs).toISOString(),
    ttlMs: expiresAtMs - requestedAtMs,
    pollIntervalMs: pollEveryMs(gateway),
  };
  if (statusMessage !== undefined) task.statusMessage = statusMessage;
  return task;
}
