/** Sends batches through the product's own client, without its retries: whether and when is for the shipper to say. */
import type { Secret } from '../../secret.ts';
import { failureOf } from '../http/failure.ts';
import { type Answer, gzipped } from '../http/receiver.ts';
import type { TransportDeps } from '../sink-type.ts';
import type { Batch, Delivery, Transport } from '../transport.ts';
import { bulkBody, deliveryOfBulk, FILTER } from './bulk.ts';
import type { ElasticSettings } from './index.ts';

export interface BulkRequest {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Compressed. */
  readonly body: Buffer;
  readonly signal: AbortSignal;
}

export interface BulkClient {
  /** Rejects with `Undelivered`, or with an error that has a cause which tells. */
  post(request: BulkRequest): Promise<Answer>;
  close(): Promise<void>;
}

/** There is no answer, and what that means is known. */
export class Undelivered extends Error {
  readonly delivery: Delivery;

  constructor(delivery: Delivery) {
    super('not delivered');
    this.delivery = delivery;
  }
}

/** Throws `sink_url_invalid`, `sink_url_refused`, `sink_client_missing` and what a credential throws. */
export async function openElastic(settings: ElasticSettings, deps: TransportDeps): Promise<Transport> {
  await credentialsOf(settings, deps);
  const open =
    settings.product === 'elasticsearch'
      ? (await import('./elasticsearch.ts')).openElasticsearch
      : (await import('./opensearch.ts')).openOpenSearch;
  return new ElasticTransport(settings, deps, await open(settings, deps));
}

class ElasticTransport implements Transport {
  readonly #settings: ElasticSettings;
  readonly #deps: TransportDeps;
  readonly #client: BulkClient;

  constructor(settings: ElasticSettings, deps: TransportDeps, client: BulkClient) {
    this.#settings = settings;
    this.#deps = deps;
    this.#client = client;
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Delivery> {
    try {
      const { headers, secrets } = await credentialsOf(this.#settings, this.#deps);
      const answer = await this.#client.post({
        path: `/${this.#settings.data_stream}/_bulk`,
        query: { filter_path: FILTER },
        headers: { ...headers, 'user-agent': this.#deps.userAgent, 'content-encoding': 'gzip' },
        body: await gzipped(bulkBody(events)),
        signal,
      });
      return deliveryOfBulk(answer, events.length, secrets, this.#deps.clock());
    } catch (error) {
      return error instanceof Undelivered ? error.delivery : failureOf(error, signal.aborted);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

/** At each request: a credential may have been replaced. Throws what it throws. */
async function credentialsOf(
  { auth }: ElasticSettings,
  { secret }: TransportDeps,
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly secrets: readonly Secret[] }> {
  switch (auth.method) {
    case 'api_key': {
      const key = await secret(auth.key_ref);
      return { headers: { authorization: `ApiKey ${key.reveal()}` }, secrets: [key] };
    }
    case 'basic': {
      const password = await secret(auth.password_ref);
      const pair = Buffer.from(`${auth.username}:${password.reveal()}`).toString('base64');
      return { headers: { authorization: `Basic ${pair}` }, secrets: [password] };
    }
    case 'aws':
      // The client signs.
      return {
        headers: {},
        secrets: auth.credentials === null ? [] : [await secret(auth.credentials.secret_access_key_ref)],
      };
    case 'none':
      return { headers: {}, secrets: [] };
  }
}
