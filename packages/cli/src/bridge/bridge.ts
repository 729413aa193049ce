/**
 * An MCP client that only speaks stdio, connected to the gateway's Streamable HTTP: lines in, requests out, and
 * what comes back, back. It decides nothing and changes no message; both protocol eras pass.
 */
import { createParser } from 'eventsource-parser';
import { type ParamHeader, paramHeaders, paramHeadersOf, standardHeaders } from './headers.ts';
import { type ClientMessage, isObject, type RequestId, readLine } from './message.ts';

export interface BridgeOptions {
  /** `http://127.0.0.1:7420/mcp`, or with a namespace behind it. */
  readonly endpoint: string;
  readonly token: string;
  /** One message for the client, without a line feed. */
  write(line: string): void;
  /** For the person who watches standard error. */
  note(text: string): void;
}

/** JSON-RPC error codes of our own are positive. */
const GATEWAY_UNREACHABLE = 1001;
const GATEWAY_REFUSED = 1002;
const PARSE_ERROR = -32700;
const RECONNECT_MS = { first: 250, longest: 10_000 };
const CLOSE_MS = 2_000;

type Request = Extract<ClientMessage, { kind: 'request' }>;

interface Session {
  readonly id: string;
  readonly version: string;
  /** The line that opened it: a session that the gateway forgot is opened again with it. */
  readonly opening: string;
  readonly stream: AbortController;
}

export class Bridge {
  readonly #options: BridgeOptions;
  /** Requests on their way, to be cut off when the client takes them back. */
  readonly #open = new Map<RequestId, AbortController>();
  readonly #work = new Set<Promise<void>>();
  readonly #declared = new Map<string, readonly ParamHeader[]>();
  #session: Session | undefined;
  #closed = false;

  constructor(options: BridgeOptions) {
    this.#options = options;
  }

  /** Takes one line of the client. Never throws. */
  receive(line: string): void {
    if (line.trim() === '') return;
    const message = readLine(line);
    if (message === undefined) this.#error(null, PARSE_ERROR, 'Parse error: the line is not JSON');
    else if (message.kind === 'notification' && message.modern !== undefined) this.#takeBack(message);
    else this.#track(this.#send(message, line));
  }

  #track(sending: Promise<void>): void {
    const work = sending
      .catch((error: unknown) =>
        this.#options.note(`bridge: ${error instanceof Error ? error.message : String(error)}`),
      )
      .finally(() => this.#work.delete(work));
    this.#work.add(work);
  }

  /** The client is gone: what is open is cut off, and the session ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const controller of this.#open.values()) controller.abort();
    await this.#endSession();
    await Promise.allSettled(this.#work);
  }

  /** In the modern era a request is cancelled by hanging up. */
  #takeBack({ method, params }: Extract<ClientMessage, { kind: 'notification' }>): void {
    if (method !== 'notifications/cancelled') return;
    const { requestId } = params;
    if (typeof requestId === 'string' || typeof requestId === 'number') this.#open.get(requestId)?.abort();
  }

  async #send(message: ClientMessage, line: string): Promise<void> {
    if (message.kind !== 'request') {
      const response = await this.#post(line, this.#sessionHeaders());
      // What is no message gets the gateway's answer to it; the others have none.
      if (message.kind === 'other') await this.#relay(response, (text) => this.#options.write(named(text, null)));
      else await response.body?.cancel();
      if (message.kind === 'notification' && message.method === 'notifications/initialized') this.#listen();
      return;
    }
    const controller = new AbortController();
    this.#open.set(message.id, controller);
    try {
      await this.#request(message, line, controller.signal);
    } catch (error) {
      if (controller.signal.aborted) return;
      const why = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      this.#error(message.id, GATEWAY_UNREACHABLE, `HiveKey cannot be reached: ${why}`);
    } finally {
      this.#open.delete(message.id);
    }
  }

  async #request(message: Request, line: string, signal: AbortSignal): Promise<void> {
    let response = await this.#post(line, await this.#headersOf(message, signal), signal);
    if (response.status === 404 && message.modern === undefined && (await this.#reopen(signal)))
      response = await this.#post(line, this.#sessionHeaders(), signal);
    if (message.method === 'initialize' && response.ok) await this.#endSession();
    const answered = await this.#relay(response, (text) => this.#answer(message, line, response, text));
    if (!answered && !signal.aborted) this.#refused(message.id, response);
  }

  async #headersOf({ method, params, modern }: Request, signal: AbortSignal): Promise<Record<string, string>> {
    if (modern === undefined) return method === 'initialize' ? {} : this.#sessionHeaders();
    const headers = standardHeaders(modern, method, params);
    if (method !== 'tools/call' || typeof params.name !== 'string') return headers;
    if (!this.#declared.has(params.name)) await this.#learn(modern, params._meta, signal);
    return { ...headers, ...paramHeaders(this.#declared.get(params.name) ?? [], params.arguments) };
  }

  /** Reads the tool lists for the headers they ask for, because the client has not (yet) read them through us. */
  async #learn(version: string, meta: unknown, signal: AbortSignal): Promise<void> {
    let cursor: unknown;
    do {
      const params = { _meta: meta, ...(cursor === undefined ? {} : { cursor }) };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 'bridge', method: 'tools/list', params });
      const response = await this.#post(body, standardHeaders(version, 'tools/list', {}), signal);
      cursor = undefined;
      await this.#relay(response, (text) => {
        const { result } = JSON.parse(text);
        this.#remember(result);
        cursor = isObject(result) ? result.nextCursor : undefined;
      });
    } while (cursor !== undefined);
  }

  #remember(result: unknown): void {
    if (!isObject(result) || !Array.isArray(result.tools)) return;
    for (const tool of result.tools)
      if (isObject(tool) && typeof tool.name === 'string') this.#declared.set(tool.name, paramHeadersOf(tool));
  }

  /** Whether the response held the answer to the request, which has then been passed on. */
  #answer(message: Request, line: string, response: Response, text: string): void {
    if (message.method === 'tools/list' || message.method === 'initialize') {
      const { result } = JSON.parse(text);
      if (message.method === 'tools/list') this.#remember(result);
      else if (isObject(result)) this.#begin(result, response, line);
    }
    this.#options.write(named(text, message.id));
  }

  #begin({ protocolVersion }: Readonly<Record<string, unknown>>, response: Response, opening: string): void {
    const id = response.headers.get('mcp-session-id');
    if (id === null || typeof protocolVersion !== 'string') return;
    this.#session = { id, version: protocolVersion, opening, stream: new AbortController() };
  }

  /** Opens a session again that the gateway no longer knows, after its restart say. The client does not notice. */
  async #reopen(signal: AbortSignal): Promise<boolean> {
    const lost = this.#session;
    if (lost === undefined) return false;
    lost.stream.abort();
    const response = await this.#post(lost.opening, {}, signal);
    await this.#relay(response, (text) => {
      const { result } = JSON.parse(text);
      if (isObject(result)) this.#begin(result, response, lost.opening);
    });
    if (this.#session === lost) return false;
    const initialized = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
    await (await this.#post(initialized, this.#sessionHeaders(), signal)).body?.cancel();
    this.#listen();
    return true;
  }

  #sessionHeaders(): Record<string, string> {
    if (this.#session === undefined) return {};
    return { 'mcp-session-id': this.#session.id, 'mcp-protocol-version': this.#session.version };
  }

  #post(body: string, headers: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Response> {
    return fetch(this.#options.endpoint, {
      method: 'POST',
      redirect: 'error',
      body,
      headers: {
        authorization: `Bearer ${this.#options.token}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        ...headers,
      },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Passes every message of the response on, the answer through `answer`. False when there was no answer in it. */
  async #relay(response: Response, answer: (text: string) => void): Promise<boolean> {
    const type = response.headers.get('content-type') ?? '';
    if (type.startsWith('application/json')) {
      const text = oneLine(await response.text());
      const value: unknown = JSON.parse(text);
      if (!isObject(value) || value.jsonrpc !== '2.0') return false;
      answer(text);
      return true;
    }
    if (!response.ok || !type.startsWith('text/event-stream')) {
      await response.body?.cancel();
      return false;
    }
    let answered = false;
    await eachEvent(response, (data) => {
      const text = oneLine(data);
      const value: unknown = JSON.parse(text);
      if (isObject(value) && ('result' in value || 'error' in value)) {
        answered = true;
        answer(text);
      } else this.#options.write(text);
    });
    return answered;
  }

  /** The stream of what the gateway says by itself, for as long as the session lives. */
  #listen(): void {
    const session = this.#session;
    if (session === undefined) return;
    void this.#stayTuned(session).catch(() => undefined);
  }

  async #stayTuned(session: Session): Promise<void> {
    let waitMs = RECONNECT_MS.first;
    while (!this.#closed && this.#session === session) {
      try {
        const response = await fetch(this.#options.endpoint, {
          headers: {
            authorization: `Bearer ${this.#options.token}`,
            accept: 'text/event-stream',
            'mcp-session-id': session.id,
            'mcp-protocol-version': session.version,
          },
          redirect: 'error',
          signal: session.stream.signal,
        });
        if (!response.ok) {
          await response.body?.cancel();
          if (response.status < 500 && response.status !== 429) return;
        } else {
          waitMs = RECONNECT_MS.first;
          await eachEvent(response, (data) => this.#options.write(oneLine(data)));
        }
      } catch {
        if (session.stream.signal.aborted) return;
      }
      await pause(waitMs, session.stream.signal);
      waitMs = Math.min(waitMs * 2, RECONNECT_MS.longest);
    }
  }

  async #endSession(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    session.stream.abort();
    const headers = {
      authorization: `Bearer ${this.#options.token}`,
      'mcp-session-id': session.id,
      'mcp-protocol-version': session.version,
    };
    await fetch(this.#options.endpoint, { method: 'DELETE', headers, signal: AbortSignal.timeout(CLOSE_MS) }).catch(
      () => undefined,
    );
  }

  #refused(id: RequestId, { status }: Response): void {
    const why =
      status === 401
        ? 'the agent token is missing, expired or revoked (HTTP 401)'
        : status === 429
          ? 'too many requests at once (HTTP 429)'
          : `HTTP ${status}`;
    this.#error(id, GATEWAY_REFUSED, `HiveKey refused the request: ${why}`);
  }

  #error(id: RequestId | null, code: number, message: string): void {
    this.#options.write(JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } }));
  }
}

/** A refusal at the door names no request; the client waits for one that does. */
function named(text: string, id: RequestId | null): string {
  const value: unknown = JSON.parse(text);
  return isObject(value) && 'error' in value && !('id' in value) ? JSON.stringify({ ...value, id }) : text;
}

/** JSON text on one line: a line feed can only stand between tokens. */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ');
}

async function eachEvent(response: Response, take: (data: string) => void): Promise<void> {
  const parser = createParser({ onEvent: ({ data }) => (data === '' ? undefined : take(data)) });
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk, { stream: true }));
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
