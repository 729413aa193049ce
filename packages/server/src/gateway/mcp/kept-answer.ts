/** The answer of a request that runs as a task: kept until the client asks for it. */
import type { ServerResponse } from 'node:http';
import type { JsonObject } from '@hivekey/policy';
import { StopController, type StopSignal } from '../../stop-signal.ts';
import type { Answerer } from './exchange.ts';
import { CODE, type RequestId, type RpcError } from './wire.ts';

export type Answer =
  | { readonly kind: 'result'; readonly result: JsonObject }
  | { readonly kind: 'error'; readonly error: RpcError }
  /** Nobody could be answered as who asked, or nothing could be recorded. */
  | { readonly kind: 'refused'; readonly refuse: (res: ServerResponse, id: RequestId) => void };

/** Characters of JSON. Many may be kept at a time. */
const MAX_KEPT = 1024 * 1024;
const TOO_LARGE: Answer = {
  kind: 'error',
  error: { code: CODE.refused, message: 'The call was answered, and the answer is too large to be kept for a task.' },
};

export class KeptAnswer implements Answerer {
  readonly canAsk = false;
  readonly patienceMs: number;
  readonly #abort = new StopController();
  readonly #given = Promise.withResolvers<Answer>();
  #answer: Answer | undefined;
  #approvalId: string | undefined;

  constructor(patienceMs: number) {
    this.patienceMs = patienceMs;
  }

  get signal(): StopSignal {
    return this.#abort;
  }

  get ended(): boolean {
    return this.#answer !== undefined || this.#abort.aborted;
  }

  /** Undefined until there is one. */
  get answer(): Answer | undefined {
    return this.#answer;
  }

  /** Resolves with the answer; never, when it is given up before. */
  get given(): Promise<Answer> {
    return this.#given.promise;
  }

  /** What people are asked about the call, as far as it came to that. */
  get approvalId(): string | undefined {
    return this.#approvalId;
  }

  held(approvalId: string): void {
    this.#approvalId = approvalId;
  }

  /** Nothing precedes the answer of a task. */
  send(): boolean {
    return false;
  }

  result(result: JsonObject): void {
    this.#give({ kind: 'result', result });
  }

  error(_status: number, error: RpcError): void {
    this.#give({ kind: 'error', error });
  }

  refuse(refuse: (res: ServerResponse, id: RequestId) => void): void {
    this.#give({ kind: 'refused', refuse });
  }

  /** Nobody wants it any more. */
  giveUp(): void {
    this.#abort.abort();
  }

  stopUpstream(): void {
    this.#abort.abort();
  }

  #give(answer: Answer): void {
    if (this.#answer !== undefined) return;
    this.#answer = answer.kind === 'result' && JSON.stringify(answer.result).length > MAX_KEPT ? TOO_LARGE : answer;
    this.#given.resolve(this.#answer);
  }
}
