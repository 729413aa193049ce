/** Requests of Azure's clients, over our own pool of connections. What they leave out of their errors is kept. */
import {
  createHttpHeaders,
  type HttpClient,
  type PipelineRequest,
  type PipelineResponse,
} from '@azure/core-rest-pipeline';
import type { LastSeen } from '../http/no-token.ts';
import type { Receiver } from '../http/receiver.ts';

export class AzureHttp implements HttpClient {
  readonly #receiver: Receiver;
  readonly #origin: string;
  /** Of the last request. */
  last: LastSeen = {};

  constructor(receiver: Receiver, origin: string) {
    this.#receiver = receiver;
    this.#origin = origin;
  }

  async sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
    const { origin, pathname, search } = new URL(request.url);
    const { body = '', abortSignal, headers, method } = request;
    this.last = {};
    if (origin !== this.#origin) throw new Error('another origin');
    if (typeof body !== 'string' && body !== null && !(body instanceof Uint8Array)) throw new Error('not a body');
    const exchange = await this.#receiver.ask(pathname + search, {
      method,
      headers: headers.toJSON(),
      body: Buffer.from(body ?? ''),
      signal: abortSignal instanceof AbortSignal ? abortSignal : new AbortController().signal,
    });
    if (exchange.kind === 'failed') {
      this.last = { failed: exchange.delivery };
      throw new Error('no answer');
    }
    const { answer } = exchange;
    this.last = { answer };
    const plain = Object.entries(answer.headers).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value] as const] : [],
    );
    return {
      request,
      status: answer.status,
      headers: createHttpHeaders(Object.fromEntries(plain)),
      bodyAsText: answer.body.toString(),
    };
  }

  async close(): Promise<void> {
    await this.#receiver.close();
  }
}
