/** HTTP towards one API: fixed origin, guarded addresses, the credential added last, the answer streamed within limits. */
import type { IncomingHttpHeaders } from 'node:http';
import { type Dispatcher, Pool } from 'undici';
import type { StopSignal } from '../stop-signal.ts';
import {
  AddressRefused,
  type AddressRules,
  type Authorized,
  type Authorizer,
  DEFAULT_LIMITS,
  guardedLookup,
  literalProblem,
  parseEndpoint,
  type Scrubber,
  type StreamScrubber,
  withParameter,
} from '../upstreams/index.ts';
import type { ApiSettings } from './input.ts';

export type Headers = readonly (readonly [name: string, value: string])[];

export interface ApiRequest {
  readonly method: string;
  /** Path and query below the base path. */
  readonly target: string;
  readonly headers: Headers;
  readonly contentType: string | undefined;
  readonly body: Buffer;
  readonly signal: StopSignal;
  /** In the tick of the first byte; false when it may not leave any more. */
  begin(): boolean;
}

/** Where the answer goes. */
export interface AnswerSink {
  head(status: number, headers: Headers): void;
  /** False when no more is wanted until `resume` is called. */
  write(chunk: Buffer, resume: () => void): boolean;
}

export type FailureCode =
  | 'upstream_unreachable'
  | 'upstream_timeout'
  | 'upstream_protocol_error'
  | 'upstream_too_large'
  | 'aborted'
  | 'credential_unavailable'
  | 'address_refused';

export type ApiEnd = { readonly bytesIn: number; readonly status?: number } & (
  | { readonly kind: 'ended'; readonly status: number }
  /** `began`: something may have reached the API. */
  | { readonly kind: 'failed'; readonly code: FailureCode; readonly began: boolean }
);

const MAX_HEADER_BYTES = 32 * 1024;
/** Whatever the agent brings to prove itself is for the gateway alone. */
const OF_THE_AGENT: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie']);

export interface ApiConnectionOptions {
  readonly settings: ApiSettings;
  readonly rules: AddressRules;
  readonly userAgent: string;
  readonly authorizer: Authorizer;
}

export class ApiConnection {
  readonly #options: ApiConnectionOptions;
  readonly #pool: Pool;
  readonly #base: string;
  /** A literal is connected to without any lookup, so it is judged here. */
  readonly #isRefused: boolean;

  constructor(options: ApiConnectionOptions) {
    this.#options = options;
    const endpoint = parseEndpoint(options.settings.endpoint);
    const { url, port } = endpoint;
    this.#isRefused = literalProblem(endpoint, options.rules) !== undefined;
    this.#base = url.pathname.replace(/\/+$/, '');
    this.#pool = new Pool(url.origin, {
      connections: DEFAULT_LIMITS.connections,
      pipelining: 1,
      allowH2: false,
      // The whole call has one limit.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: MAX_HEADER_BYTES,
      connect: { timeout: DEFAULT_LIMITS.connectMs, lookup: guardedLookup(port, options.rules) },
    });
  }

  /**
   * One request, never redirected. It is repeated only where an access token was refused with 401, once, with a new
   * token: the API has not looked at it then. Never rejects.
   */
  async send(request: ApiRequest, sink: AnswerSink): Promise<ApiEnd> {
    const notSent = (code: FailureCode): ApiEnd => ({ kind: 'failed', code, began: false, bytesIn: 0 });
    if (this.#isRefused) return notSent('address_refused');
    const { authorizer } = this.#options;
    for (let isFirst = true; ; isFirst = false) {
      let authorized: Authorized | undefined;
      try {
        authorized = await authorizer.authorize();
      } catch {
        return notSent('credential_unavailable');
      }
      if (request.signal.aborted) return notSent('aborted');
      const used = authorized;
      const mayRepeat = isFirst && used !== undefined;
      const end = await this.#relay(request, sink, used, () => mayRepeat && authorizer.refused(used));
      if (end !== 'repeat') return end;
    }
  }

  #relay(
    request: ApiRequest,
    sink: AnswerSink,
    authorized: Authorized | undefined,
    isStale: () => boolean,
  ): Promise<ApiEnd | 'repeat'> {
    const { settings, userAgent } = this.#options;
    const headers = ['user-agent', userAgent, 'accept-encoding', 'identity'];
    const injected = authorized?.header?.[0].toLowerCase();
    for (const [name, value] of request.headers) {
      const lower = name.toLowerCase();
      if (lower !== injected && !OF_THE_AGENT.has(lower)) headers.push(name, value);
    }
    if (request.contentType !== undefined) headers.push('content-type', request.contentType);
    if (authorized?.header !== undefined) headers.push(...authorized.header);
    const relay = new Relay(request, sink, authorized?.scrubber, isStale, {
      maxBytes: settings.maxResponseBytes,
      totalMs: settings.timeoutSeconds * 1000,
    });
    const { method, body } = request;
    const path = withParameter(`${this.#base}${request.target}`, authorized?.parameter);
    try {
      this.#pool.dispatch({ path, method, headers, body: body.length === 0 ? null : body }, relay);
    } catch {
      // The pool is closed, or a header cannot be sent.
      relay.fail('upstream_unreachable');
    }
    return relay.done;
  }

  forgetTokens(): void {
    this.#options.authorizer.forget();
  }

  /** Waits for what is open. */
  async retire(): Promise<void> {
    await this.#pool.close();
    await this.#options.authorizer.close();
  }

  /** Breaks what is open. */
  async close(): Promise<void> {
    await Promise.all([this.#pool.destroy(), this.#options.authorizer.close()]);
  }
}

/** Thrown into undici; never shown. */
class Stopped extends Error {}

/** Settles exactly once; what still arrives afterwards is let go. */
class Relay implements Dispatcher.DispatchHandler {
  readonly done: Promise<ApiEnd | 'repeat'>;
  readonly #request: ApiRequest;
  readonly #sink: AnswerSink;
  readonly #scrubber: Scrubber | undefined;
  readonly #isStale: () => boolean;
  readonly #maxBytes: number;
  readonly #timer: NodeJS.Timeout;
  #settle: ((end: ApiEnd | 'repeat') => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #stream: StreamScrubber | undefined;
  #status: number | undefined;
  #began = false;
  #bytesIn = 0;

  constructor(
    request: ApiRequest,
    sink: AnswerSink,
    scrubber: Scrubber | undefined,
    isStale: () => boolean,
    limits: { readonly maxBytes: number; readonly totalMs: number },
  ) {
    this.#request = request;
    this.#sink = sink;
    this.#scrubber = scrubber;
    this.#isStale = isStale;
    this.#stream = scrubber?.stream();
    this.#maxBytes = limits.maxBytes;
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#timer = setTimeout(() => this.fail('upstream_timeout'), limits.totalMs);
    request.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  readonly #onAbort = (): void => this.fail('aborted');

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Undici writes in this tick, unless the controller is aborted here.
    if (this.#settle === undefined || this.#request.signal.aborted || !this.#request.begin()) {
      controller.abort(new Stopped());
      this.fail('aborted');
      return;
    }
    this.#controller = controller;
    this.#began = true;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // Informational responses precede the real one.
    if (this.#settle === undefined || status < 200) return;
    if (status === 401 && this.#isStale()) {
      this.#end('repeat');
      this.#controller?.abort(new Stopped());
      return;
    }
    this.#status = status;
    const encoding = headers['content-encoding'];
    // What is encoded cannot be looked through for the credential, and none was asked for.
    if (encoding !== undefined && encoding !== 'identity') {
      this.fail('upstream_protocol_error');
      return;
    }
    if (Number(headers['content-length']) > this.#maxBytes && this.#request.method !== 'HEAD') {
      this.fail('upstream_too_large');
      return;
    }
    this.#sink.head(status, this.#headersOf(headers));
  }

  #headersOf(headers: IncomingHttpHeaders): Headers {
    const clean = (text: string): string => this.#scrubber?.text(text) ?? text;
    return Object.entries(headers).flatMap(([name, value]) => {
      const values = value === undefined ? [] : Array.isArray(value) ? value : [value];
      return values.map((each) => [name, clean(each)] as const);
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settle === undefined || this.#status === undefined) return;
    this.#bytesIn += chunk.length;
    if (this.#bytesIn > this.#maxBytes) this.fail('upstream_too_large');
    else this.#write(this.#stream?.push(chunk) ?? chunk, controller);
  }

  #write(bytes: Buffer, controller: Dispatcher.DispatchController): void {
    if (bytes.length > 0 && !this.#sink.write(bytes, () => controller.resume())) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#settle === undefined || this.#status === undefined) return;
    if (this.#stream !== undefined) this.#write(this.#stream.end(), controller);
    this.#end({ kind: 'ended', status: this.#status, bytesIn: this.#bytesIn });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(codeFor(error));
  }

  fail(code: FailureCode): void {
    if (this.#settle === undefined) return;
    const status = this.#status === undefined ? {} : { status: this.#status };
    this.#end({ kind: 'failed', code, began: this.#began, bytesIn: this.#bytesIn, ...status });
    this.#controller?.abort(new Stopped());
  }

  #end(end: ApiEnd | 'repeat'): void {
    clearTimeout(this.#timer);
    this.#request.signal.removeEventListener('abort', this.#onAbort);
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(end);
  }
}

/** Undici's messages may name addresses; only a code leaves here. */
function codeFor(error: Error): FailureCode {
  if (error instanceof AddressRefused) return 'address_refused';
  if (error instanceof AggregateError && error.errors.some((each) => each instanceof AddressRefused))
    return 'address_refused';
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'upstream_too_large';
  if (error.name === 'HTTPParserError' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH')
    return 'upstream_protocol_error';
  return 'upstream_unreachable';
}
