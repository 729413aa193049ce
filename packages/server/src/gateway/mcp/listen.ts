/** Opens the streams on which changes are told: `subscriptions/listen` of modern clients, GET of legacy ones. */
import type { ServerResponse } from 'node:http';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { newId } from '../../ids.ts';
import { Secret } from '../../secret.ts';
import type { UpstreamServer } from '../../upstreams/index.ts';
import { type Caller, type Gateway, type LegacyCaller, type ModernCaller, visibleTo } from './caller.ts';
import { serverCapabilities } from './capabilities.ts';
import { ChangeStream } from './change-streams.ts';
import { startEventStream } from './event-stream.ts';
import { Allowance, passesLevel } from './relay.ts';
import { isError, readTarget } from './target.ts';
import type { ChangeKind, Visible } from './visible.ts';
import { watch } from './watch.ts';
import { CODE, isObject, META, notificationMessage, type RequestId, type RpcError, resultMessage } from './wire.ts';

/** Resources one listen stream may watch. */
const MAX_WATCHED = 64;

const CHANGE_METHODS: Readonly<Record<ChangeKind, string>> = {
  tools: 'notifications/tools/list_changed',
  resources: 'notifications/resources/list_changed',
  prompts: 'notifications/prompts/list_changed',
};

interface Filter {
  readonly kinds: ReadonlySet<ChangeKind>;
  readonly uris: readonly string[];
}

/** What a modern client wants to hear of. */
export function readFilter(params: JsonObject): Filter | RpcError {
  const { notifications } = params;
  if (!isObject(notifications)) return invalid("'notifications' must be an object");
  const { toolsListChanged, resourcesListChanged, promptsListChanged, resourceSubscriptions = [] } = notifications;
  const flags = { tools: toolsListChanged, resources: resourcesListChanged, prompts: promptsListChanged };
  const kinds = new Set<ChangeKind>();
  for (const kind of ['tools', 'resources', 'prompts'] as const) {
    const flag = flags[kind];
    if (flag !== undefined && typeof flag !== 'boolean') return invalid(`${kind}ListChanged must be a boolean`);
    if (flag === true) kinds.add(kind);
  }
  if (!isStringList(resourceSubscriptions) || resourceSubscriptions.length > MAX_WATCHED)
    return invalid(`resourceSubscriptions must be at most ${MAX_WATCHED} strings`);
  return { kinds, uris: resourceSubscriptions };
}

function invalid(message: string): RpcError {
  return { code: CODE.invalidParams, message: `Invalid params: ${message}` };
}

function isStringList(value: JsonValue): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/**
 * A modern stream: acknowledged first, then only what was asked for. The acknowledgement leaves out what
 * the agent may not watch, just as if it did not exist.
 */
export async function openListenStream(
  gateway: Gateway,
  caller: ModernCaller,
  res: ServerResponse,
  id: RequestId,
  filter: Filter,
): Promise<ChangeStream> {
  const visible = await visibleTo(gateway, caller.principal, caller.namespace);
  const offered = serverCapabilities(visible);
  const kinds = new Set([...filter.kinds].filter((kind) => offered[kind] !== undefined));
  const affinity = `${caller.principal.agentId}/${newId<string>('ses')}`;
  const stamp: JsonObject = { [META.subscriptionId]: id };
  const stream = new ChangeStream({
    ...streamBase(caller, res, visible),
    announce: (kind) => (kinds.has(kind) ? notificationMessage(CHANGE_METHODS[kind], { _meta: stamp }) : undefined),
    farewell: resultMessage(id, { resultType: 'complete', _meta: { ...stamp, [META.serverInfo]: gateway.serverInfo } }),
  });
  const watched = new Set<string>();
  if (filter.uris.length > 0) {
    const listener = unsolicited(gateway, caller, stream, watched, stamp);
    stream.onClose(gateway.upstreams.onUnsolicited(affinity, listener));
    stream.onClose(() => endUpstreams(gateway, affinity));
    for (const uri of filter.uris) if (await watch(gateway, caller, affinity, uri)) watched.add(uri);
  }
  startEventStream(res);
  const honored: Record<string, JsonValue> = {};
  for (const kind of kinds) honored[`${kind}ListChanged`] = true;
  if (watched.size > 0) honored.resourceSubscriptions = [...watched];
  stream.send(
    notificationMessage('notifications/subscriptions/acknowledged', { notifications: honored, _meta: stamp }),
  );
  if (kinds.size === 0 && watched.size === 0) stream.finish();
  return stream;
}

/** The GET stream of a legacy session. A new one takes the place of the one before: clients reconnect before we notice that they were gone. */
export async function openSessionStream(
  gateway: Gateway,
  caller: LegacyCaller,
  res: ServerResponse,
): Promise<ChangeStream> {
  const { session } = caller;
  const visible = await visibleTo(gateway, caller.principal, caller.namespace);
  const stream = new ChangeStream({
    ...streamBase(caller, res, visible),
    announce: (kind) => notificationMessage(CHANGE_METHODS[kind]),
  });
  const listener = unsolicited(gateway, caller, stream, session.subscriptions, undefined);
  stream.onClose(gateway.upstreams.onUnsolicited(session.reference, listener));
  session.stream?.finish();
  session.stream = stream;
  startEventStream(res, ['mcp-session-id', session.id]);
  return stream;
}

function streamBase(caller: Caller, res: ServerResponse, visible: Visible) {
  const { principal, namespace, token } = caller;
  return {
    res,
    workspaceId: principal.workspaceId,
    agentId: principal.agentId,
    token: new Secret(token),
    tokenExpiresAtMs: principal.tokenExpiresAtMs,
    namespace,
    digests: visible.digests,
  };
}

function endUpstreams(gateway: Gateway, affinity: string): void {
  gateway.upstreams.endAffinity(affinity).catch((error: unknown) => {
    gateway.logger.warn({ err: error }, 'an upstream session could not be ended');
  });
}

/** What an upstream says without being asked: updates of watched resources, and log messages. */
function unsolicited(
  gateway: Gateway,
  caller: Caller,
  stream: ChangeStream,
  watched: ReadonlySet<string>,
  stamp: JsonObject | undefined,
): (server: UpstreamServer, message: JsonObject) => void {
  const allowance = new Allowance(() => performance.now());
  return (server, { method, params }) => {
    if (!isObject(params) || !stream.open || !allowance.take()) return;
    if (method === 'notifications/message' && caller.era === 'legacy') {
      if (passesLevel(params.level, caller.session.logLevel ?? 'debug'))
        stream.send(notificationMessage(method, params));
    } else if (method === 'notifications/resources/updated') {
      const { uri } = params;
      if (typeof uri !== 'string' || !watched.has(uri)) return;
      const told = stamp === undefined ? { uri } : { uri, _meta: stamp };
      mayStillSee(gateway, caller, server, uri)
        .then((may) => {
          if (may) stream.send(notificationMessage(method, told));
        })
        .catch((error: unknown) => gateway.logger.warn({ err: error }, 'an update could not be passed on'));
    }
  };
}

/** Grants may have changed since the client began to watch. */
async function mayStillSee(gateway: Gateway, caller: Caller, server: UpstreamServer, uri: string): Promise<boolean> {
  const principal = await gateway.path.authenticate(caller.token, { tool: uri, willRecord: true, presented: 'again' });
  const target = readTarget('resources/read', { uri }, caller.era);
  if ('kind' in principal || target === undefined || isError(target)) return false;
  const granted = await gateway.path.granted(principal);
  const catalogue = await gateway.upstreams.catalogue(principal.workspaceId);
  return target
    .find(catalogue, caller.namespace)
    .some((entry) => entry.serverId === server.id && granted.has(entry.capability));
}
