/**
 * The step after the record: one permitted request to an upstream, with what comes before its answer
 * relayed to the client. The permit is checked in the tick in which the request is handed over.
 */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { mayBegin, type Permit } from '../../path/index.ts';
import { abortSignalOf } from '../../stop-signal.ts';
import type { UpstreamAnswer, UpstreamServer } from '../../upstreams/index.ts';
import { affinityOf, type Caller, type Gateway, protocolVersionOf, traceparentOf } from './caller.ts';
import { answerUpstream } from './client-input.ts';
import type { Answerer } from './exchange.ts';
import { NotificationRelay } from './relay.ts';
import { ClientRefusal } from './sessions.ts';
import { CODE, isObject, META } from './wire.ts';

/** What one call's upstream may ask of the client altogether; each question is a record. */
const MAX_QUESTIONS = 32;

let nextToken = 1;

export interface ForwardRequest {
  readonly permit: Permit;
  readonly server: UpstreamServer;
  readonly method: string;
  /** Upstream parameters without `_meta`. */
  readonly params: JsonObject;
  /** `_meta` as the client sent it; only what concerns the upstream is passed on. */
  readonly meta: JsonValue | undefined;
  readonly clientCapabilities: JsonObject;
  /** A client that goes away does not end the call: its result is collected later. */
  readonly outlivesClient: boolean;
}

/** Never rejects: what goes wrong on the way is an answer, too. */
export async function forward(
  gateway: Gateway,
  caller: Caller,
  exchange: Answerer,
  request: ForwardRequest,
): Promise<UpstreamAnswer> {
  const { permit, server, method, meta } = request;
  const upstreamToken = `hk${nextToken}`;
  nextToken += 1;
  const clientToken = isObject(meta) ? meta.progressToken : undefined;
  let relay: NotificationRelay | undefined;
  const upstreamMeta = metaFor(caller, server, clientToken === undefined ? undefined : upstreamToken);
  const asked = new Map<unknown, AbortController>();
  let questions = 0;
  let began = false;
  const signal = request.outlivesClient ? permit.signal : exchange.signal;
  permit.signal.addEventListener('abort', () => exchange.stopUpstream(), { once: true });
  if (!mayBegin(permit) || signal.aborted) return { kind: 'failed', code: 'aborted', began: false };
  try {
    return await gateway.upstreams.request({
      workspaceId: permit.principal.workspaceId,
      server,
      method,
      params: upstreamMeta === undefined ? request.params : { ...request.params, _meta: upstreamMeta },
      affinity: affinityOf(gateway, caller, server),
      clientCapabilities: request.clientCapabilities,
      protocolVersion: protocolVersionOf(caller),
      traceparent: traceparentOf(caller),
      signal,
      onBegin: () => {
        began = true;
        // in the tick of the first byte: a connection may have been long in coming
        if (!mayBegin(permit)) exchange.stopUpstream();
      },
      onNotification: (message) => {
        if (message.method === 'notifications/cancelled') {
          if (isObject(message.params)) asked.get(message.params.requestId)?.abort();
          return;
        }
        relay ??= new NotificationRelay({
          clientToken,
          upstreamToken,
          // Before a session names a level, its legacy upstreams choose; modern ones send what they are asked for.
          logLevel: caller.era === 'legacy' ? (caller.logLevel ?? 'debug') : caller.logLevel,
          now: () => performance.now(),
        });
        const passed = relay.accept(message);
        if (passed !== undefined) exchange.send(passed);
      },
      onRequest: async (message) => {
        questions += 1;
        if (questions > MAX_QUESTIONS)
          throw new ClientRefusal(CODE.invalidRequest, `More than ${MAX_QUESTIONS} requests during one call`);
        const given = new AbortController();
        asked.set(message.id, given);
        try {
          const signal = AbortSignal.any([given.signal, abortSignalOf(exchange.signal)]);
          return await answerUpstream(gateway, caller, exchange, server, request.clientCapabilities, message, signal);
        } finally {
          asked.delete(message.id);
        }
      },
    });
  } catch (error) {
    gateway.logger.error({ err: error, method, namespace: server.namespace }, 'an upstream request threw');
    return { kind: 'failed', code: 'upstream_protocol_error', began };
  }
}

/** `_meta` for the upstream. The agent's own keys stay here: nothing undecided travels beside the arguments. */
function metaFor(caller: Caller, server: UpstreamServer, token: string | undefined): JsonObject | undefined {
  const level = server.era === 'modern' ? caller.logLevel : undefined;
  if (token === undefined) return level === undefined ? undefined : { [META.logLevel]: level };
  return level === undefined ? { progressToken: token } : { progressToken: token, [META.logLevel]: level };
}
