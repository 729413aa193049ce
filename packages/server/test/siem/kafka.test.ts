/** Kafka against the mock cluster of librdkafka: order, keys, headers, and answers that are lost. */
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, newAuthority } from '../../../../test/setup/certificates.ts';
import { kafkaSink } from '../../src/siem/kafka/index.ts';
import { kafkaProblem } from '../../src/siem/kafka/problems.ts';
import type { Transport } from '../../src/siem/transport.ts';
import { type KafkaProxy, type KafkaReceiver, startKafka, startKafkaProxy } from './receivers/kafka.ts';
import { batchOf, entries, NEVER, outgoing, testDeps } from './receivers/stream.ts';

const PASSWORD_REF = 'vault://kafka-password';
const PASSWORD = 'a-password-of-kafka';

let authority: Authority;
let cluster: KafkaReceiver;
let single: KafkaReceiver;
let proxy: KafkaProxy;
const deps = testDeps({ format: 'native', secrets: { [PASSWORD_REF]: PASSWORD } });
const open: Transport[] = [];

beforeAll(async () => {
  authority = await newAuthority('Acme test authority');
  [cluster, single] = await Promise.all([startKafka(3), startKafka(1)]);
  proxy = await startKafkaProxy(single.servers[0] ?? '', await authority.issue('127.0.0.1'));
  for (const each of [cluster, single]) each.addTopic('hivekey.log');
});

afterAll(async () => {
  await Promise.all(open.map((transport) => transport.close()));
  await Promise.all([proxy, cluster, single].map((each) => each?.[Symbol.asyncDispose]()));
});

async function connect(settings: Readonly<Record<string, unknown>>, given = deps): Promise<Transport> {
  const transport = await kafkaSink.open(settings).connect(given);
  open.push(transport);
  return transport;
}

const native = (first: number, last: number) =>
  batchOf(entries(first, last).map((entry) => outgoing(entry, 'native', true)));

describe('a topic', () => {
  it.each(['none', 'zstd'])(
    'has every event in order, in one partition, under its key; compression: %s',
    async (compression) => {
      const topic = `hivekey.${compression}`;
      cluster.addTopic(topic);
      const transport = await connect({ servers: cluster.servers, tls: null, topic, compression });
      for (const first of [1, 301, 601])
        expect(await transport.send(native(first, first + 299), NEVER)).toEqual({ kind: 'taken', confirmed: true });
      const sent = native(1, 900).events;
      const consumed = cluster.consumed(topic);
      expect(new Set(consumed.map(({ partition }) => partition)).size).toBe(1);
      expect(consumed.map(({ key, headers }) => ({ key, headers }))).toEqual(
        sent.map(({ id }) => ({ key: deps.sink.workspaceId, headers: `event_id=${id},kind=tool.call` })),
      );
      expect(consumed.map(({ body }) => JSON.parse(body).record.event_id)).toEqual(sent.map(({ id }) => id));
    },
  );

  it('over TLS has an event twice where the answer was lost, in order, and none too few', async () => {
    const transport = await connect({ servers: [proxy.server], tls: { ca: authority.ca } });
    expect(await transport.send(native(1, 10), NEVER)).toEqual({ kind: 'taken', confirmed: true });
    proxy.cutAtAnswer();
    expect(await transport.send(native(11, 20), NEVER)).toMatchObject({ kind: 'retry' });
    expect(await transport.send(native(11, 20), NEVER)).toEqual({ kind: 'taken', confirmed: true });
    const ids = single.consumed('hivekey.log').map(({ headers }) => Number(/event_id=evt_(\d+)/.exec(headers)?.[1]));
    expect(ids).toEqual([...range(1, 20), ...range(11, 20)]);
  });
});

describe('a cluster', () => {
  it('that we cannot trust gets no password', async () => {
    const sasl = { mechanism: 'PLAIN', user: 'hivekey', password_ref: PASSWORD_REF };
    const transport = await connect({ servers: [proxy.server], tls: {}, sasl });
    const delivery = await transport.send(native(1, 1), NEVER);
    expect(delivery).toMatchObject({ kind: 'hold', code: 'certificate_untrusted' });
    expect(JSON.stringify(delivery)).not.toContain(PASSWORD);
    expect(() => kafkaSink.open({ servers: [proxy.server], tls: null, sasl })).toThrow(/PLAIN/);
  });

  it('that has no TLS is given nothing in the clear', async () => {
    const heard: string[] = [];
    const impostor = createServer((socket) => {
      socket
        .on('error', () => undefined)
        .on('data', (bytes) => {
          heard.push(bytes.toString('latin1'));
          socket.end('no TLS here');
        });
    });
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve));
    const address = impostor.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const transport = await connect({ servers: [`127.0.0.1:${port}`] });
    expect(await transport.send(native(1, 1), NEVER)).toMatchObject({ kind: 'hold', code: 'tls_refused' });
    expect(heard.join('')).not.toContain('hivekey');
    impostor.close();
  });

  it('cannot lead us to where the operator lets nobody go', async () => {
    // The broker that is named is allowed; the one that it names for the partition has another port, and is not.
    const [allowed = '', ...others] = cluster.servers;
    expect(others).toHaveLength(2);
    const transport = await connect({ servers: [allowed], tls: null }, testDeps({ allow: [allowed] }));
    expect(await transport.send(native(1, 1), NEVER)).toMatchObject({ kind: 'hold', code: 'sink_address_refused' });
    await expect(connect({ servers: ['10.0.0.7:9093'] }, testDeps({ allow: [] }))).rejects.toMatchObject({
      code: 'sink_address_refused',
    });
  });

  it('that is away is tried again, and a stopped sink answers at once', async () => {
    const gone = await connect({ servers: ['127.0.0.1:1'], tls: null });
    expect(await gone.send(native(1, 1), NEVER)).toMatchObject({ kind: 'retry', code: 'receiver_unreachable' });
    const stopping = new AbortController();
    const transport = await connect({ servers: cluster.servers, tls: null });
    const sending = transport.send(native(1, 500), stopping.signal);
    stopping.abort();
    expect((await sending).kind).toMatch(/^(?:retry|taken)$/);
  });

  it.each([
    ['MESSAGE_TOO_LARGE', 'split', 'too_large'],
    ['UNKNOWN_TOPIC_OR_PARTITION', 'hold', 'topic_missing'],
    ['TOPIC_AUTHORIZATION_FAILED', 'hold', 'receiver_refuses'],
    ['NOT_ENOUGH_REPLICAS', 'retry', 'receiver_busy'],
  ])('that answers %s gets what the answer asks for', (apiId, kind, code) => {
    const inner = Object.assign(new Error(PASSWORD), { apiId });
    const wrapped = new AggregateError([new Error('one'), new AggregateError([inner])], 'Producing failed');
    const problem = kafkaProblem(wrapped, false);
    expect(problem).toMatchObject({ kind, code });
    expect(JSON.stringify(problem)).not.toContain(PASSWORD);
  });
});

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
