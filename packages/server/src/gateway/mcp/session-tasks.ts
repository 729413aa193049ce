/**
 * Tasks of clients of 2025-11-25: the client says of a tool call that it shall be one (`params.task`), held or not.
 * The call runs as any call of its session, except that its answer is kept for `tasks/result` and that it may wait
 * for people as long as the session lasts. The session stands for the client: with it, its tasks end as calls do
 * whose client hangs up, so that a held call stays to be decided and its repeat attaches.
 */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { newId } from '../../ids.ts';
import { answerUnavailable } from './answers.ts';
import type { Gateway, LegacyCaller } from './caller.ts';
import type { Exchange } from './exchange.ts';
import { govern } from './govern.ts';
import { type Answer, KeptAnswer } from './kept-answer.ts';
import type { LegacySession } from './sessions.ts';
import type { Target } from './target.ts';
import { pollEveryMs, UNKNOWN_TASK } from './tasks.ts';
import { CODE, isObject, type RpcError } from './wire.ts';

/** The only revision with tasks of this kind. */
const REVISION = '2025-11-25';
const RELATED_TASK = 'io.modelcontextprotocol/related-task';

/** Of one agent on this node: tasks that run, beyond which there is no further one; and all, of which the oldest that is over makes room. */
const MAX_RUNNING = 64;
const MAX_KEPT = 128;
const DEFAULT_TTL_MS = 60 * 60 * 1000;
const MAX_TTL_MS = 24 * 60 * 60 * 1000;

const CANCELLED: RpcError = { code: CODE.refused, message: 'The task was cancelled.' };

interface SessionTask {
  readonly id: string;
  readonly session: LegacySession;
  readonly kept: KeptAnswer;
  readonly createdAtMs: number;
  readonly ttlMs: number;
  updatedAtMs: number;
  isCancelled: boolean;
}

export function offersTasks({ protocolVersion }: LegacySession): boolean {
  return protocolVersion === REVISION;
}

/** What `initialize` declares. */
export const TASKS_CAPABILITY: JsonObject = { list: {}, cancel: {}, requests: { tools: { call: {} } } };

const METHODS: ReadonlySet<string> = new Set(['tasks/get', 'tasks/result', 'tasks/list', 'tasks/cancel']);

export function isSessionTaskMethod(method: string): boolean {
  return METHODS.has(method);
}

/** All tasks of this node; a session knows its own. */
export class SessionTasks {
  readonly #byAgent = new Map<string, Set<SessionTask>>();

  /** Undefined when the agent has too many. */
  open(session: LegacySession, ttlMs: number, nowMs: number): SessionTask | undefined {
    const key = `${session.workspaceId} ${session.agentId}`;
    const own = this.#byAgent.get(key) ?? new Set();
    const over = [...own].filter(isOver);
    if (own.size - over.length >= MAX_RUNNING) return undefined;
    for (const task of over) if (own.size >= MAX_KEPT || isForgotten(task, nowMs)) own.delete(task);
    const kept = new KeptAnswer(Number.POSITIVE_INFINITY);
    const times = { createdAtMs: nowMs, updatedAtMs: nowMs, ttlMs };
    const task = { id: newId<string>('tsk'), session, kept, ...times, isCancelled: false };
    own.add(task);
    this.#byAgent.set(key, own);
    return task;
  }

  /** Oldest first. */
  of(session: LegacySession, nowMs: number): readonly SessionTask[] {
    const own = this.#byAgent.get(`${session.workspaceId} ${session.agentId}`) ?? [];
    return [...own].filter((task) => task.session === session && !isForgotten(task, nowMs));
  }

  /** The session is over: nobody is there for its tasks. */
  end(session: LegacySession): void {
    const key = `${session.workspaceId} ${session.agentId}`;
    const own = this.#byAgent.get(key);
    for (const task of own ?? []) {
      if (task.session !== session) continue;
      own?.delete(task);
      task.kept.giveUp();
    }
    if (own?.size === 0) this.#byAgent.delete(key);
  }
}

function isForgotten(task: SessionTask, nowMs: number): boolean {
  return isOver(task) && task.createdAtMs + task.ttlMs < nowMs;
}

function isOver({ kept, isCancelled }: SessionTask): boolean {
  return isCancelled || kept.answer !== undefined;
}

/** Begins the call as a task, and answers with it. */
export function beginTask(
  gateway: Gateway,
  caller: LegacyCaller,
  exchange: Exchange,
  target: Target,
  { task: wanted, ...params }: JsonObject,
): void {
  const task = gateway.tasks.open(caller.session, ttlOf(wanted), gateway.settings.clock());
  if (task === undefined) {
    const message = `More than ${MAX_RUNNING} tasks of this agent at once. Nothing was forwarded; try again when some are over.`;
    exchange.error(200, { code: CODE.tooManyRequests, message });
    return;
  }
  exchange.result({ task: taskOf(gateway, task) });
  const { _meta: _, ...call } = params;
  // Nothing precedes the answer of a task, so nothing can be asked of the client.
  govern(gateway, { ...caller, clientCapabilities: {} }, task.kept, target, call)
    .catch((error: unknown) => {
      gateway.logger.error({ err: error, task: task.id }, 'a task failed');
      task.kept.error(200, { code: CODE.internalError, message: 'Internal error' });
    })
    .finally(() => {
      if (!task.isCancelled) task.updatedAtMs = gateway.settings.clock();
    });
}

function ttlOf(wanted: JsonValue | undefined): number {
  const ttl = isObject(wanted) ? wanted.ttl : undefined;
  return typeof ttl === 'number' && ttl > 0 ? Math.min(Math.ceil(ttl), MAX_TTL_MS) : DEFAULT_TTL_MS;
}

export async function serveSessionTask(
  gateway: Gateway,
  caller: LegacyCaller,
  exchange: Exchange,
  method: string,
  { taskId, cursor }: JsonObject,
): Promise<void> {
  const own = gateway.tasks.of(caller.session, gateway.settings.clock());
  if (method === 'tasks/list') {
    // There are few enough for one page, so nobody was given a cursor.
    if (cursor !== undefined) return exchange.error(200, { code: CODE.invalidParams, message: 'Invalid cursor' });
    return exchange.result({ tasks: own.map((task) => taskOf(gateway, task)) });
  }
  const task = own.find(({ id }) => id === taskId);
  if (task === undefined) return exchange.error(200, UNKNOWN_TASK);
  if (method === 'tasks/get') return exchange.result(taskOf(gateway, task));
  if (method === 'tasks/cancel') return cancel(gateway, caller, exchange, task);
  const answer = await answerOf(task, exchange);
  // Whoever asked is gone; the answer stays.
  if (answer === undefined) return;
  if (answer.kind === 'refused') return exchange.refuse(answer.refuse);
  if (answer.kind === 'error') return exchange.error(200, answer.error);
  const { _meta } = answer.result;
  exchange.result({
    ...answer.result,
    _meta: { ...(isObject(_meta) ? _meta : {}), [RELATED_TASK]: { taskId: task.id } },
  });
}

/** Waits for it, as `tasks/result` does; undefined when `exchange` ends before. */
async function answerOf(task: SessionTask, exchange: Exchange): Promise<Answer | undefined> {
  if (task.isCancelled) return { kind: 'error', error: CANCELLED };
  if (task.kept.answer !== undefined) return task.kept.answer;
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  exchange.signal.addEventListener('abort', end, { once: true });
  // A cancelled task is given up, and so is one whose session ended.
  task.kept.signal.addEventListener('abort', end, { once: true });
  const answer = await Promise.race([task.kept.given, over.then(() => undefined)]);
  exchange.signal.removeEventListener('abort', end);
  task.kept.signal.removeEventListener('abort', end);
  return task.isCancelled ? { kind: 'error', error: CANCELLED } : answer;
}

async function cancel(gateway: Gateway, caller: LegacyCaller, exchange: Exchange, task: SessionTask): Promise<void> {
  if (isOver(task)) {
    const message = `Cannot cancel task in terminal status: ${String(taskOf(gateway, task).status)}`;
    return exchange.error(200, { code: CODE.invalidParams, message });
  }
  const { approvalId } = task.kept;
  try {
    // An approved call that has been sent goes on; its result is there for a repeat.
    if (approvalId !== undefined) await gateway.approvals.withdraw(caller.principal, approvalId);
  } catch (error) {
    gateway.logger.error({ err: error, approval: approvalId }, 'a task could not be cancelled');
    return exchange.refuse((res, id) => answerUnavailable(res, 'log_unavailable', id));
  }
  task.isCancelled = true;
  task.updatedAtMs = gateway.settings.clock();
  task.kept.giveUp();
  exchange.result(taskOf(gateway, task));
}

function taskOf(gateway: Gateway, task: SessionTask): JsonObject {
  const { id, createdAtMs, updatedAtMs, ttlMs } = task;
  const { status, statusMessage } = statusOf(task);
  const shown: Record<string, JsonValue> = {
    taskId: id,
    status,
    createdAt: new Date(createdAtMs).toISOString(),
    lastUpdatedAt: new Date(updatedAtMs).toISOString(),
    ttl: ttlMs,
    pollInterval: pollEveryMs(gateway),
  };
  if (statusMessage !== undefined) shown.statusMessage = statusMessage;
  return shown;
}

/** In this generation a tool result that is an error is a task that failed. */
function statusOf({ kept, isCancelled }: SessionTask): { readonly status: string; readonly statusMessage?: string } {
  if (isCancelled) return { status: 'cancelled', statusMessage: CANCELLED.message };
  const { answer, approvalId } = kept;
  if (answer === undefined)
    return approvalId === undefined
      ? { status: 'working' }
      : { status: 'working', statusMessage: `Waits for human approval ${approvalId}, or is being carried out.` };
  if (answer.kind === 'refused')
    return { status: 'failed', statusMessage: 'Nothing was forwarded; make the call again.' };
  if (answer.kind === 'error') return { status: 'failed', statusMessage: answer.error.message };
  if (answer.result.isError !== true) return { status: 'completed' };
  const [first] = Array.isArray(answer.result.content) ? answer.result.content : [];
  return isObject(first) && typeof first.text === 'string'
    ? { status: 'failed', statusMessage: first.text }
    : { status: 'failed' };
}
