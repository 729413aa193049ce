/** The API's answer on its way to the agent: written as it comes, with a copy where one is kept. */

import type { ServerResponse } from 'node:http';
import { parseJson } from '@hivekey/action-log';
import type { JsonValue } from '@hivekey/policy';
import type { AnswerSink, Headers } from '../../http-apis/index.ts';
import { type AnswerOf, answerHeaders } from './headers.ts';

/** A larger answer is given to the one that waits, and not kept. Bytes. */
const MAX_COPY = 1024 * 1024;

export class AnswerStream implements AnswerSink {
  readonly #res: ServerResponse;
  readonly #answer: AnswerOf;
  #copy: Buffer[] | undefined;
  #copied = 0;
  #head: { readonly status: number; readonly headers: readonly string[] } | undefined;

  /** `keep`: what the answer said is needed afterwards. */
  constructor(res: ServerResponse, answer: AnswerOf, keep: boolean) {
    this.#res = res;
    this.#answer = answer;
    this.#copy = keep ? [] : undefined;
  }

  head(status: number, headers: Headers): void {
    const relayed = answerHeaders(headers, this.#answer);
    this.#head = { status, headers: relayed };
    if (this.#res.destroyed || this.#res.headersSent) return;
    this.#res.writeHead(status, [...relayed]);
    // An answer may be long in coming after its head.
    this.#res.flushHeaders();
  }

  write(chunk: Buffer, resume: () => void): boolean {
    if (this.#copy !== undefined) {
      this.#copied += chunk.length;
      if (this.#copied > MAX_COPY) this.#copy = undefined;
      else this.#copy.push(chunk);
    }
    // Who has gone away is not waited for: the call may go on without it.
    if (this.#res.destroyed) return true;
    if (this.#res.write(chunk)) return true;
    const go = (): void => {
      this.#res.off('drain', go);
      this.#res.off('close', go);
      resume();
    };
    this.#res.on('drain', go);
    this.#res.on('close', go);
    return false;
  }

  end(): void {
    if (!this.#res.destroyed) this.#res.end();
  }

  /** What has been begun cannot be taken back: the agent sees that it is not whole. */
  break(): void {
    this.#res.destroy();
  }

  /** As it can be given again; undefined when it was not whole, or too large. */
  kept(): { readonly status: number; readonly headers: readonly string[]; readonly body: Buffer } | undefined {
    return this.#head === undefined || this.#copy === undefined
      ? undefined
      : { ...this.#head, body: Buffer.concat(this.#copy) };
  }

  /** The body as JSON, where it is that. */
  json(): JsonValue | undefined {
    const kept = this.kept();
    const at = kept?.headers.findIndex((text, index) => index % 2 === 0 && text === 'content-type') ?? -1;
    if (kept === undefined || !/^application\/(?:[a-z0-9.+-]+\+)?json\b/i.test(kept.headers[at + 1] ?? ''))
      return undefined;
    try {
      return parseJson(kept.body.toString());
    } catch {
      return undefined;
    }
  }
}
