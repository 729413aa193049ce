/**
 * Produces to one topic and waits until all replicas in sync have it. One request is on its way at a time, so a batch
 * that is sent again after its answer was lost stands in the topic twice, and never out of order: consumers drop it by
 * the header `event_id`. (An idempotent producer knows repetitions by the client itself, not those by a shipper.)
 */
import { isIP, type LookupFunction } from 'node:net';
import { ProduceAcks, Producer, stringSerializers } from '@platformatic/kafka';
import { guardedLookup } from '../../upstreams/index.ts';
import type { TransportDeps } from '../sink-type.ts';
import { checkReceiver } from '../socket/guard.ts';
import { STOPPED } from '../socket/problems.ts';
import { type HostPort, hostPortOf } from '../socket/settings.ts';
import { tlsOptions } from '../socket/tls-options.ts';
import type { Batch, Delivery, Transport } from '../transport.ts';
import type { KafkaSettings } from './index.ts';
import { kafkaProblem } from './problems.ts';

const CONNECT_MS = 5_000;
const REQUEST_MS = 30_000;
/** What the cluster says of itself is looked at once for each connection, and then holds as long as that. */
const METADATA_MS = 365 * 86_400_000;

type StringProducer = Producer<string, string, string, string>;

/** Throws `sink_address_refused`. */
export async function openKafka(settings: KafkaSettings, deps: TransportDeps): Promise<Transport> {
  const servers = settings.servers.flatMap((text) => hostPortOf(text) ?? []);
  for (const server of servers) checkReceiver(server, settings.tls !== null, deps.rules);
  return new KafkaTransport(settings, servers, deps);
}

class KafkaTransport implements Transport {
  readonly #settings: KafkaSettings;
  readonly #servers: readonly HostPort[];
  readonly #deps: TransportDeps;
  #producer: StringProducer | undefined;

  constructor(settings: KafkaSettings, servers: readonly HostPort[], deps: TransportDeps) {
    this.#settings = settings;
    this.#servers = servers;
    this.#deps = deps;
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Delivery> {
    if (signal.aborted) return STOPPED;
    const stop = (): void => void this.close();
    signal.addEventListener('abort', stop, { once: true });
    const { topic, compression } = this.#settings;
    const { workspaceId } = this.#deps.sink;
    try {
      this.#producer ??= await this.#connect();
      await this.#producer.send({
        messages: events.map(({ id, kind, time, body }) => ({
          topic,
          key: workspaceId,
          value: body,
          timestamp: BigInt(time),
          headers: { event_id: id, kind },
        })),
        acks: ProduceAcks.ALL,
        compression,
        idempotent: false,
        repeatOnStaleMetadata: false,
      });
      return { kind: 'taken', confirmed: true };
    } catch (error) {
      const problem = kafkaProblem(error, signal.aborted);
      // Leaders move: who they are is asked anew on a new connection.
      if (problem.kind !== 'split') await this.close();
      return problem;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.close().catch(() => undefined);
  }

  async #connect(): Promise<StringProducer> {
    const { sasl, topic } = this.#settings;
    const password = sasl === null ? undefined : await this.#deps.secret(sasl.password_ref);
    const ports = new Map(this.#servers.map(({ host, port }) => [host, port]));
    const producer = new Producer({
      clientId: 'hivekey',
      bootstrapBrokers: this.#servers.map((server) => ({ ...server })),
      serializers: stringSerializers,
      connectTimeout: CONNECT_MS,
      timeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      maxInflights: 1,
      // The shipper waits and tries again.
      retries: 0,
      metadataMaxAge: METADATA_MS,
      autocreateTopics: false,
      ...(await this.#protection(ports)),
      ...(sasl === null || password === undefined
        ? {}
        : { sasl: { mechanism: sasl.mechanism, username: sasl.user, password: password.reveal() } }),
    });
    try {
      const { brokers } = await producer.metadata({ topics: [topic], forceUpdate: true });
      for (const broker of brokers.values()) {
        ports.set(broker.host, broker.port);
        checkReceiver(broker, this.#settings.tls !== null, this.#deps.rules);
      }
      return producer;
    } catch (error) {
      await producer.close().catch(() => undefined);
      throw error;
    }
  }

  /** Names are looked up here, so that what they lead to is looked at; addresses were looked at as such. */
  async #protection(ports: ReadonlyMap<string, number>) {
    const { tls } = this.#settings;
    const [first] = this.#servers;
    if (tls === null || first === undefined) return {};
    const { host: _host, servername: _name, ...options } = await tlsOptions(first.host, tls, this.#deps);
    const lookup: LookupFunction = (hostname, wanted, done) =>
      guardedLookup(ports.get(hostname) ?? first.port, this.#deps.rules)(hostname, wanted, done);
    return {
      tls: { ...options, lookup },
      // Each broker under its own name; an address has none.
      tlsServerName: tls.server_name ?? this.#servers.some(({ host }) => isIP(host) === 0),
    };
  }
}
