/** `@elastic/elasticsearch` over our own pool of connections. */
import { Readable } from 'node:stream';
import type { Pool } from 'undici';
import { failureOf } from '../http/failure.ts';
import { loaded } from '../http/loaded.ts';
import { bytesOf, poolOf, REQUEST_MS } from '../http/receiver.ts';
import type { TransportDeps } from '../sink-type.ts';
import { MAX_ANSWER_BYTES } from './bulk.ts';
import { type ElasticSettings, elasticSink } from './index.ts';
import { type BulkClient, Undelivered } from './transport.ts';

/** Throws `sink_url_invalid`, `sink_url_refused`, `sink_client_missing`. */
export async function openElasticsearch(settings: ElasticSettings, deps: TransportDeps): Promise<BulkClient> {
  const { Client } = await loaded('@elastic/elasticsearch', () => import('@elastic/elasticsearch'));
  const requests = new Requests(poolOf(settings.url, settings.tls, deps, elasticSink.limits.window));
  const client = new Client({
    node: settings.url,
    agent: () => requests,
    maxRetries: 0,
    enableMetaHeader: false,
    // Its errors are to hold no request.
    redaction: { type: 'remove' },
  });
  const media = `application/vnd.elasticsearch+json; compatible-with=${settings.compatible_with}`;
  const versioned = { accept: media, 'content-type': media.replace('+json', '+x-ndjson') };
  return {
    post: async ({ path, query, headers, body, signal }) => {
      // Its own, by which what became of the request is found again.
      const own = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]);
      try {
        const {
          statusCode,
          headers: answered,
          body: stream,
        } = await client.transport.request<Readable>(
          { method: 'POST', path, querystring: { ...query }, bulkBody: body },
          { headers: { ...headers, ...versioned }, signal: own, maxRetries: 0, asStream: true, meta: true },
        );
        return { status: statusCode ?? 0, headers: answered, body: await bytesOf(stream, MAX_ANSWER_BYTES) };
      } catch (error) {
        const delivery = requests.failures.get(own);
        if (delivery !== undefined) throw new Undelivered(signal.aborted ? failureOf(undefined, true) : delivery);
        if (error instanceof Error && error.name === 'ProductNotSupportedError')
          throw new Undelivered({
            kind: 'hold',
            code: 'receiver_refuses',
            why: 'the receiver does not say that it is Elasticsearch; for OpenSearch, set product',
          });
        throw error;
      }
    },
    close: () => requests.close(),
  };
}

type Asked = Parameters<Pool['request']>[0];

/**
 * What the client asks in place of a pool. Answers are read here, bounded, so that one that the client does not want
 * holds no connection; failures are kept, because the client keeps their words alone.
 */
class Requests {
  readonly failures = new WeakMap<object, ReturnType<typeof failureOf>>();
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async request(asked: Asked): Promise<{ statusCode: number; headers: unknown; body: Readable }> {
    try {
      const { statusCode, headers, body } = await this.#pool.request(asked);
      return { statusCode, headers, body: Readable.from([await bytesOf(body, MAX_ANSWER_BYTES)]) };
    } catch (error) {
      const { signal } = asked;
      if (typeof signal === 'object' && signal !== null) this.failures.set(signal, failureOf(error, false));
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
