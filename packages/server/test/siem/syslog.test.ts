/** Syslog and RELP against rsyslog and syslog-ng: TLS with client certificates, receivers that die, and hostile records. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, type Certificate, newAuthority } from '../../../../test/setup/certificates.ts';
import { FrameReader, frame } from '../../src/siem/relp/frames.ts';
import { relpSink } from '../../src/siem/relp/index.ts';
import { connectionProblem } from '../../src/siem/socket/problems.ts';
import { syslogSink } from '../../src/siem/syslog/index.ts';
import { octetCounted, syslogMessage } from '../../src/siem/syslog/message.ts';
import { ResendWindow } from '../../src/siem/syslog/window.ts';
import type { Transport } from '../../src/siem/transport.ts';
import { startRsyslog } from './receivers/rsyslog.ts';
import { batch, batchOf, entries, NEVER, outgoing, testDeps } from './receivers/stream.ts';
import { startSyslogNg } from './receivers/syslog-ng.ts';

type Receiver<T> = T extends (...given: never[]) => Promise<infer Started> ? Started : never;

const KEY_REF = 'vault://siem-key';
const MESSAGE = { facility: 13, hostname: 'hivekey', bom: false };
const TAKEN = { kind: 'taken', confirmed: false };
const SOURCE = { workspace: 'acme', replay: false };

let authority: Authority;
let client: Certificate;
let rsyslog: Receiver<typeof startRsyslog>;
let plain: Receiver<typeof startRsyslog>;
let syslogNg: Receiver<typeof startSyslogNg>;
const open: Transport[] = [];

beforeAll(async () => {
  authority = await newAuthority('Acme test authority');
  client = await authority.issue('hivekey.acme.example');
  const receiver = { ca: authority.ca, server: await authority.issue('localhost', '127.0.0.1') };
  [rsyslog, plain, syslogNg] = await Promise.all([
    startRsyslog(receiver, { defaults: false }),
    startRsyslog(receiver, { defaults: true }),
    startSyslogNg(receiver),
  ]);
});

afterAll(async () => {
  await Promise.all(open.map((transport) => transport.close()));
  await Promise.all([rsyslog, plain, syslogNg].map((each) => each?.[Symbol.asyncDispose]()));
});

type Settings = Readonly<Record<string, unknown>>;

async function connect(
  type: typeof syslogSink,
  settings: Settings,
  allow = ['127.0.0.1', 'localhost'],
): Promise<Transport> {
  const transport = await type.open(settings).connect(testDeps({ allow, secrets: { [KEY_REF]: client.key } }));
  open.push(transport);
  return transport;
}

const tls = (more: Settings = {}): Settings => ({
  ca: authority.ca,
  certificate: client.certificate,
  key_ref: KEY_REF,
  ...more,
});

/** The ids that a line carries in its structured data. */
const idsOf = (lines: readonly string[]): readonly string[] =>
  lines.flatMap((line) => /eventId="([^"]+)"/.exec(line)?.[1] ?? []);
const textOf = (line: string): string => line.slice(line.indexOf('] ') + 2);
const range = (first: number, last: number): readonly string[] =>
  entries(first, last).map(({ record }) => record.event_id);

describe('a message', () => {
  const [entry] = entries(1, 1);
  if (entry === undefined) throw new Error('no entry');

  it('has the header, the structured data and the text of RFC 5424', () => {
    const event = { ...outgoing(entry, 'flat', false), body: '{"a":1}' };
    expect(syslogMessage(event, MESSAGE, SOURCE).toString()).toBe(
      '<110>1 2026-06-16T13:50:01.000Z hivekey hivekey - tool.call ' +
        `[hivekey@32473 eventId="${event.id}" seq="1" workspace="acme"] {"a":1}`,
    );
    expect(syslogMessage(event, { ...MESSAGE, bom: true }, { ...SOURCE, replay: true }).toString()).toMatch(
      /workspace="acme" replayed="true"\] \u{feff}\{"a":1\}$/u,
    );
  });

  it.each([
    [{ verdict: 'deny' }, 108],
    [{ verdict: 'review' }, 109],
    [{ verdict: 'allow' }, 110],
    [{ verdict: undefined, level: 'critical' }, 106],
    [{ verdict: undefined, level: 'high' }, 107],
  ])('of %j has priority %i', (record, priority) => {
    const event = outgoing({ ...entry, record: { ...entry.record, ...record } }, 'flat', false);
    expect(syslogMessage(event, MESSAGE, SOURCE).toString()).toMatch(new RegExp(`^<${priority}>1 `));
  });

  it('is one line with readable structured data whatever a record holds', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(anything, anything, anything, anything, (id, kind, workspace, body) => {
        const event = { ...outgoing(entry, 'flat', false), id, kind, body };
        const text = syslogMessage(event, MESSAGE, { workspace, replay: false }).toString();
        expect(text).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        const [, name = '', data = ''] =
          /^<110>1 \S+ hivekey hivekey - ([!-~]{1,32}) \[hivekey@32473 ((?:\w+="(?:[^"\\\]]|\\["\\\]])*" ?)+)\] /u.exec(
            text,
          ) ?? [];
        expect(name).not.toBe('');
        const value = /workspace="((?:[^"\\\]]|\\["\\\]])*)"/u.exec(data)?.[1] ?? '';
        const shown = workspace
          .toWellFormed()
          .replace(/[\p{Cc}\u2028\u2029]/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
        expect(value.replace(/\\(["\\\]])/g, '$1')).toBe(shown);
      }),
      { numRuns: 50 },
    );
  });

  it('is counted in bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 5 }), (texts) => {
        let rest = Buffer.concat(texts.map((text) => octetCounted(Buffer.from(text))));
        const read = texts.map(() => {
          const space = rest.indexOf(0x20);
          const length = Number(rest.subarray(0, space));
          const message = rest.subarray(space + 1, space + 1 + length).toString();
          rest = rest.subarray(space + 1 + length);
          return message;
        });
        expect(read).toEqual(texts);
        expect(rest).toHaveLength(0);
      }),
    );
  });
});

describe('the window that is sent again', () => {
  it('holds the last frames, so many at most, and never more bytes than it may', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 20 }),
        fc.array(fc.array(fc.integer({ min: 1, max: 3_000_000 }), { maxLength: 8 }), { maxLength: 8 }),
        (most, batches) => {
          const window = new ResendWindow(most);
          const all: Buffer[] = [];
          const memory = Buffer.alloc(3_000_000);
          for (const sizes of batches) {
            const frames = sizes.map((size) => memory.subarray(0, size));
            window.add(frames);
            all.push(...frames);
          }
          const kept = window.frames;
          const tail = kept.length === 0 ? [] : all.slice(-kept.length);
          expect(kept.every((each, index) => each === tail[index])).toBe(true);
          const bytes = kept.reduce((sum, { length }) => sum + length, 0);
          expect(kept.length).toBeLessThanOrEqual(most);
          expect(bytes).toBeLessThanOrEqual(16 * 1024 * 1024);
          const next = all.at(-kept.length - 1);
          if (kept.length < Math.min(most, all.length))
            expect(bytes + (next?.length ?? 0)).toBeGreaterThan(16 * 1024 * 1024);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('a receiver over TLS', () => {
  it.each([
    ['rsyslog', () => rsyslog],
    ['rsyslog with its own limits', () => plain],
    ['syslog-ng', () => syslogNg],
  ] as const)("%s gets every event in order, exact and with the client's certificate", async (_name, receiver) => {
    const transport = await connect(syslogSink, { host: 'localhost', port: receiver().ports.tls, tls: tls() });
    const sent = batch(1, 500);
    // The longest that goes out where nothing is said: 7,500 bytes, here of letters with more than one byte.
    const long = { ...sent.events[0], body: `{"reason":"${'ü€😀'.repeat(770)}"}` };
    const longest = batchOf([{ ...entriesAt(501), body: long.body }]);
    expect(await transport.send(sent, NEVER)).toEqual({ kind: 'taken', confirmed: false });
    expect(await transport.send(longest, NEVER)).toEqual({ kind: 'taken', confirmed: false });
    await expect.poll(async () => (await receiver().lines()).length).toBeGreaterThanOrEqual(501);
    const lines = await receiver().lines();
    expect(idsOf(lines)).toEqual(range(1, 501));
    expect(lines.slice(0, 500).map(textOf)).toEqual(sent.events.map(({ body }) => body));
    expect(textOf(lines[500] ?? '')).toBe(long.body);
    expect(lines[0]).toMatch(/^110 2026-06-16T13:50:01\S* hivekey hivekey - tool.call \[hivekey@32473 eventId="evt_0/);
  });

  it('gets CEF as it is, too', async () => {
    const transport = await connect(syslogSink, { host: 'localhost', port: syslogNg.ports.tls, tls: tls() });
    const [entry] = entries(507, 507, { tool: 'crm__refund|a=b', reason: 'a\\b\n=|' });
    if (entry === undefined) throw new Error('no entry');
    const event = outgoing(entry, 'cef', false);
    expect(await transport.send(batchOf([event]), NEVER)).toEqual(TAKEN);
    await expect.poll(async () => (await syslogNg.lines()).map(textOf)).toContain(event.body);
    expect(event.body).toMatch(/^CEF:0\|/);
  });

  it('takes a message of 64 KB where its limits are raised, and none above is sent', async () => {
    const transport = await connect(syslogSink, { host: 'localhost', port: rsyslog.ports.tls, tls: tls() });
    const large = { ...entriesAt(502), body: `{"reason":"${'x'.repeat(65_000)}"}` };
    const tooLarge = { ...entriesAt(503), body: `{"reason":"${'x'.repeat(65_536)}"}` };
    expect(await transport.send(batchOf([large, tooLarge, entriesAt(504)]), NEVER)).toMatchObject({
      kind: 'partly',
      confirmed: false,
      rejected: [{ index: 1, why: expect.stringMatching(/^the message has 65\d{3} bytes, and 65536 are the most$/) }],
      again: [],
    });
    await expect
      .poll(async () => idsOf(await rsyslog.lines()).slice(-2))
      .toEqual([...range(502, 502), ...range(504, 504)]);
    expect((await rsyslog.lines()).map(textOf)).toContain(large.body);
  });

  it('cannot be made to take one record for two, or another id for its own', async () => {
    const transport = await connect(syslogSink, { host: 'localhost', port: syslogNg.ports.tls, tls: tls() });
    const [entry] = entries(505, 505, {
      tool: 'a"] <14>1 - - - - - [x]\n17 <0>1 forged\u0007\u0085',
      reason: '\r\n\u2028',
    });
    if (entry === undefined) throw new Error('no entry');
    const before = (await syslogNg.lines()).length;
    const event = { ...outgoing(entry, 'flat', false), id: 'evt"] \\ ]\n' };
    expect(await transport.send(batchOf([event, entriesAt(506)]), NEVER)).toMatchObject({ kind: 'taken' });
    await expect.poll(async () => (await syslogNg.lines()).length).toBe(before + 2);
    const [line = ''] = (await syslogNg.lines()).slice(-2);
    expect(line).toContain('eventId="evt\\"\\] \\\\ \\]\\\\u000a"');
    expect(JSON.parse(line.slice(line.indexOf('{')))).toMatchObject({ tool: entry.record.tool, reason: '\r\n\u2028' });
  });

  it.each([
    ['an authority that we do not trust', () => rsyslog, () => ({ ca: null }), 'certificate_untrusted'],
    [
      'another name than it was asked for',
      () => rsyslog,
      () => ({ server_name: 'siem.acme.example' }),
      'certificate_untrusted',
    ],
    // In TLS 1.3 that is said after the handshake; rsyslog closes without a word.
    ['no certificate of ours', () => rsyslog, () => ({ certificate: null, key_ref: null }), 'receiver_refuses'],
    ['no certificate of ours', () => syslogNg, () => ({ certificate: null, key_ref: null }), 'certificate_refused'],
  ])('with %s is given nothing', async (_what, receiver, more, code) => {
    const before = (await receiver().lines()).length;
    const transport = await connect(syslogSink, { host: 'localhost', port: receiver().ports.tls, tls: tls(more()) });
    expect(await transport.send(batch(600, 600), NEVER)).toMatchObject({ code });
    expect(await receiver().lines()).toHaveLength(before);
  });

  it('that answers in the clear is given nothing in the clear', async () => {
    const heard: Buffer[] = [];
    const impostor = createServer((socket) => {
      socket
        .on('error', () => undefined)
        .on('data', (bytes: Buffer) => {
          heard.push(bytes);
          socket.write('220 ready\r\n');
        });
    }).listen(0, '127.0.0.1');
    await once(impostor, 'listening');
    const transport = await connect(syslogSink, { host: 'localhost', port: portOf(impostor.address()), tls: tls() });
    expect(await transport.send(batch(1, 3), NEVER)).toMatchObject({ kind: 'hold', code: 'tls_refused' });
    expect(Buffer.concat(heard).toString('latin1')).not.toContain('evt_');
    impostor.close();
  });

  it.each([
    [
      'certificate and key that do not belong together',
      () => client.certificate,
      () => '-----BEGIN PRIVATE KEY-----\nMII-a-secret\n-----END PRIVATE KEY-----',
    ],
  ])('is told nothing of %s, nor is anybody else', async (_what, certificate, key) => {
    const transport = await syslogSink
      .open({ host: 'localhost', port: rsyslog.ports.tls, tls: tls({ certificate: certificate() }) })
      .connect(testDeps({ secrets: { [KEY_REF]: key() } }));
    const delivery = await transport.send(batch(1, 1), NEVER);
    expect(delivery).toMatchObject({ kind: 'hold', code: 'tls_settings_invalid' });
    expect(JSON.stringify(delivery)).not.toContain('a-secret');
  });
});

describe('an address', () => {
  it('in the clear has to be allowed by name, and TLS is what is meant where nothing is said', async () => {
    const inTheClear = { host: '127.0.0.1', port: plain.ports.tcp, tls: null };
    await expect(connect(syslogSink, inTheClear, [])).rejects.toMatchObject({ code: 'sink_address_refused' });
    await expect(connect(relpSink, { ...inTheClear, host: 'siem.acme.example' }, [])).rejects.toMatchObject({
      code: 'sink_address_refused',
    });
    const unsaid = syslogSink.open({ host: 'siem.acme.example' });
    expect(unsaid.settings).toMatchObject({ port: 6514, tls: { ca: null } });
    expect(unsaid.destination).toBe('syslog+tls://siem.acme.example:6514');
    expect(() => syslogSink.open({ host: 'siem.acme.example', tls: { key_ref: KEY_REF } })).toThrow();
  });

  it('that a name leads to is looked at before it is connected to', async () => {
    const transport = await connect(syslogSink, { host: 'localhost', port: rsyslog.ports.tls, tls: tls() }, []);
    expect(await transport.send(batch(1, 1), NEVER)).toMatchObject({ kind: 'hold', code: 'address_refused' });
  });
});

describe('what went wrong with a connection', () => {
  it.each([
    ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'hold', 'certificate_refused'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'hold', 'certificate_refused'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'hold', 'certificate_refused'],
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'hold', 'tls_refused'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'hold', 'tls_refused'],
    ['CERT_HAS_EXPIRED', 'hold', 'certificate_untrusted'],
    ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', 'hold', 'tls_settings_invalid'],
    ['ECONNREFUSED', 'retry', 'receiver_unreachable'],
    ['ERR_SSL_UNEXPECTED_EOF_WHILE_READING', 'retry', 'receiver_unreachable'],
  ])('%s: %s %s, and no text of a library', (errorCode, kind, code) => {
    const problem = connectionProblem(Object.assign(new Error('a-secret'), { code: errorCode }));
    expect(problem).toMatchObject({ kind, code });
    expect(problem.why).not.toContain('a-secret');
  });
});

describe('a receiver that dies', () => {
  it('over TCP loses what it had not read, and gets it again within the window', async () => {
    const settings = { host: '127.0.0.1', port: plain.ports.tcp, tls: null };
    const without = await connect(syslogSink, { ...settings, resend_events: 0 });
    const within = await connect(syslogSink, settings);
    const send = (first: number, last: number): Promise<unknown> =>
      Promise.all([without.send(batch(first, last), NEVER), within.send(batch(first + 1_000, last + 1_000), NEVER)]);
    const bothTaken = [TAKEN, TAKEN];
    const arrived = async (first: number, last: number): Promise<readonly string[]> => {
      const ids = new Set(idsOf(await plain.lines()));
      return range(first, last).filter((id) => ids.has(id));
    };
    expect(await send(1_001, 1_100)).toEqual(bothTaken);
    await expect.poll(() => arrived(1_001, 1_100)).toHaveLength(100);
    await expect.poll(() => arrived(2_001, 2_100)).toHaveLength(100);
    // Nothing is read any more, and everything seems taken.
    plain.pause();
    expect(await send(1_101, 1_200)).toEqual(bothTaken);
    await plain.kill();
    await plain.start();
    await expect.poll(() => send(1_201, 1_201)).toEqual(bothTaken);
    await expect.poll(() => arrived(1_201, 1_201)).toHaveLength(1);
    await expect.poll(() => arrived(2_001, 2_201)).toHaveLength(201);
    expect(await arrived(1_101, 1_200)).toHaveLength(0);
  });

  it.each(['relp', 'relpTls'] as const)('loses nothing over %s', async (port) => {
    const before = (await rsyslog.lines()).length;
    const transport = await connect(relpSink, {
      host: '127.0.0.1',
      port: rsyslog.ports[port],
      tls: port === 'relp' ? null : tls(),
    });
    let next = 5_001;
    const last = 6_400;
    const deaths = [5_300, 5_900];
    while (next <= last) {
      const sending = transport.send(batch(next, Math.min(next + 199, last)), NEVER);
      const dies = next > (deaths[0] ?? Number.POSITIVE_INFINITY);
      if (dies) {
        deaths.shift();
        await rsyslog.kill();
      }
      const delivery = await sending;
      if (dies) await rsyslog.start();
      if (delivery.kind === 'taken') {
        expect(delivery.confirmed).toBe(true);
        next += 200;
      } else if (delivery.kind === 'partly') {
        expect(delivery).toMatchObject({ confirmed: true, rejected: [] });
        next += delivery.again[0] ?? 0;
      } else expect(delivery).toMatchObject({ kind: 'retry', code: 'receiver_unreachable' });
    }
    const arrived = idsOf((await rsyslog.lines()).slice(before));
    expect([...new Set(arrived)].sort()).toEqual(range(5_001, last));
  });
});

describe('RELP', () => {
  it('reads frames however they are cut', () => {
    const answers = fc.array(fc.string({ unit: 'binary', maxLength: 60 }), { maxLength: 6 });
    fc.assert(
      fc.property(answers, fc.infiniteStream(fc.integer({ min: 1, max: 20 })), (texts, cuts) => {
        const bytes = Buffer.concat(texts.map((text, index) => frame(index + 1, 'rsp', Buffer.from(text))));
        const reader = new FrameReader();
        const read: string[] = [];
        for (let at = 0; at < bytes.length; ) {
          const end = at + (cuts.next().value ?? 1);
          for (const { data } of reader.read(bytes.subarray(at, end)) ?? []) read.push(data.toString());
          at = end;
        }
        expect(read).toEqual(texts.map((text) => text.toWellFormed()));
      }),
    );
  });

  it.each([['HTTP/1.1 400 Bad Request\r\n\r\n'], ['1 rsp 99999999 x'], ['1 rsp 6 200 OKx'], ['x'.repeat(64)]])(
    'reads nothing in %j',
    (text) => {
      expect(new FrameReader().read(Buffer.from(text))).toBeUndefined();
    },
  );

  /** One connection after another, each answered as `answer` says: the data of the `rsp`, or nothing. */
  async function relpServer(answer: (command: string, count: number) => string | undefined) {
    let count = 0;
    const server = createServer((socket) => {
      const reader = new FrameReader();
      socket
        .on('error', () => undefined)
        .on('data', (bytes: Buffer) => {
          for (const { transaction, command } of reader.read(bytes) ?? []) {
            const said = answer(command, command === 'syslog' ? ++count : 0);
            if (said !== undefined) socket.write(frame(transaction, 'rsp', Buffer.from(said)));
            else socket.destroy();
          }
        });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { port: portOf(server.address()), close: () => server.close() };
  }
  const to = (port: number): Promise<Transport> => connect(relpSink, { host: '127.0.0.1', port, tls: null });

  it('sends again what was not answered, and that alone', async () => {
    const server = await relpServer((_command, count) => (count === 301 ? undefined : '200 OK'));
    const delivery = await (await to(server.port)).send(batch(1, 500), NEVER);
    expect(delivery).toMatchObject({ kind: 'partly', confirmed: true, rejected: [] });
    // Answers that were on their way may be lost with the connection; then what they were to is sent twice.
    const again = delivery.kind === 'partly' ? delivery.again : [];
    expect(again[0]).toBeLessThanOrEqual(300);
    expect(again).toEqual(
      range(1, 500)
        .map((_id, index) => index)
        .slice(again[0]),
    );
    server.close();
  });

  it('sets a message aside that is refused again and again, and no other', async () => {
    const server = await relpServer((_command, count) => (count % 3 === 2 ? '500 no' : '200 OK'));
    const transport = await to(server.port);
    for (const _refusal of range(1, 4))
      expect(await transport.send(batch(1, 3), NEVER)).toMatchObject({ kind: 'partly', rejected: [], again: [1] });
    expect(await transport.send(batch(1, 3), NEVER)).toEqual({
      kind: 'partly',
      confirmed: true,
      rejected: [{ index: 1, why: 'the receiver answered 500 no' }],
      again: [],
      why: 'the receiver answered 500 no',
    });
    server.close();
  });

  it('sends nothing of a batch in which every message is too long', async () => {
    const server = await relpServer(() => '200 OK');
    const long = { ...entriesAt(1), body: `{"reason":"${'x'.repeat(65_536)}"}` };
    expect(await (await to(server.port)).send(batchOf([long]), NEVER)).toMatchObject({
      kind: 'partly',
      rejected: [{ index: 0 }],
      again: [],
    });
    server.close();
  });

  it('waits for a person where the session is refused, and gives up at once when it is told to', async () => {
    const server = await relpServer((command) => (command === 'open' ? '500 required command missing' : undefined));
    expect(await (await to(server.port)).send(batch(1, 1), NEVER)).toMatchObject({
      kind: 'hold',
      code: 'relp_refused',
    });
    server.close();
    const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const stopping = new AbortController();
    const sending = (await to(portOf(silent.address()))).send(batch(1, 1), stopping.signal);
    stopping.abort();
    expect(await sending).toMatchObject({ kind: 'retry', code: 'stopped' });
    silent.close();
  });
});

function entriesAt(seq: number) {
  const [event] = batch(seq, seq).events;
  if (event === undefined) throw new Error('no event');
  return event;
}

function portOf(address: unknown): number {
  return typeof address === 'object' && address !== null && 'port' in address ? Number(address.port) : 0;
}
