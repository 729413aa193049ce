/** Reads what an HTTP upstream answers to one request: notifications and, in the session era, requests; then the response. */
import type { JsonObject } from '@hivekey/policy';
import type { Limits } from '../limits.ts';
import type { Era, UpstreamAnswer } from '../types.ts';
import type { ExchangeEnd, ExchangeHandler, ExchangeHead, FailureCode } from './exchange.ts';
import type { Sending } from './http-client.ts';
import { type Inbound, type RpcError, type RpcId, readMessage } from './json-rpc.ts';

/** Our own code, as everywhere: the upstream turned the request down outside the protocol. */
const UPSTREAM_REFUSED = 1004;

export interface CallEvents {
  onBegin?(): void;
  onNotification?(message: JsonObject): void;
  /** A request of the upstream; absent where the era has none. */
  onRequest?(id: RpcId, message: JsonObject): void;
}

export class CallReader {
  answer: Extract<Inbound, { kind: 'result' | 'error' }> | undefined;
  /** The newest event id, from which the stream can be resumed. */
  lastEventId: string | undefined;
  retryMs: number | undefined;
  /** Messages so far, the answer included. */
  messages = 0;
  bytesIn = 0;
  began = false;
  head: ExchangeHead | undefined;
  readonly #id: RpcId;
  readonly #era: Era;
  readonly #events: CallEvents;
  readonly #limits: Limits;
  #broken: FailureCode | undefined;

  constructor(id: RpcId, era: Era, events: CallEvents, limits: Limits) {
    this.#id = id;
    this.#era = era;
    this.#events = events;
    this.#limits = limits;
  }

  /** For one exchange; a resumed call has several. */
  handler(sending: Sending): ExchangeHandler {
    return {
      onBegin: () => {
        // Going on with an answer is no beginning.
        if (this.began && !sending.isRepeat) return;
        this.began = true;
        this.#events.onBegin?.();
      },
      onHead: (head) => {
        this.head = head;
      },
      onText: (text) => this.#read(text, sending),
      onEventId: (id) => {
        this.lastEventId = id;
      },
      onRetry: (ms) => {
        this.retryMs = ms;
      },
    };
  }

  /** True when the exchange is over. */
  #read(text: string, sending: Sending): boolean {
    // The first event of a resumable stream may be empty: it only carries an id.
    if (text === '' && this.head?.contentType === 'events') return false;
    this.messages += 1;
    if (this.messages > this.#limits.callMessages) return this.#break('upstream_too_large', sending);
    const message = readMessage(text, sending.scrubber);
    if (message === undefined) {
      // Who refuses before the protocol begins need not speak it: the status says enough.
      if ((this.head?.status ?? 200) >= 400) return true;
      return this.#break('upstream_protocol_error', sending);
    }
    switch (message.kind) {
      case 'notification':
        this.#events.onNotification?.(message.message);
        return false;
      case 'request':
        if (this.#era === 'modern' || this.#events.onRequest === undefined)
          return this.#break('upstream_protocol_error', sending);
        this.#events.onRequest(message.id, message.message);
        return false;
      case 'result':
        if (message.id !== this.#id) return this.#break('upstream_protocol_error', sending);
        this.answer = message;
        return true;
      case 'error':
        // Who turns a request down before reading it does not know its id.
        if (message.id !== this.#id && (this.head?.status ?? 200) < 400)
          return this.#break('upstream_protocol_error', sending);
        this.answer = message;
        return true;
    }
  }

  #break(code: FailureCode, sending: Sending): boolean {
    this.#broken = code;
    sending.refuse();
    return true;
  }

  /** The answer of the last exchange, as the path wants it. */
  finish(end: ExchangeEnd): UpstreamAnswer {
    const began = this.began || end.began;
    if (this.#broken !== undefined) return { kind: 'failed', code: this.#broken, began };
    const { answer } = this;
    const status = end.head?.status ?? this.head?.status;
    const seen = { bytesIn: this.bytesIn + end.bytesIn, ...(status === undefined ? {} : { httpStatus: status }) };
    if (answer?.kind === 'result')
      return isKnownType(this.#era, answer.result)
        ? { kind: 'result', result: answer.result, ...seen }
        : { kind: 'failed', code: 'upstream_protocol_error', began };
    if (answer !== undefined) return { kind: 'error', error: answer.error, ...seen };
    if (end.kind === 'failed') return { kind: 'failed', code: end.code, began };
    if (status !== undefined && status >= 400 && status < 500)
      return { kind: 'error', error: refusalOf(status), ...seen };
    // A proxy in front of an upstream that is down says so with these.
    const down = status === 502 || status === 503 || status === 504;
    return { kind: 'failed', code: down ? 'upstream_unreachable' : 'upstream_protocol_error', began };
  }
}

function refusalOf(status: number): RpcError {
  const message =
    status === 401 || status === 403
      ? `The upstream refused the gateway's credential (HTTP ${status}).`
      : `The upstream refused the request (HTTP ${status}).`;
  return { code: UPSTREAM_REFUSED, message };
}

/** Revision 2026-07-28: a result of a type that the client does not know is invalid. */
function isKnownType(era: Era, { resultType }: JsonObject): boolean {
  return era === 'legacy' || resultType === undefined || resultType === 'complete' || resultType === 'input_required';
}
