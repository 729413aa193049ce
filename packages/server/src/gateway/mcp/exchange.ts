/**
 * One request and its answer: JSON when nothing precedes the result, an event stream as soon as something
 * does. Ends exactly once; a client that goes away, a cancellation and a stop all abort it.
 */
import type { ServerResponse } from 'node:http';
import type { JsonObject } from '@hivekey/policy';
import { StopController, type StopSignal } from '../../stop-signal.ts';
import { answerEmpty, answerJson } from './answers.ts';
import type { Accepted } from './body.ts';
import { canTakeMore, eventOf, KEEP_ALIVE_EVENT, startEventStream } from './event-stream.ts';
import { errorMessage, type RequestId, type RpcError, resultMessage } from './wire.ts';

/** Where a governed request is answered: on the wire, or kept for whoever asks for it later. */
export interface Answerer {
  /** For the upstream request: aborted when nobody waits for its result any more, or an operator stopped it. */
  readonly signal: StopSignal;
  readonly ended: boolean;
  /** How long a held call may wait here, where that is not a matter of the client's habits, milliseconds. */
  readonly patienceMs?: number;
  /** Whether an upstream may ask the client something before its result. */
  readonly canAsk: boolean;
  /** The call waits for people. */
  held(approvalId: string): void;
  /** Sends a message that precedes the result. False when the client cannot take it. */
  send(message: string): boolean;
  result(result: JsonObject): void;
  error(status: number, error: RpcError): void;
  /** Answers with a function of `answers.ts`. */
  refuse(answer: (res: ServerResponse, id: RequestId) => void): void;
  /** Aborts the upstream request; the client still gets an answer. */
  stopUpstream(): void;
}

export class Exchange implements Answerer {
  readonly canAsk = true;
  readonly id: RequestId;
  readonly #res: ServerResponse;
  readonly #accepted: Accepted;
  readonly #onEnd: () => void;
  readonly #abort = new StopController();
  #streaming = false;
  #ended = false;
  #quietSinceMs: number;

  /** `onEnd` runs once, whichever way the exchange ends. */
  constructor(id: RequestId, res: ServerResponse, accepted: Accepted, nowMs: number, onEnd: () => void) {
    this.id = id;
    this.#res = res;
    this.#accepted = accepted;
    this.#quietSinceMs = nowMs;
    this.#onEnd = onEnd;
    res.on('close', () => this.destroy());
  }

  /** For the upstream request: aborted when nobody waits for its result any more, or an operator stopped it. */
  get signal(): StopSignal {
    return this.#abort;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get response(): ServerResponse {
    return this.#res;
  }

  /** Sends a message that precedes the result. False when the client cannot take it: no stream accepted, gone, or too slow. */
  send(message: string): boolean {
    if (this.#ended || !this.#accepted.eventStream) return false;
    this.#stream();
    if (!canTakeMore(this.#res)) return false;
    this.#res.write(eventOf(message));
    return true;
  }

  /** A comment, so that the client and what lies between see that the answer is on its way. */
  held(): void {
    if (this.#ended || !this.#accepted.eventStream) return;
    this.#stream();
    if (canTakeMore(this.#res)) this.#res.write(': held\n\n');
  }

  /** Called from time to time: after `quietMs` of silence the headers or a comment go out, so that nothing in between gives up. */
  keepAlive(nowMs: number, quietMs: number): void {
    if (this.#ended || !this.#accepted.eventStream || nowMs - this.#quietSinceMs < quietMs) return;
    this.#quietSinceMs = nowMs;
    this.#stream();
    if (canTakeMore(this.#res)) this.#res.write(KEEP_ALIVE_EVENT);
  }

  result(result: JsonObject, headers?: readonly string[]): void {
    if (this.#ended) return;
    this.#finish(200, resultMessage(this.id, result), headers);
  }

  /** `status` holds unless a stream has begun, which is 200 by then. */
  error(status: number, error: RpcError): void {
    if (this.#ended) return;
    this.#finish(status, errorMessage(this.id, error));
  }

  /** A message in two parts, so that a cached one is not copied. */
  parts(head: string, tail: Buffer): void {
    if (this.#ended) return;
    if (this.#endsAsStream(200)) {
      this.#finish(200, head + tail.toString());
      return;
    }
    this.#over();
    const length = String(Buffer.byteLength(head) + tail.length);
    this.#res.writeHead(200, ['content-type', 'application/json', 'content-length', length]);
    this.#res.write(head);
    this.#res.end(tail);
  }

  /** Leaves the response to a stream that outlives this exchange. */
  handOver(): void {
    if (!this.#ended) this.#over();
  }

  /** Answers with a function of `answers.ts`. A stream that has begun can only be cut. */
  refuse(answer: (res: ServerResponse, id: RequestId) => void): void {
    if (this.#ended) return;
    if (this.#streaming) {
      this.destroy();
      return;
    }
    this.#over();
    answer(this.#res, this.id);
  }

  /** Ends without a result: the client cancelled, and a cancelled request gets no response. */
  cancel(): void {
    if (this.#ended) return;
    this.#over();
    if (this.#streaming) this.#res.end();
    else answerEmpty(this.#res, 202);
    this.#abort.abort();
  }

  /** Aborts the upstream request; the client still gets an answer. */
  stopUpstream(): void {
    this.#abort.abort();
  }

  /** The client is gone, or must go. */
  destroy(): void {
    if (this.#ended) return;
    this.#over();
    this.#res.destroy();
    this.#abort.abort();
  }

  #stream(headers?: readonly string[]): void {
    if (this.#streaming) return;
    this.#streaming = true;
    startEventStream(this.#res, headers);
  }

  #finish(status: number, message: string, headers?: readonly string[]): void {
    const asStream = this.#endsAsStream(status);
    this.#over();
    if (asStream) {
      this.#stream(headers);
      this.#res.end(eventOf(message));
    } else {
      answerJson(this.#res, status, message, headers);
    }
  }

  /** A stream is 200, so another status is told as JSON while that is still possible. */
  #endsAsStream(status: number): boolean {
    if (this.#streaming) return true;
    const { json, eventStream, streamFirst } = this.#accepted;
    return status === 200 && eventStream && (!json || streamFirst);
  }

  #over(): void {
    this.#ended = true;
    this.#onEnd();
  }
}
