/** Revision 2026-07-28 over HTTP: every request stands alone; subscriptions are streams of their own. */
import { canonicalJson } from '@hivekey/action-log';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import type { UpstreamAnswer } from '../types.ts';
import { CallReader } from './call-reader.ts';
import { type ConnectionOptions, type ConnectionRequest, clientInfoOf, META, MODERN_VERSION } from './connection.ts';
import type { ExchangeLimits } from './exchange.ts';
import type { HttpClient } from './http-client.ts';
import { isObject } from './json-rpc.ts';
import { KeptStream } from './kept-stream.ts';
import { modernHeaders } from './mcp-headers.ts';

const ACCEPT = ['accept', 'application/json, text/event-stream', 'content-type', 'application/json'] as const;
/** What an upstream says when it was called by a revision or a header that it does not take: what we know of it is old. */
const OUTDATED_CODES: ReadonlySet<number> = new Set([-32020, -32022]);

export interface ListenFilter {
  readonly toolsListChanged?: boolean;
  readonly promptsListChanged?: boolean;
  readonly resourcesListChanged?: boolean;
  readonly resourceSubscriptions?: readonly string[];
}

export class ModernHttp {
  readonly #options: ConnectionOptions;
  readonly #client: HttpClient;
  readonly #limits: ExchangeLimits;
  /** Streams by affinity and URI. */
  readonly #subscriptions = new Map<string, Map<string, KeptStream>>();
  #nextId = 1;

  constructor(options: ConnectionOptions, client: HttpClient) {
    this.#options = options;
    this.#client = client;
    const { idleMs, totalMs, messageBytes, callBytes } = options.limits;
    this.#limits = { idleMs, totalMs, messageBytes, totalBytes: callBytes };
  }

  async request(request: ConnectionRequest): Promise<UpstreamAnswer> {
    // These two belong to sessions; a stateless upstream reports updates on a stream.
    if (request.method === 'resources/subscribe') return this.#subscribe(request);
    if (request.method === 'resources/unsubscribe') return this.#unsubscribe(request);
    const id = this.#nextId++;
    let message: { readonly headers: readonly string[]; readonly body: string };
    try {
      message = this.#message(id, request);
    } catch {
      return { kind: 'failed', code: 'upstream_protocol_error', began: false };
    }
    const events = {
      onBegin: () => request.onBegin?.(),
      onNotification: (notified: JsonObject) => request.onNotification?.(notified),
    };
    const reader = new CallReader(id, 'modern', events, this.#options.limits);
    const limits = request.bounds === undefined ? this.#limits : { ...this.#limits, ...request.bounds };
    const { signal } = request;
    // Closing the stream is the cancellation.
    const end = await this.#client.send({ method: 'POST', ...message, limits, signal }, (sending) =>
      reader.handler(sending),
    );
    const answer = reader.finish(end);
    if (answer.kind === 'error' && OUTDATED_CODES.has(answer.error.code)) this.#options.events.outdated();
    return answer;
  }

  #message(
    id: number,
    request: Pick<
      ConnectionRequest,
      'method' | 'params' | 'clientCapabilities' | 'clientInfo' | 'traceparent' | 'definition'
    >,
  ) {
    const { method, params, traceparent } = request;
    // Members are put in their canonical order where that is easy: nothing is left to be sorted.
    const own: JsonObject = {
      [META.clientCapabilities]: request.clientCapabilities,
      [META.clientInfo]: request.clientInfo ?? clientInfoOf(this.#options),
      [META.protocolVersion]: MODERN_VERSION,
    };
    const { _meta: given, ...rest } = params;
    const traced = traceparent === undefined ? own : { ...own, traceparent };
    const meta = isObject(given) ? { ...given, ...traced } : traced;
    const headers = [...ACCEPT, ...modernHeaders(MODERN_VERSION, method, params, request.definition)];
    if (traceparent !== undefined) headers.push('traceparent', traceparent);
    return { headers, body: canonicalJson({ id, jsonrpc: '2.0', method, params: { _meta: meta, ...rest } }) };
  }

  /** A stream of changes that is opened again whenever it breaks. `acknowledged`: what the upstream agreed to, each time. */
  listen(
    filter: ListenFilter,
    handle: {
      acknowledged(honored: JsonObject): void;
      notified(message: JsonObject): void;
      refused(answer: UpstreamAnswer): void;
    },
  ): KeptStream {
    const { limits } = this.#options;
    return new KeptStream(limits.backoffMs, async (signal) => {
      const id = this.#nextId++;
      const params = { notifications: filterJson(filter) };
      const message = this.#message(id, { method: 'subscriptions/listen', params, clientCapabilities: {} });
      const reader = new CallReader(
        id,
        'modern',
        {
          onNotification: (notification) => {
            if (notification.method === 'notifications/subscriptions/acknowledged')
              handle.acknowledged(honoredBy(notification));
            else handle.notified(notification);
          },
        },
        { ...limits, callMessages: Number.MAX_SAFE_INTEGER },
      );
      const open = { idleMs: 0, totalMs: 0, messageBytes: limits.messageBytes, totalBytes: 0 };
      const sent = { method: 'POST', ...message, limits: open, signal, aside: true } as const;
      const answer = reader.finish(await this.#client.send(sent, (sending) => reader.handler(sending)));
      if (answer.kind === 'error') {
        handle.refused(answer);
        return 'refused';
      }
      return reader.messages > 0 ? 'ended' : 'failed';
    });
  }

  /** Answers when the upstream has agreed, or not, to report updates of the resource. */
  #subscribe({ affinity, params, onBegin, signal }: ConnectionRequest): Promise<UpstreamAnswer> {
    const { uri } = params;
    if (typeof uri !== 'string' || signal.aborted)
      return Promise.resolve({ kind: 'failed', code: 'aborted', began: false });
    return new Promise((resolve) => {
      onBegin?.();
      const stream = this.listen(
        { resourceSubscriptions: [uri] },
        {
          acknowledged: ({ resourceSubscriptions }) => {
            const agreed = Array.isArray(resourceSubscriptions) && resourceSubscriptions.includes(uri);
            if (agreed) return answer({ kind: 'result', result: {}, bytesIn: 0 });
            answer({
              kind: 'error',
              error: { code: -32602, message: 'The upstream does not report updates of this resource' },
              bytesIn: 0,
            });
            stream.close();
          },
          notified: (message) => this.#options.events.unsolicited(affinity, message),
          refused: (refusal) => answer(refusal),
        },
      );
      const giveUp = (code: 'aborted' | 'upstream_timeout') => () => {
        stream.close();
        answer({ kind: 'failed', code, began: true });
      };
      const onAbort = giveUp('aborted');
      const timer = setTimeout(giveUp('upstream_timeout'), this.#options.limits.handshakeMs);
      signal.addEventListener('abort', onAbort, { once: true });
      const answer = (given: UpstreamAnswer): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        if (given.kind === 'result') this.#keep(affinity, uri, stream);
        resolve(given);
      };
    });
  }

  #keep(affinity: string, uri: string, stream: KeptStream): void {
    const held = this.#subscriptions.get(affinity) ?? new Map<string, KeptStream>();
    const before = held.get(uri);
    if (before !== stream) before?.close();
    this.#subscriptions.set(affinity, held.set(uri, stream));
  }

  #unsubscribe({ affinity, params, onBegin }: ConnectionRequest): Promise<UpstreamAnswer> {
    onBegin?.();
    const held = this.#subscriptions.get(affinity);
    if (typeof params.uri === 'string') {
      held?.get(params.uri)?.close();
      held?.delete(params.uri);
    }
    return Promise.resolve({ kind: 'result', result: {}, bytesIn: 0 });
  }

  endAffinity(affinity: string): void {
    for (const stream of this.#subscriptions.get(affinity)?.values() ?? []) stream.close();
    this.#subscriptions.delete(affinity);
  }

  close(): void {
    for (const affinity of [...this.#subscriptions.keys()]) this.endAffinity(affinity);
  }
}

function filterJson({ resourceSubscriptions, ...flags }: ListenFilter): JsonObject {
  return resourceSubscriptions === undefined ? flags : { ...flags, resourceSubscriptions };
}

function honoredBy({ params }: JsonObject): JsonObject {
  const honored: JsonValue | undefined = isObject(params) ? params.notifications : undefined;
  return isObject(honored) ? honored : {};
}
