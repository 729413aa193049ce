/** `@elastic/elasticsearch` over our own pool of connections. */
import { Readable } from 'node:stream';
import type { Pool } from 'undici';
import { failureOf, STOPPED } from '../http/failure.ts';
import { loaded } from '../http/loaded.ts';
import type { LastSeen } from '../http/no-token.ts';
import { jsonObject } from '../http/quote.ts';
import { type Answer, bytesOf, poolOf, REQUEST_MS } from '../http/receiver.ts';
import { deliveryOf } from '../http/verdict.ts';
import type { TransportDeps } from '../sink-type.ts';
import type { Delivery } from '../transport.ts';
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
        const seen = requests.seen.get(own);
        if (seen?.failed !== undefined) throw new Undelivered(signal.aborted ? STOPPED : seen.failed);
        if (seen?.answer !== undefined) throw new Undelivered(unlike(seen.answer, deps.clock()));
        throw error;
      }
    },
    close: () => requests.close(),
  };
}

/** The client takes answers of Elasticsearch alone: this is another product, or a page of something in between. */
function unlike(answer: Answer, nowMs: number): Delivery {
  if (jsonObject(answer.body)?.items === undefined) return deliveryOf('broken', answer, nowMs);
  const why = 'the receiver does not say that it is Elasticsearch; for OpenSearch, set product';
  return { kind: 'hold', code: 'receiver_refuses', why };
}

type Asked = Parameters<Pool['request']>[0];

/**
 * What the client asks in place of a pool. Answers are read here, bounded, so that one that the client does not want
 * holds no connection; what came of a request is kept, because the client keeps words of it alone.
 */
class Requests {
  /** By the signal of the request. */
  readonly seen = new WeakMap<object, LastSeen>();
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async request(asked: Asked): Promise<{ statusCode: number; headers: unknown; body: Readable }> {
    const see = (seen: LastSeen): void => {
      if (typeof asked.signal === 'object' && asked.signal !== null) this.seen.set(asked.signal, seen);
    };
    try {
      const { statusCode, headers, body } = await this.#pool.request(asked);
      const bytes = await bytesOf(body, MAX_ANSWER_BYTES);
      see({ answer: { status: statusCode, headers, body: bytes } });
      return { statusCode, headers, body: Readable.from([bytes]) };
    } catch (error) {
      see({ failed: failureOf(error, false) });
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
