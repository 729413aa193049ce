/** JetStream of a real nats-server: what is acknowledged is there once, whoever was killed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, type Certificate, newAuthority } from '../../../../test/setup/certificates.ts';
import { natsSink } from '../../src/siem/nats/index.ts';
import type { Transport } from '../../src/siem/transport.ts';
import { type NatsReceiver, startNats } from './receivers/nats.ts';
import { freePort } from './receivers/program.ts';
import { batch, batchOf, entries, NEVER, outgoing, testDeps } from './receivers/stream.ts';

const KEY_REF = 'vault://siem-key';
const PASSWORD_REF = 'vault://nats-password';

let authority: Authority;
let client: Certificate;
let nats: NatsReceiver;
const open: Transport[] = [];

beforeAll(async () => {
  authority = await newAuthority('Acme test authority');
  client = await authority.issue('hivekey.acme.example');
  nats = await startNats({ ca: authority.ca, server: await authority.issue('localhost', '127.0.0.1') }, client);
});

afterAll(async () => {
  await Promise.all(open.map((transport) => transport.close()));
  await nats?.[Symbol.asyncDispose]();
});

interface Changed {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly tls?: Readonly<Record<string, unknown>> | null;
  readonly password?: string;
}

async function connect({ settings = {}, tls = {}, password = nats.password }: Changed = {}): Promise<Transport> {
  const protection = { ca: authority.ca, certificate: client.certificate, key_ref: KEY_REF };
  const transport = await natsSink
    .open({
      servers: [`localhost:${nats.port}`],
      tls: tls === null ? null : { ...protection, ...tls },
      auth: { kind: 'password', user: 'hivekey', password_ref: PASSWORD_REF },
      ...settings,
    })
    .connect(testDeps({ format: 'native', secrets: { [KEY_REF]: client.key, [PASSWORD_REF]: password } }));
  open.push(transport);
  return transport;
}

const native = (first: number, last: number) =>
  batchOf(entries(first, last).map((entry) => outgoing(entry, 'native', true)));

describe('a stream', () => {
  it('has every event once and in order, exact, however often it is sent', async () => {
    const transport = await connect();
    const sent = native(1, 300);
    expect(await transport.send(sent, NEVER)).toEqual({ kind: 'taken', confirmed: true, duplicates: 0 });
    expect(await transport.send({ ...sent, attempt: 2 }, NEVER)).toEqual({
      kind: 'taken',
      confirmed: true,
      duplicates: 300,
    });
    expect(await nats.stored('HIVEKEY')).toEqual(sent.events.map(({ id, body }) => ({ id, body })));
    expect(transport.remarks?.()).toEqual([]);
  });

  it('loses nothing and doubles nothing when its server is killed in the middle', async () => {
    const transport = await connect();
    let next = 1_001;
    const last = 3_400;
    let deaths = 2;
    while (next <= last) {
      const sending = transport.send(batch(next, next + 399), NEVER);
      const dies = deaths > 0 && next > 1_500;
      if (dies) {
        deaths--;
        await nats.kill();
      }
      const delivery = await sending;
      if (dies) await nats.start();
      if (delivery.kind === 'taken') next += 400;
      else if (delivery.kind === 'partly') expect(delivery).toMatchObject({ rejected: [], confirmed: true });
      else expect(delivery).toMatchObject({ kind: 'retry' });
    }
    const stored = (await nats.stored('HIVEKEY')).slice(300).map(({ id }) => id);
    expect(stored).toEqual(entries(1_001, last).map(({ record }) => record.event_id));
  });

  it('cannot be emptied by who administers it', async () => {
    await expect(nats.manage((manager) => manager.streams.purge('HIVEKEY'))).rejects.toThrow(/purge/);
    await expect(nats.manage((manager) => manager.streams.deleteMessage('HIVEKEY', 1))).rejects.toThrow(/delete/);
  });

  it('that is weaker is used, and said to be', async () => {
    await nats.addStream({
      ...{ name: 'WEAK', subjects: ['weak.log'], storage: 'memory', discard: 'old' },
      ...{ deny_purge: false, duplicate_window: 1e9 },
    });
    const auth = { kind: 'password', user: 'admin', password_ref: PASSWORD_REF };
    const transport = await connect({ settings: { subject: 'weak.log', auth }, password: nats.adminPassword });
    expect(await transport.send(batch(1, 1), NEVER)).toEqual({ kind: 'taken', confirmed: false, duplicates: 0 });
    expect(transport.remarks?.()).toEqual([
      'Stream WEAK keeps events in memory (storage: file).',
      'Stream WEAK drops the oldest events when it is full (discard: new).',
      'Stream WEAK lets itself be purged (deny_purge).',
      'Stream WEAK knows duplicates for 1 s alone (duplicate_window: 120s).',
    ]);
  });

  it('is held to where there is none, or our user may not publish to it', async () => {
    const none = await connect({ settings: { subject: 'nobody.holds.this' } });
    expect(await none.send(batch(1, 1), NEVER)).toMatchObject({ kind: 'hold', code: 'stream_missing' });
    const forbidden = await connect({ settings: { subject: 'weak.log' } });
    expect(await forbidden.send(batch(1, 1), NEVER)).toMatchObject({ kind: 'hold', code: 'receiver_refuses' });
  });

  it('that is full refuses and is asked again, and what was stored stays', async () => {
    const transport = await connect();
    const big = batchOf(
      entries(9_001, 9_040, { args: 'x'.repeat(250_000) }).map((entry) => outgoing(entry, 'native', true)),
    );
    const delivery = await transport.send(big, NEVER);
    expect(delivery).toMatchObject({ kind: 'partly', rejected: [], why: 'the stream takes no more (10077)' });
    const stored = new Set((await nats.stored('HIVEKEY')).map(({ id }) => id));
    const again = delivery.kind === 'partly' ? delivery.again : [];
    expect(big.events.flatMap(({ id }, index) => (stored.has(id) ? [] : [index]))).toEqual(again);
  });

  it('is not given an event that the server would refuse', async () => {
    const transport = await connect();
    const [large] = entries(9_101, 9_101, { args: 'x'.repeat(1_048_576) });
    if (large === undefined) throw new Error('no entry');
    expect(await transport.send(batchOf([outgoing(large, 'native', true)]), NEVER)).toMatchObject({
      kind: 'partly',
      rejected: [{ index: 0, why: 'the event is longer than the server takes (1048576 bytes)' }],
    });
  });
});

describe('a connection', () => {
  it.each([
    ['a wrong password', { password: 'another-password' }, 'hold', 'credential_refused'],
    ['an authority that we do not trust', { tls: { ca: null } }, 'hold', 'certificate_untrusted'],
    [
      'other name than the certificate has',
      { tls: { server_name: 'nats.acme.example' } },
      'hold',
      'certificate_untrusted',
    ],
    ['a reference that leads nowhere', { tls: { key_ref: 'vault://nothing' } }, 'hold', 'secret_not_found'],
  ] as const)('with %s waits for a person and tells no secret', async (_what, changed, kind, code) => {
    const delivery = await (await connect(changed)).send(batch(1, 1), NEVER);
    expect(delivery).toMatchObject({ kind, code });
    expect(JSON.stringify(delivery)).not.toMatch(/password-|another-password|BEGIN/);
  });

  it('to a server without TLS gets no password', async () => {
    // INFO is what a server says first; here one that has no TLS, or somebody between who took it away.
    const heard: string[] = [];
    const { createServer } = await import('node:net');
    const impostor = createServer((socket) => {
      socket.on('error', () => undefined).on('data', (bytes) => heard.push(String(bytes)));
      socket.write(`INFO {"server_id":"x","version":"2.9.10","proto":1,"headers":true,"max_payload":1048576}\r\n`);
    });
    const port = await freePort();
    await new Promise<void>((resolve) => impostor.listen(port, '127.0.0.1', resolve));
    const transport = await connect({ settings: { servers: [`localhost:${port}`] } });
    expect(await transport.send(batch(1, 1), NEVER)).toMatchObject({ kind: 'hold', code: 'tls_refused' });
    expect(heard.join('')).not.toContain(nats.password);
    impostor.close();
  });

  it('in the clear, or to an address inside, has to be allowed by name', async () => {
    const inTheClear = natsSink.open({ servers: ['nats.acme.example:4222'], tls: null });
    await expect(inTheClear.connect(testDeps({ allow: [] }))).rejects.toMatchObject({ code: 'sink_address_refused' });
    const inside = natsSink.open({ servers: ['localhost:4222'] });
    const transport = await inside.connect(testDeps({ allow: [] }));
    expect(await transport.send(batch(1, 1), NEVER)).toMatchObject({ kind: 'hold', code: 'address_refused' });
    expect(() => natsSink.open({ servers: ['localhost'] })).toThrow();
    expect(() => natsSink.open({ servers: ['localhost:4222'], subject: 'hivekey.>' })).toThrow();
  });

  it('that is stopped answers at once', async () => {
    const transport = await connect();
    await transport.send(batch(1, 1), NEVER);
    const stopping = new AbortController();
    const sending = transport.send(batch(1, 400), stopping.signal);
    stopping.abort();
    expect(await sending).toMatchObject({ kind: 'retry', code: 'stopped' });
  });
});
