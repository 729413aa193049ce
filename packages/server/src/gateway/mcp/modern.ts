/** Methods of revision 2026-07-28: every request stands alone. */
import type { JsonObject } from '@hivekey/policy';
import { type Gateway, type ModernCaller, visibleTo } from './caller.ts';
import { serverCapabilities } from './capabilities.ts';
import type { Exchange } from './exchange.ts';
import { govern } from './govern.ts';
import { answerList, listOf } from './lists.ts';
import type { RequestMessage } from './message.ts';
import { isError, readTarget } from './target.ts';
import { isTaskMethod, missingExtension, serveTask, speaksTasks, TASKS_EXTENSION } from './tasks.ts';
import { LIST_TTL_MS } from './visible.ts';
import { CODE, isObject, META, MODERN_VERSIONS } from './wire.ts';

/** Governed methods of this era; the others of the table belong to sessions. */
const GOVERNED: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read', 'completion/complete']);

export function isGovernedModern(method: string): boolean {
  return GOVERNED.has(method);
}

/** `listen` serves `subscriptions/listen`, whose answer is a stream of its own. */
export async function serveModern(
  gateway: Gateway,
  caller: ModernCaller,
  exchange: Exchange,
  message: RequestMessage,
  listen: () => Promise<void>,
): Promise<void> {
  const { method, params } = message;
  if (GOVERNED.has(method)) {
    const target = readTarget(method, params, 'modern');
    if (target === undefined) return notFound(exchange, method);
    if (isError(target)) return exchange.error(200, target);
    return govern(gateway, caller, exchange, target, params);
  }
  if (isTaskMethod(method)) return serveTask(gateway, caller, exchange, method, params);
  if (method === 'server/discover') return exchange.result(await discover(gateway, caller));
  if (method === 'subscriptions/listen') {
    const { notifications } = params;
    if (isObject(notifications) && notifications.taskIds !== undefined && !speaksTasks(caller))
      return exchange.error(400, missingExtension());
    return listen();
  }
  const list = listOf(method);
  if (list !== undefined && (await answerList(gateway, caller, exchange, list, params))) return;
  notFound(exchange, method);
}

function notFound(exchange: Exchange, method: string): void {
  exchange.error(404, { code: CODE.methodNotFound, message: `Method not found: ${method}` });
}

async function discover(gateway: Gateway, caller: ModernCaller): Promise<JsonObject> {
  const visible = await visibleTo(gateway, caller.principal, caller.namespace);
  return {
    supportedVersions: MODERN_VERSIONS,
    capabilities: { ...serverCapabilities(visible), extensions: { [TASKS_EXTENSION]: {} } },
    ttlMs: LIST_TTL_MS,
    cacheScope: 'private',
    resultType: 'complete',
    _meta: { [META.serverInfo]: gateway.serverInfo },
  };
}
