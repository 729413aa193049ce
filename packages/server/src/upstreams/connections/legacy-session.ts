/** One session with a session-era HTTP upstream: its calls, its requests to the client, its stream. */
import { canonicalJson } from '@hivekey/action-log';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import type { StopSignal } from '../../stop-signal.ts';
import type { UpstreamAnswer } from '../types.ts';
import { CallReader } from './call-reader.ts';
import { errorFrom } from './client-error.ts';
import {
  type ConnectionOptions,
  type ConnectionRequest,
  clientInfoOf,
  GATEWAY_AFFINITY,
  isLegacyVersion,
  legacyVersionFor,
} from './connection.ts';
import type { ExchangeEnd, ExchangeLimits } from './exchange.ts';
import type { HttpClient, Sending } from './http-client.ts';
import { isObject, type RpcId, readMessage } from './json-rpc.ts';
import { KeptStream, type StreamEnd } from './kept-stream.ts';

/** What is said once, at `initialize`. */
export interface SessionTerms {
  readonly protocolVersion: string | undefined;
  readonly capabilities: JsonObject;
}

export type SessionFailure = Extract<UpstreamAnswer, { kind: 'failed' }>['code'];

/** No session could be opened. */
export class SessionRefused extends Error {
  readonly failure: SessionFailure;

  constructor(failure: SessionFailure, message: string) {
    super(message);
    this.failure = failure;
  }
}

/** Requests of the upstream that are being answered at once in one session; further ones are ignored. */
const MAX_OPEN_REQUESTS = 64;
/** Attempts to resume one call's stream without a message in between. */
const MAX_RESUMES = 8;
const DEFAULT_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

export class LegacySession {
  readonly #options: ConnectionOptions;
  readonly #client: HttpClient;
  readonly #affinity: string;
  readonly #terms: string;
  readonly #calls = new Map<number, ConnectionRequest>();
  #id: string | undefined;
  #version = '';
  #nextId = 2;
  #openRequests = 0;
  #stream: KeptStream | undefined;
  #streamId: string | undefined;
  #retired = false;
  #ended = false;
  /** Somebody listens for what comes unasked. */
  attended = false;
  /** The server's own description of itself. */
  initialized: JsonObject = {};

  private constructor(options: ConnectionOptions, client: HttpClient, affinity: string, terms: SessionTerms) {
    this.#options = options;
    this.#client = client;
    this.#affinity = affinity;
    this.#terms = termsKey(terms);
  }

  /** Rejects with SessionRefused. `attended`: somebody listens for what comes unasked. */
  static async open(
    options: ConnectionOptions,
    client: HttpClient,
    affinity: string,
    terms: SessionTerms,
    attended: boolean,
  ): Promise<LegacySession> {
    const session = new LegacySession(options, client, affinity, terms);
    session.attended = attended;
    await session.#initialize(terms);
    // Some upstreams ask the client on the session's stream and not on the call's.
    if (attended || Object.keys(terms.capabilities).length > 0) await session.listen();
    return session;
  }

  fits(terms: SessionTerms): boolean {
    return !this.#retired && this.#terms === termsKey(terms);
  }

  async #initialize({ protocolVersion, capabilities }: SessionTerms): Promise<void> {
    const { limits } = this.#options;
    const reader = new CallReader(1, 'legacy', {}, limits);
    const body = canonicalJson({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: legacyVersionFor(protocolVersion),
        capabilities,
        clientInfo: clientInfoOf(this.#options),
      },
    });
    const end = await this.#send(body, this.#handshakeLimits(), (sending) => reader.handler(sending));
    const answer = reader.finish(end);
    if (answer.kind === 'failed') throw new SessionRefused(answer.code, 'initialize failed');
    if (answer.kind === 'error')
      throw new SessionRefused(
        'upstream_protocol_error',
        `it refused initialize: ${answer.error.message.slice(0, 200)}`,
      );
    const { protocolVersion: version } = answer.result;
    if (typeof version !== 'string' || !isLegacyVersion(version) || !isObject(answer.result.capabilities))
      throw new SessionRefused('upstream_protocol_error', 'it negotiated no protocol version that we know');
    this.#version = version;
    this.#id = reader.head?.sessionId;
    this.initialized = answer.result;
    const accepted = await this.post('{"jsonrpc":"2.0","method":"notifications/initialized"}');
    if (!accepted) throw new SessionRefused('upstream_protocol_error', 'it refused notifications/initialized');
  }

  #handshakeLimits(): ExchangeLimits {
    const { handshakeMs, messageBytes } = this.#options.limits;
    return { idleMs: 0, totalMs: handshakeMs, messageBytes, totalBytes: messageBytes };
  }

  #headers(): string[] {
    return [
      ...(this.#id === undefined ? [] : ['mcp-session-id', this.#id]),
      ...(this.#version === '' ? [] : ['mcp-protocol-version', this.#version]),
    ];
  }

  #send(
    body: string,
    limits: ExchangeLimits,
    handle: Parameters<HttpClient['send']>[1],
    more: { readonly signal?: StopSignal; readonly aside?: boolean; readonly traceparent?: string } = {},
  ): Promise<ExchangeEnd> {
    const { traceparent, ...rest } = more;
    const headers = [
      ...['accept', 'application/json, text/event-stream', 'content-type', 'application/json'],
      ...this.#headers(),
      ...(traceparent === undefined ? [] : ['traceparent', traceparent]),
    ];
    return this.#client.send({ method: 'POST', headers, body, limits, ...rest }, handle);
  }

  /** Sends a notification or a response. True when the upstream took it. */
  async post(body: string): Promise<boolean> {
    const end = await this.#send(body, this.#handshakeLimits(), () => ({ onText: () => true }), { aside: true });
    const status = end.head?.status ?? 0;
    return status >= 200 && status < 300;
  }

  /** `session lost`: the upstream does not know the session any more and has not looked at the request. */
  async request(request: ConnectionRequest): Promise<UpstreamAnswer | 'session lost'> {
    const id = this.#nextId++;
    const { limits } = this.#options;
    const { signal } = request;
    const bounds = request.bounds ?? { idleMs: limits.idleMs, totalMs: limits.totalMs };
    const exchangeLimits = { ...bounds, messageBytes: limits.messageBytes, totalBytes: limits.callBytes };
    const reader = new CallReader(
      id,
      'legacy',
      {
        onBegin: () => request.onBegin?.(),
        onNotification: (message) => this.#notified(message, request),
        onRequest: (asked, message) => this.#answer(asked, message, request),
      },
      limits,
    );
    let body: string;
    try {
      const params = traced(request.params, request.traceparent);
      body = canonicalJson({ jsonrpc: '2.0', id, method: request.method, params });
    } catch {
      return { kind: 'failed', code: 'upstream_protocol_error', began: false };
    }
    this.#calls.set(id, request);
    try {
      const until = performance.now() + bounds.totalMs;
      const { traceparent } = request;
      const more = traceparent === undefined ? { signal } : { signal, traceparent };
      let end = await this.#send(body, exchangeLimits, (sending) => reader.handler(sending), more);
      if (this.#isLost(end, reader)) return 'session lost';
      end = await this.#resume(end, reader, signal, until, exchangeLimits);
      const answer = reader.finish(end);
      if (answer.kind === 'failed' && answer.began && !this.#ended) this.#cancel(id, answer.code);
      return answer;
    } finally {
      this.#calls.delete(id);
      if (this.#retired && this.#calls.size === 0) void this.end();
    }
  }

  /** Told only while it may still be working: otherwise there is nothing to cancel. */
  #cancel(requestId: number, code: SessionFailure): void {
    if (code !== 'aborted' && code !== 'upstream_timeout' && code !== 'upstream_too_large') return;
    const params = {
      requestId,
      reason: code === 'aborted' ? 'The client cancelled the request' : 'A limit was reached',
    };
    void this.post(canonicalJson({ jsonrpc: '2.0', method: 'notifications/cancelled', params }));
  }

  #isLost({ head }: ExchangeEnd, reader: CallReader): boolean {
    if (this.#id === undefined || reader.messages > 1) return false;
    if (head?.status === 404) return true;
    // The SDK's own servers answer a session of before their restart like this.
    return head?.status === 400 && reader.answer?.kind === 'error' && /session/i.test(reader.answer.error.message);
  }

  /** A stream that ends early goes on where it ended, if its events had ids (2025-11-25, basic/transports). */
  async #resume(
    first: ExchangeEnd,
    reader: CallReader,
    signal: StopSignal,
    until: number,
    limits: ExchangeLimits,
  ): Promise<ExchangeEnd> {
    let end = first;
    for (let fruitless = 0; fruitless < MAX_RESUMES; fruitless += 1) {
      const cut = end.kind === 'ended' || end.code === 'upstream_unreachable';
      if (reader.answer !== undefined || !cut || reader.lastEventId === undefined) return end;
      if (end.head !== undefined && end.head.status !== 200) return end;
      reader.bytesIn += end.bytesIn;
      await pause(Math.min(reader.retryMs ?? DEFAULT_RETRY_MS, LONGEST_RETRY_MS), signal);
      if (performance.now() >= until) return { kind: 'failed', code: 'upstream_timeout', began: true, bytesIn: 0 };
      const before = reader.messages;
      const headers = ['accept', 'text/event-stream', 'last-event-id', reader.lastEventId, ...this.#headers()];
      const totalMs = Math.max(1, until - performance.now());
      end = await this.#client.send({ method: 'GET', headers, limits: { ...limits, totalMs }, signal }, (sending) =>
        reader.handler(sending),
      );
      if (reader.messages > before) fruitless = 0;
    }
    return end;
  }

  #listsChanged(): void {
    // Some servers say so at the beginning of each session: what the gateway reads in its own comes after that.
    if (this.#affinity !== GATEWAY_AFFINITY || this.attended) this.#options.events.outdated();
  }

  #notified(message: JsonObject, request: ConnectionRequest): void {
    if (isListChange(message)) this.#listsChanged();
    else request.onNotification?.(message);
  }

  /** Passes a request of the upstream to whoever is behind the call, and the answer back. */
  #answer(id: RpcId, message: JsonObject, request: ConnectionRequest | undefined): void {
    if (this.#openRequests >= MAX_OPEN_REQUESTS) return;
    this.#openRequests += 1;
    const answering =
      message.method === 'ping'
        ? Promise.resolve<JsonObject>({})
        : (request?.onRequest?.(message) ?? Promise.reject(new Error('nobody to ask')));
    answering
      .then(
        (result): JsonObject => ({ jsonrpc: '2.0', id, result }),
        (error: unknown): JsonObject => ({ jsonrpc: '2.0', id, error: errorFrom(error) }),
      )
      .then((response) => this.post(canonicalJson(response)))
      .catch(() => false)
      .finally(() => {
        this.#openRequests -= 1;
      });
  }

  /** Opens the session's own stream, once. Resolves when it is open, refused, or takes too long. */
  async listen(): Promise<void> {
    if (this.#stream !== undefined || this.#ended) return;
    const { limits } = this.#options;
    await new Promise<void>((settled) => {
      const timer = setTimeout(settled, limits.connectMs);
      this.#stream = new KeptStream(limits.backoffMs, (signal) =>
        this.#listenOnce(signal, () => {
          clearTimeout(timer);
          settled();
        }),
      );
    });
  }

  async #listenOnce(signal: AbortSignal, opened: () => void): Promise<StreamEnd> {
    const { limits } = this.#options;
    const resuming = this.#streamId === undefined ? [] : ['last-event-id', this.#streamId];
    const end = await this.#client.send(
      {
        method: 'GET',
        headers: ['accept', 'text/event-stream', ...resuming, ...this.#headers()],
        limits: { idleMs: 0, totalMs: 0, messageBytes: limits.messageBytes, totalBytes: 0 },
        signal,
        aside: true,
      },
      (sending) => ({
        onHead: opened,
        onText: (text) => this.#unasked(text, sending),
        onEventId: (id) => {
          this.#streamId = id;
        },
      }),
    );
    opened();
    const status = end.head?.status;
    // 405: it has no such stream. 404: it has forgotten the session; the next call opens a new one.
    if (status !== undefined && status >= 400 && status < 500) return 'refused';
    return status === 200 ? 'ended' : 'failed';
  }

  #unasked(text: string, sending: Sending): boolean {
    if (text === '') return false;
    const message = readMessage(text, sending.scrubber);
    if (message?.kind === 'notification') {
      this.#unaskedNotification(message.method, message.message);
    } else if (message?.kind === 'request') {
      this.#answer(message.id, message.message, this.#latestCall());
    }
    return false;
  }

  #unaskedNotification(method: string, message: JsonObject): void {
    const token = isObject(message.params) ? message.params.progressToken : undefined;
    if (isListChange(message)) this.#listsChanged();
    else if (method === 'notifications/cancelled') this.#latestCall()?.onNotification?.(message);
    else if (method === 'notifications/progress') this.#callOf(token)?.onNotification?.(message);
    else this.#options.events.unsolicited(this.#affinity, message);
  }

  #callOf(token: JsonValue | undefined): ConnectionRequest | undefined {
    if (token === undefined) return undefined;
    return [...this.#calls.values()].find(
      ({ params }) => isObject(params._meta) && params._meta.progressToken === token,
    );
  }

  /** All calls of a session are of one agent session; the newest that can be asked is the likeliest to be meant. */
  #latestCall(): ConnectionRequest | undefined {
    return [...this.#calls.values()].findLast(({ onRequest }) => onRequest !== undefined);
  }

  /** Takes no more calls, and ends when the last one has. */
  retire(): void {
    this.#retired = true;
    if (this.#calls.size === 0) void this.end();
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#retired = true;
    this.#stream?.close();
    if (this.#id === undefined) return;
    const headers = this.#headers();
    const limits = this.#handshakeLimits();
    await this.#client.send({ method: 'DELETE', headers, limits, aside: true }, () => ({ onText: () => true }));
  }
}

function termsKey({ protocolVersion, capabilities }: SessionTerms): string {
  return `${legacyVersionFor(protocolVersion)} ${canonicalJson(capabilities)}`;
}

function isListChange({ method }: JsonObject): boolean {
  return typeof method === 'string' && /^notifications\/(tools|resources|prompts)\/list_changed$/.test(method);
}

function traced(params: JsonObject, traceparent: string | undefined): JsonObject {
  if (traceparent === undefined) return params;
  const meta: JsonValue | undefined = params._meta;
  return { ...params, _meta: { ...(isObject(meta) ? meta : {}), traceparent } };
}

/** Ends early when the signal is aborted; the exchange that follows sees the signal itself. */
function pause(ms: number, signal: StopSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
