/**
 * One HTTP request and its answer over undici's dispatcher: JSON or an event stream, read within limits.
 * Settles exactly once; what still arrives afterwards is let go.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { StopSignal } from '../../stop-signal.ts';
import { AddressRefused } from '../address-guard.ts';
import { type SseHandler, SseReader, SseRefused } from './sse.ts';
import { Ticker, type Ticking } from './ticker.ts';

export type FailureCode =
  | 'upstream_unreachable'
  | 'upstream_timeout'
  | 'upstream_protocol_error'
  | 'upstream_too_large'
  | 'aborted'
  | 'credential_unavailable'
  | 'address_refused';

/** Never shortened, and kept to the tick of `Ticker`. */
export interface ExchangeLimits {
  /** Silence, milliseconds; 0 for none. */
  readonly idleMs: number;
  /** Altogether, milliseconds; 0 for none. */
  readonly totalMs: number;
  /** One message. */
  readonly messageBytes: number;
  /** The whole answer; 0 for no limit. */
  readonly totalBytes: number;
}

export interface ExchangeHead {
  readonly status: number;
  /** `Mcp-Session-Id`. */
  readonly sessionId?: string;
  readonly contentType: 'json' | 'events' | 'other';
}

export interface ExchangeHandler {
  /** In the tick in which bytes leave. */
  onBegin?(): void;
  onHead?(head: ExchangeHead): void;
  /** One JSON text. True when nothing more is wanted. */
  onText(text: string): boolean;
  onEventId?(id: string): void;
  onRetry?(ms: number): void;
}

export type ExchangeEnd = {
  readonly began: boolean;
  readonly bytesIn: number;
  readonly head?: ExchangeHead;
} & (
  | { /** `onText` wanted no more, or the answer is complete. */ readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly code: FailureCode }
);

/** After its message is complete an answer may take this long to end, so that the connection can be used again. */
const DRAIN_MS = 1_000;

/** Thrown into undici; never shown. */
class Stopped extends Error {}

const ticker = new Ticker();

export class Exchange implements Dispatcher.DispatchHandler, Ticking {
  readonly done: Promise<ExchangeEnd>;
  readonly #handler: ExchangeHandler;
  readonly #limits: ExchangeLimits;
  readonly #signal: StopSignal | undefined;
  #settle: ((end: ExchangeEnd) => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  /** Both as of the tick after; undefined until then. */
  #startedMs: number | undefined;
  #heardMs: number | undefined;
  /** Ends the ticking. */
  #rest: (() => void) | undefined;
  #drain: NodeJS.Timeout | undefined;
  #head: ExchangeHead | undefined;
  #began = false;
  #complete = false;
  #bytesIn = 0;
  #body: Buffer[] = [];
  #events: SseReader | undefined;

  constructor(handler: ExchangeHandler, limits: ExchangeLimits, signal: StopSignal | undefined) {
    this.#handler = handler;
    this.#limits = limits;
    this.#signal = signal;
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    if (signal?.aborted === true) {
      this.#fail('aborted');
      return;
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (limits.idleMs > 0 || limits.totalMs > 0) this.#rest = ticker.add(this);
  }

  tick(nowMs: number): void {
    const { idleMs, totalMs } = this.#limits;
    this.#startedMs ??= nowMs;
    this.#heardMs ??= nowMs;
    const isLate = totalMs > 0 && nowMs - this.#startedMs >= totalMs;
    if (isLate || (idleMs > 0 && nowMs - this.#heardMs >= idleMs)) this.#fail('upstream_timeout');
  }

  readonly #onAbort = (): void => this.#fail('aborted');

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Undici writes in this tick, unless the controller is aborted here.
    if (this.#settle === undefined || this.#signal?.aborted === true) {
      controller.abort(new Stopped());
      return;
    }
    this.#controller = controller;
    this.#began = true;
    this.#handler.onBegin?.();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // Informational responses precede the real one.
    if (this.#settle === undefined || status < 200) return;
    this.#heardMs = undefined;
    const contentType = contentTypeOf(headers['content-type']);
    const sessionId = headers['mcp-session-id'];
    this.#head = { status, contentType, ...(typeof sessionId === 'string' ? { sessionId } : {}) };
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      this.#fail('upstream_protocol_error');
      return;
    }
    if (contentType === 'events') this.#events = new SseReader(this.#sse(), this.#limits.messageBytes);
    this.#handler.onHead?.(this.#head);
  }

  #sse(): SseHandler {
    return {
      onData: (data) => this.#text(data),
      onId: (id) => this.#handler.onEventId?.(id),
      onRetry: (ms) => this.#handler.onRetry?.(ms),
    };
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settle === undefined) return;
    this.#heardMs = undefined;
    this.#bytesIn += chunk.length;
    const { totalBytes, messageBytes } = this.#limits;
    const events = this.#events;
    // An event stream measures its own messages; anything that is neither is not read, only counted.
    if ((totalBytes > 0 && this.#bytesIn > totalBytes) || (events === undefined && this.#bytesIn > messageBytes))
      this.#fail('upstream_too_large');
    else if (events !== undefined) this.#feed(events, chunk);
    else if (this.#head?.contentType === 'json') this.#body.push(chunk);
  }

  #feed(events: SseReader, chunk: Buffer): void {
    try {
      events.push(chunk);
    } catch (error) {
      if (!(error instanceof SseRefused)) throw error;
      this.#fail(error.code);
    }
  }

  #text(text: string): void {
    if (this.#settle !== undefined && this.#handler.onText(text)) this.#end({ kind: 'ended' });
  }

  onResponseEnd(): void {
    this.#complete = true;
    clearTimeout(this.#drain);
    if (this.#settle === undefined) return;
    if (this.#head?.contentType === 'json' && this.#body.length > 0) this.#text(textOf(this.#body));
    this.#end({ kind: 'ended' });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    clearTimeout(this.#drain);
    this.#fail(codeFor(error));
  }

  /** Ends the request from outside, e.g. because the handler found the answer to be no valid one. */
  refuse(code: FailureCode): void {
    this.#fail(code);
  }

  #fail(code: FailureCode): void {
    if (this.#settle === undefined) return;
    this.#end({ kind: 'failed', code });
    this.#controller?.abort(new Stopped());
  }

  #end(how: { readonly kind: 'ended' } | { readonly kind: 'failed'; readonly code: FailureCode }): void {
    const settle = this.#settle;
    if (settle === undefined) return;
    this.#settle = undefined;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#rest?.();
    this.#body = [];
    const head = this.#head === undefined ? {} : { head: this.#head };
    settle({ ...how, began: this.#began, bytesIn: this.#bytesIn, ...head });
    if (how.kind === 'ended' && !this.#complete)
      this.#drain = setTimeout(() => this.#controller?.abort(new Stopped()), DRAIN_MS).unref();
  }
}

function contentTypeOf(header: string | undefined): ExchangeHead['contentType'] {
  if (header === 'application/json') return 'json';
  const type = header?.split(';')[0]?.trim().toLowerCase();
  return type === 'application/json' ? 'json' : type === 'text/event-stream' ? 'events' : 'other';
}

function textOf(chunks: readonly Buffer[]): string {
  const [only] = chunks;
  return only !== undefined && chunks.length === 1 ? only.toString() : Buffer.concat(chunks).toString();
}

/** Undici's messages may name addresses; only a code leaves here. */
function codeFor(error: Error): FailureCode {
  if (error instanceof AddressRefused) return 'address_refused';
  if (error instanceof AggregateError && error.errors.some((each) => each instanceof AddressRefused))
    return 'address_refused';
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'upstream_too_large';
  // The parser's errors have their codes only sometimes.
  if (error.name === 'HTTPParserError' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH')
    return 'upstream_protocol_error';
  return 'upstream_unreachable';
}
