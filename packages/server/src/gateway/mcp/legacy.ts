/** Methods of the session era, up to 2025-11-25. */
import type { JsonObject } from '@hivekey/policy';
import type { UpstreamServer } from '../../upstreams/index.ts';
import { type Gateway, type LegacyCaller, visibleTo } from './caller.ts';
import { serverCapabilities } from './capabilities.ts';
import type { Exchange } from './exchange.ts';
import { govern } from './govern.ts';
import { answerList, listOf } from './lists.ts';
import type { NotificationMessage, RequestMessage } from './message.ts';
import { beginTask, isSessionTaskMethod, offersTasks, serveSessionTask, TASKS_CAPABILITY } from './session-tasks.ts';
import type { LegacySession } from './sessions.ts';
import { isError, readTarget, type Target } from './target.ts';
import type { Visible } from './visible.ts';
import { CODE, isObject, LEGACY_VERSIONS, LOG_LEVELS, type RpcError } from './wire.ts';

/** A client may watch this many resources in one session. */
const MAX_SUBSCRIPTIONS = 256;

export interface Initialization {
  readonly protocolVersion: string;
  readonly clientCapabilities: JsonObject;
}

/** The revision both speak, or our newest when the client named one we do not know. */
export function readInitialize(params: JsonObject): Initialization | RpcError {
  const { protocolVersion, capabilities, clientInfo } = params;
  if (typeof protocolVersion !== 'string' || !isObject(capabilities) || !isObject(clientInfo))
    return {
      code: CODE.invalidParams,
      message: 'Invalid params: initialize needs protocolVersion, capabilities and clientInfo',
    };
  const [newest = protocolVersion] = LEGACY_VERSIONS;
  return {
    protocolVersion: LEGACY_VERSIONS.includes(protocolVersion) ? protocolVersion : newest,
    clientCapabilities: capabilities,
  };
}

export function initializeResult(gateway: Gateway, session: LegacySession, visible: Visible): JsonObject {
  return {
    protocolVersion: session.protocolVersion,
    capabilities: offersTasks(session)
      ? { ...serverCapabilities(visible), tasks: TASKS_CAPABILITY }
      : serverCapabilities(visible),
    serverInfo: gateway.serverInfo,
  };
}

export async function serveLegacy(
  gateway: Gateway,
  caller: LegacyCaller,
  exchange: Exchange,
  message: RequestMessage,
): Promise<void> {
  const { method, params } = message;
  const target = readTarget(method, params, 'legacy');
  if (target !== undefined) {
    if (isError(target)) return exchange.error(200, target);
    const watched = watching(caller.session, target);
    if (isError(watched)) return exchange.error(200, watched);
    if (params.task !== undefined && method === 'tools/call' && offersTasks(caller.session))
      return beginTask(gateway, caller, exchange, watched, params);
    return govern(gateway, caller, exchange, watched, params);
  }
  if (isSessionTaskMethod(method) && offersTasks(caller.session))
    return serveSessionTask(gateway, caller, exchange, method, params);
  if (method === 'ping') return exchange.result({});
  if (method === 'logging/setLevel') return setLevel(caller.session, exchange, params);
  const list = listOf(method);
  if (list !== undefined && (await answerList(gateway, caller, exchange, list, params))) return;
  exchange.error(200, { code: CODE.methodNotFound, message: `Method not found: ${method}` });
}

/** Keeps the session's book of watched resources. */
function watching(session: LegacySession, target: Target): Target | RpcError {
  const { subscriptions } = session;
  if (target.method === 'resources/unsubscribe') {
    // Whatever the upstream says, the client wants no more of it.
    subscriptions.delete(target.name);
    return target;
  }
  if (target.method !== 'resources/subscribe') return target;
  if (subscriptions.size >= MAX_SUBSCRIPTIONS)
    return { code: CODE.tooManyRequests, message: `More than ${MAX_SUBSCRIPTIONS} subscriptions in one session` };
  return { ...target, onResult: () => subscriptions.add(target.name) };
}

/** Kept here: what upstreams send is filtered on its way to this client, and no upstream hears of it. */
function setLevel(session: LegacySession, exchange: Exchange, params: JsonObject): void {
  const { level } = params;
  if (typeof level === 'string' && LOG_LEVELS.includes(level)) {
    session.logLevel = level;
    exchange.result({});
  } else {
    exchange.error(200, { code: CODE.invalidParams, message: 'Invalid params: level is not a log level' });
  }
}

/** Notifications of the client. Those that are about an upstream go there, and nothing else does. */
export async function receiveNotification(
  gateway: Gateway,
  caller: LegacyCaller,
  { method, params }: NotificationMessage,
): Promise<void> {
  const { session, principal } = caller;
  if (method === 'notifications/cancelled') {
    const { requestId } = params;
    if (typeof requestId === 'string' || typeof requestId === 'number') session.cancel(requestId);
  } else if (method === 'notifications/progress') {
    const server = session.askedUnder(params.progressToken);
    if (server !== undefined)
      await gateway.upstreams.notify(principal.workspaceId, server, session.reference, method, progressOf(params));
  } else if (method === 'notifications/roots/list_changed') {
    for (const server of await rootsServers(gateway, caller))
      await gateway.upstreams.notify(principal.workspaceId, server, session.reference, method, {});
  }
}

/** What a notification of progress consists of, and nothing that would travel beside it undecided. */
function progressOf({ progressToken, progress, total, message }: JsonObject): JsonObject {
  const given = { progressToken, progress, total, message };
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Upstreams that may know this client's roots at all. */
async function rootsServers(gateway: Gateway, caller: LegacyCaller): Promise<readonly UpstreamServer[]> {
  if (!isObject(caller.clientCapabilities.roots)) return [];
  const [visible, granted] = await Promise.all([
    visibleTo(gateway, caller.principal, caller.namespace),
    gateway.path.granted(caller.principal),
  ]);
  return visible.servers.filter((server) => granted.has(`${server.namespace}.roots`));
}
