import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { rulesFor } from '../../src/delivery/index.ts';
import { Secret } from '../../src/secret.ts';
import { isTooOld } from '../../src/siem/datadog/logs.ts';
import { isObject, quoted } from '../../src/siem/http/quote.ts';
import { retryAfterMs } from '../../src/siem/http/verdict.ts';
import { logRecordOf } from '../../src/siem/otlp/log-record.ts';
import { SINK_TYPES } from '../../src/siem/registry.ts';
import { rowOf } from '../../src/siem/sentinel/rows.ts';
import type { Batch, OutgoingEvent } from '../../src/siem/transport.ts';
import {
  AWS_KEY,
  batchOf,
  datadog,
  elasticsearch,
  openSearch,
  otlp,
  secops,
  sentinel,
  splunk,
  testAuthority,
} from './receivers/http-kinds.ts';
import { checkpoint, entries, NEVER, outgoing, testDeps } from './receivers/stream.ts';

const TAKEN = { kind: 'taken' };

describe('Elasticsearch and OpenSearch', () => {
  test.each([['elasticsearch', elasticsearch] as const, ['openSearch', openSearch] as const])(
    '%s: what is there already counts as taken, and is written once',
    async (_, start) => {
      await using sink = await start();
      sink.receiver.faults.push('cut_after');
      expect(await sink.transport.send(batchOf('ecs-9.4', 1, 4), NEVER)).toMatchObject({ kind: 'retry' });
      expect(await sink.transport.send(batchOf('ecs-9.4', 1, 6), NEVER)).toEqual({
        kind: 'taken',
        confirmed: true,
        duplicates: 4,
      });
      expect([...sink.receiver.stored.values()]).toEqual([1, 1, 1, 1, 1, 1]);
    },
  );

  test('items of one answer are told apart', async () => {
    await using sink = await elasticsearch();
    const status = [201, 409, 429, 400, 503, 404, 200];
    const items = status.map((each) => ({
      create: { status: each, ...(each >= 300 ? { error: { type: 'some_exception', reason: `for ${each}` } } : {}) },
    }));
    const headers = { 'x-elastic-product': 'Elasticsearch', 'content-type': 'application/json' };
    sink.receiver.faults.push({ status: 200, headers, body: JSON.stringify({ errors: true, items }) });
    expect(await sink.transport.send(batchOf('ecs-9.4', 1, 7), NEVER)).toEqual({
      kind: 'partly',
      confirmed: true,
      rejected: [{ index: 3, why: 'some_exception: for 400' }],
      again: [2, 4, 5],
      why: 'an item was answered 404: some_exception: for 404',
    });
    // Fewer items than events: nothing is known of any.
    sink.receiver.faults.push({ status: 200, headers, body: JSON.stringify({ errors: false, items: items.slice(1) }) });
    const broken = await sink.transport.send(batchOf('ecs-9.4', 1, 7), NEVER);
    expect(broken).toMatchObject({ kind: 'retry', code: 'answer_unreadable' });
    sink.receiver.faults.push({ status: 200, headers, body: '{"errors":false,"items":' });
    expect(await sink.transport.send(batchOf('ecs-9.4', 1, 7), NEVER)).toMatchObject({ code: 'answer_unreadable' });
  });

  test('a mapping that refuses names the field, and not what was in it', async () => {
    await using sink = await elasticsearch();
    const delivery = await sink.transport.send(batchOf('ecs-9.4', 1, 2, [2]), NEVER);
    expect(delivery).toMatchObject({
      rejected: [{ index: 1, why: 'document_parsing_exception: failed to parse field [hivekey.args] of type [long]' }],
    });
    expect(JSON.stringify(delivery)).not.toContain('poison');
  });

  test('speaks to version 8 when it is told to, and else waits for a person', async () => {
    await using old = await elasticsearch({ version: 8 });
    const refused = await old.transport.send(batchOf('ecs-9.4', 1, 2), NEVER);
    expect(refused).toMatchObject({ kind: 'hold', code: 'receiver_refuses' });
    expect(refused).toMatchObject({ why: expect.stringContaining('media_type_header_exception') });
    await using told = await elasticsearch({ version: 8 }, { settings: { compatible_with: 8 } });
    expect(await told.transport.send(batchOf('ecs-9.4', 1, 2), NEVER)).toMatchObject(TAKEN);
    expect(told.receiver.requests[0]?.headers['content-type']).toBe(
      'application/vnd.elasticsearch+x-ndjson; compatible-with=8',
    );
  });

  test('another product is not taken for Elasticsearch', async () => {
    await using sink = await elasticsearch({ product: 'opensearch', authorization: undefined });
    const delivery = await sink.transport.send(batchOf('ecs-9.4', 1, 2), NEVER);
    expect(delivery).toMatchObject({ kind: 'hold', code: 'receiver_refuses' });
    expect(delivery).not.toMatchObject({ why: expect.stringContaining('127.0.0.1') });
  });

  test('documents are created in the data stream under their own ids, byte for byte', async () => {
    await using sink = await elasticsearch({}, { settings: { data_stream: 'logs-hivekey.action-acme' } });
    const batch = batchOf('ecs-9.4', 1, 2);
    await sink.transport.send(batch, NEVER);
    const [request] = sink.receiver.requests;
    expect(request?.path).toBe('/logs-hivekey.action-acme/_bulk');
    expect(request?.body.toString()).toBe(
      batch.events.map(({ id, body }) => `{"create":{"_id":"${id}"}}\n${body}\n`).join(''),
    );
  });

  test('requests are signed for AWS, and the key is not in them', async () => {
    const auth = {
      method: 'aws',
      region: 'eu-central-1',
      credentials: { access_key_id: 'AKIAIOSFODNN7EXAMPLE', secret_access_key_ref: 'vault://aws' },
    };
    await using sink = await openSearch({ authorization: undefined }, { settings: { auth } });
    expect(await sink.transport.send(batchOf('ecs-9.4', 1, 2), NEVER)).toMatchObject(TAKEN);
    const headers = sink.receiver.requests[0]?.headers;
    expect(headers?.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/\d{8}\/eu-central-1\/es\/aws4_request, SignedHeaders=.*Signature=/,
    );
    expect(JSON.stringify(headers)).not.toContain(AWS_KEY);
    expect(() => SINK_TYPES.elastic.open({ url: sink.receiver.url, product: 'elasticsearch', auth })).toThrow();
  });
});

describe('OTLP', () => {
  test('what arrives is the log record that the mapper made', async () => {
    await using sink = await otlp();
    const batch: Batch = {
      events: [
        ...entries(1, 2, { traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01` }).map((each) =>
          outgoing(each, 'otlp', true),
        ),
        outgoing(checkpoint(2), 'otlp', true),
      ],
      id: 'snk_test:1-2+c2',
      attempt: 1,
    };
    expect(await sink.transport.send(batch, NEVER)).toEqual({ kind: 'taken', confirmed: false });
    const [first, , last] = sink.receiver.events.map(({ event }) => (isObject(event) ? event : {}));
    const { item, time } = batch.events[0] as OutgoingEvent;
    expect(first).toMatchObject({
      timeUnixNano: BigInt(time) * 1_000_000n,
      severityNumber: 9,
      eventName: 'hivekey.tool.call',
      body: item.type === 'entry' ? item.canonical : '',
      traceId: 'ab'.repeat(16),
      resource: { 'service.name': 'hivekey', 'service.namespace': 'acme', 'deployment.environment.name': 'prod' },
    });
    expect(first?.attributes).toMatchObject({ 'event.id': batch.events[0]?.id, 'hivekey.seq': 1 });
    expect(last).toMatchObject({ eventName: 'hivekey.stream.checkpoint' });
    expect(sink.receiver.requests[0]?.headers.authorization).toBe('Bearer otlp-collector-token-27');
  });

  test('a line of another format is the body of a record', async () => {
    await using sink = await otlp({}, { format: 'ocsf-1.8.0' });
    const batch = batchOf('ocsf-1.8.0', 7, 7);
    await sink.transport.send(batch, NEVER);
    expect(sink.receiver.events[0]).toMatchObject({ seq: 7, event: { body: batch.events[0]?.body } });
  });

  test('values keep their types', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ minLength: 1 }).filter((name) => name !== '__proto__'),
          fc.oneof(fc.string(), fc.boolean(), fc.maxSafeInteger(), fc.array(fc.string())),
        ),
        (attributes) => {
          const any = (value: unknown): object =>
            typeof value === 'string'
              ? { stringValue: value }
              : typeof value === 'boolean'
                ? { boolValue: value }
                : typeof value === 'number'
                  ? { intValue: String(value) }
                  : { arrayValue: { values: (value as readonly string[]).map(any) } };
          const body = JSON.stringify({
            body: { stringValue: 'x' },
            attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: any(value) })),
          });
          const [entry] = entries(1, 1);
          if (entry === undefined) throw new Error('no entry');
          const origin = {} as Parameters<typeof logRecordOf>[2];
          const record = logRecordOf({ item: entry, id: 'e', kind: 'k', time: 0, body }, true, origin);
          expect({ ...record.attributes }).toEqual(
            Object.fromEntries(
              Object.entries(attributes).map(([key, value]) => [key, Object.is(value, -0) ? 0 : value]),
            ),
          );
        },
      ),
      { numRuns: 100 },
    );
  });

  test('records that were not taken are counted, and not asked for again', async () => {
    await using sink = await otlp();
    sink.receiver.faults.push('half');
    expect(await sink.transport.send(batchOf('otlp', 1, 7), NEVER)).toEqual({
      kind: 'short',
      rejected: 3,
      why: 'the receiver took the batch without 3 of its records: some records were dropped',
    });
    // In JSON, and more than were sent.
    const body = JSON.stringify({ partialSuccess: { rejectedLogRecords: '99' } });
    sink.receiver.faults.push({ status: 200, headers: { 'content-type': 'application/json' }, body });
    expect(await sink.transport.send(batchOf('otlp', 1, 7), NEVER)).toMatchObject({ kind: 'short', rejected: 7 });
    // A warning alone.
    sink.receiver.faults.push({ status: 201, body: '{"partialSuccess":{"errorMessage":"use another key"}}' });
    expect(await sink.transport.send(batchOf('otlp', 1, 7), NEVER)).toMatchObject(TAKEN);
    sink.receiver.faults.push({ status: 201, body: '' });
    expect(await sink.transport.send(batchOf('otlp', 1, 7), NEVER)).toMatchObject(TAKEN);
  });

  test('four answers are repeated, two halved, and all others wait for a person', async () => {
    await using sink = await otlp();
    for (let status = 400; status < 600; status += 1) {
      sink.receiver.faults.push({ status });
      const { kind } = await sink.transport.send(batchOf('otlp', 1, 2), NEVER);
      const expected = [429, 502, 503, 504].includes(status) ? 'retry' : [400, 413].includes(status) ? 'split' : 'hold';
      expect([status, kind]).toEqual([status, expected]);
    }
  });

  test('what the protocol sets itself cannot be set by a header', () => {
    const open = (name: string) =>
      SINK_TYPES.otlp.open({ url: 'https://otel.acme.example', headers: [{ name, value_ref: 'vault://x' }] });
    for (const name of ['Host', 'content-type', 'Content-Length', 'Transfer-Encoding', 'a b', 'x\r\ny', ''])
      expect(() => open(name)).toThrow();
    expect(open('X-Honeycomb-Team').credentials).toEqual(['vault://x']);
  });
});

describe('Sentinel', () => {
  test('rows arrive as an array, with one token for many calls', async () => {
    await using sink = await sentinel();
    for (const first of [1, 3, 5])
      expect(await sink.transport.send(batchOf('flat', first, first + 1), NEVER)).toEqual({
        kind: 'taken',
        confirmed: false,
      });
    expect(sink.receiver.tokens.count).toBe(1);
    expect(sink.receiver.events[0]?.event).toEqual(JSON.parse(batchOf('flat', 1, 1).events[0]?.body ?? ''));
    // Another secret is another client: what was given to the one before is not used any more.
    sink.secrets['vault://entra'] = 'of-no-use-anywhere';
    const refused = await sink.transport.send(batchOf('flat', 7, 8), NEVER);
    expect(refused).toMatchObject(TAKEN);
  });

  test('a token endpoint that is busy, away or not one is no refusal', async () => {
    await using sink = await sentinel();
    for (const [instead, expected] of [
      [{ status: 503 }, { kind: 'retry', code: 'receiver_busy' }],
      [
        { status: 429, headers: { 'retry-after': '7' } },
        { kind: 'retry', code: 'receiver_busy', afterMs: 7_000 },
      ],
      [{ status: 200, body: '<html>portal</html>' }, { kind: 'retry' }],
      [
        { status: 400, body: '{"error":"unauthorized_client"}' },
        { kind: 'hold', code: 'credential_refused' },
      ],
    ] as const) {
      sink.receiver.instead = instead;
      expect(await sink.transport.send(batchOf('flat', 1, 2), NEVER)).toMatchObject(expected);
    }
    sink.receiver.instead = undefined;
    expect(await sink.transport.send(batchOf('flat', 1, 2), NEVER)).toMatchObject(TAKEN);
  });

  test('a stream or rule that is not there waits for a person, and does not empty the log into dead letters', async () => {
    await using stream = await sentinel({ stream: 'Custom-Other' });
    const delivery = await stream.transport.send(batchOf('flat', 1, 2), NEVER);
    expect(delivery).toMatchObject({ kind: 'hold', code: 'receiver_refuses' });
    await using rule = await sentinel({ ruleId: `dcr-${'f'.repeat(32)}` });
    expect(await rule.transport.send(batchOf('flat', 1, 2), NEVER)).toMatchObject({ kind: 'hold' });
  });

  test('a call has at most a megabyte', async () => {
    await using sink = await sentinel();
    const large = entries(1, 20, { note: 'x'.repeat(60_000) }).map((entry) => outgoing(entry, 'flat', false));
    const whole: Batch = { events: large, id: 'b', attempt: 1 };
    expect(await sink.transport.send(whole, NEVER)).toMatchObject({ kind: 'split', code: 'too_large' });
    expect(sink.receiver.requests).toEqual([]);
    expect(await sink.transport.send({ ...whole, events: large.slice(0, 10) }, NEVER)).toMatchObject(TAKEN);
    expect(Math.max(...sink.receiver.requests.map(({ body }) => body.length))).toBeLessThanOrEqual(1_000_000);
  });

  test('a long value is cut at 64 KB with a mark, within no character; a short one is not touched', () => {
    const [entry] = entries(1, 1);
    if (entry === undefined) throw new Error('no entry');
    const cutOf = (value: unknown) =>
      rowOf({ item: entry, id: 'e', kind: 'k', time: 0, body: JSON.stringify({ value }) }).value;
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('x', 'é', '€', '🐝'), minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 40_000 }),
        (unit, times) => {
          const text = unit.repeat(times);
          const cut = cutOf(text);
          if (Buffer.byteLength(text) <= 65_536) {
            expect(cut).toBe(text);
            return;
          }
          if (typeof cut !== 'string') throw new Error('not a text');
          expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(65_536);
          expect(Buffer.byteLength(cut)).toBeGreaterThan(65_536 - 8);
          const mark = `…[cut from ${Buffer.byteLength(text)} bytes]`;
          expect(cut.endsWith(mark)).toBe(true);
          expect(text.startsWith(cut.slice(0, -mark.length))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
    expect(cutOf(['a', 1])).toEqual(['a', 1]);
    expect(cutOf(Array.from({ length: 20_000 }, () => 'abc'))).toMatch(/^\["abc",.*…\[cut from \d+ bytes\]$/);
    expect(cutOf(42)).toBe(42);
  });

  test('only https carries a token', () => {
    expect(() =>
      SINK_TYPES.sentinel.open({
        endpoint: 'http://dce.acme.example',
        rule_id: `dcr-${'0'.repeat(32)}`,
      }),
    ).toThrow(/https/);
  });
});

describe('SecOps', () => {
  test('raw logs go to their type, in base64 with labels; UDM goes as it was mapped', async () => {
    await using raw = await secops({}, { settings: { forwarder: '0a1b-2c3d' } });
    const batch = batchOf('native', 1, 2);
    expect(await raw.transport.send(batch, NEVER)).toEqual({ kind: 'taken', confirmed: false });
    const [request] = raw.receiver.requests;
    expect(request?.path).toMatch(/^\/v1\/projects\/acme\/.*\/logTypes\/HIVEKEY\/logs:import$/);
    expect(JSON.parse(request?.body.toString() ?? '').inlineSource.forwarder).toMatch(/\/forwarders\/0a1b-2c3d$/);
    expect(raw.receiver.events.map(({ event, seq }) => [event, seq])).toEqual(
      batch.events.map(({ body }, index) => [body, index + 1]),
    );
    expect(raw.receiver.tokens.count).toBe(1);

    await using udm = await secops({}, { format: 'udm' });
    const mapped = batchOf('udm', 1, 2);
    expect(await udm.transport.send(mapped, NEVER)).toMatchObject(TAKEN);
    expect(udm.receiver.requests[0]?.path).toMatch(/\/instances\/[0-9a-f-]+\/events:import$/);
    expect(udm.receiver.requests[0]?.body.toString()).toContain(`{"udm":${mapped.events[0]?.body}}`);
  });

  test('a token that is refused is asked for anew, and an account that is refused waits for a person', async () => {
    await using sink = await secops();
    expect(await sink.transport.send(batchOf('native', 1, 1), NEVER)).toMatchObject(TAKEN);
    sink.receiver.faults.push({ status: 401, body: '{"error":{"message":"expired"}}' });
    expect(await sink.transport.send(batchOf('native', 2, 2), NEVER)).toMatchObject({ kind: 'hold' });
    sink.receiver.instead = { status: 400, body: '{"error":"invalid_grant","error_description":"Invalid JWT"}' };
    const refused = await sink.transport.send(batchOf('native', 2, 2), NEVER);
    expect(refused).toEqual({
      kind: 'hold',
      code: 'credential_refused',
      why: 'no token was given: the receiver answered 400: invalid_grant',
    });
    sink.receiver.instead = undefined;
    expect(await sink.transport.send(batchOf('native', 2, 2), NEVER)).toMatchObject(TAKEN);
    expect(sink.receiver.tokens.count).toBe(2);
  });

  test.each([
    ['an API key', 'AIzaSyA-old-key-of-the-ingestion-api'],
    [
      'credentials that name a program',
      JSON.stringify({ type: 'external_account', credential_source: { executable: {} } }),
    ],
    ['a key that is none', JSON.stringify({ type: 'service_account', client_email: 'a@b.example', private_key: 'x' })],
  ])('%s is not taken', async (_, value) => {
    await using sink = await secops();
    const deps = testDeps({ secrets: { 'vault://google': value } });
    const opened = SINK_TYPES.secops.open(sink.settings).connect(deps);
    await expect(opened).rejects.toMatchObject({ code: 'sink_secret_invalid' });
    await expect(opened).rejects.not.toMatchObject({ message: expect.stringContaining(value.slice(0, 12)) });
  });
});

describe('Datadog', () => {
  const NOW = testDeps().clock();
  const HOUR = 3_600_000;

  test('what is too old for it is not sent, and is counted', async () => {
    await using sink = await datadog();
    const aged = (hours: number, seq: number) => {
      const [event] = batchOf('native', seq, seq).events;
      if (event === undefined) throw new Error('no event');
      return { ...event, time: NOW - hours * HOUR };
    };
    const mixed = { events: [aged(30, 1), aged(18, 2), aged(17.9, 3), aged(17, 4)], id: 'b', attempt: 1 };
    expect(await sink.transport.send(mixed, NEVER)).toEqual({
      kind: 'short',
      rejected: 2,
      why: 'older than 18 hours: Datadog refuses such events, so they cannot be replayed there',
    });
    expect(sink.receiver.events.map(({ seq }) => seq)).toEqual([3, 4]);
    expect(sink.transport.remarks?.()).toEqual([expect.stringContaining('18 hours')]);
    // The receiver would have said nothing.
    expect(sink.receiver.dropped).toEqual([]);
    const old = await sink.transport.send({ events: [aged(19, 5)], id: 'c', attempt: 1 }, NEVER);
    expect(old).toMatchObject({ kind: 'short', rejected: 1 });
    expect(sink.receiver.requests).toHaveLength(1);
    // While nothing is taken of the others, nothing is counted.
    sink.receiver.faults.push('unavailable');
    expect(await sink.transport.send(mixed, NEVER)).toMatchObject({ kind: 'retry' });
    expect([isTooOld(aged(17.9, 1), NOW), isTooOld(aged(18, 1), NOW)]).toEqual([false, true]);
  });

  test('a log over a megabyte is cut and marked here, so that the receiver cuts nothing', async () => {
    await using sink = await datadog();
    const [event] = batchOf('native', 1, 1).events;
    if (event === undefined) throw new Error('no event');
    for (const text of ['"\\🐝'.repeat(400_000), 'x'.repeat(1_200_000)]) {
      const body = JSON.stringify({ text });
      await sink.transport.send({ events: [{ ...event, body }], id: 'b', attempt: 1 }, NEVER);
      const log = sink.receiver.events.at(-1)?.event;
      const { message, ...marks } = isObject(log) ? log : { message: '' };
      expect(marks).toMatchObject({ hivekey_cut: true, hivekey_bytes: Buffer.byteLength(body), event_id: event.id });
      expect(typeof message === 'string' && body.startsWith(message)).toBe(true);
      const sent = sink.receiver.requests.at(-1)?.body.length ?? 0;
      expect(sent).toBeGreaterThan(999_000);
      expect(sent).toBeLessThanOrEqual(1_000_002);
    }
  });

  test('a log carries its tags, its time and the key of duplicates', async () => {
    await using sink = await datadog();
    const batch = batchOf('native', 5, 5);
    await sink.transport.send(batch, NEVER);
    expect(sink.receiver.events[0]?.event).toEqual({
      ddsource: 'hivekey',
      service: 'hivekey',
      ddtags: 'team:platform,env:prod,workspace:acme',
      timestamp: batch.events[0]?.time,
      event_id: batch.events[0]?.id,
      seq: 5,
      message: batch.events[0]?.body,
    });
  });
});

describe('the credentials of the machine itself', () => {
  const BY_MACHINE = [
    ['sentinel', { endpoint: 'https://dce.acme.example', rule_id: `dcr-${'0'.repeat(32)}` }],
    ['secops', { url: 'https://chronicle.acme.example', instance: 'projects/a/locations/us/instances/0a' }],
    [
      'elastic',
      { url: 'https://es.acme.example', product: 'opensearch', auth: { method: 'aws', region: 'eu-west-1' } },
    ],
  ] as const;

  test.each(BY_MACHINE)('%s: go nowhere that the operator does not allow by name', async (kind, settings) => {
    const host = new URL('url' in settings ? settings.url : settings.endpoint).hostname;
    const open = (allow: readonly string[]) => SINK_TYPES[kind].open(settings).connect(testDeps({ allow }));
    await expect(open([])).rejects.toMatchObject({ code: 'sink_credentials_missing' });
    await expect(open(['acme.example', `${host}:8443`])).rejects.toMatchObject({ code: 'sink_credentials_missing' });
    await (await open([host])).close();
    await (await open([`${host}:443`])).close();
  });

  test('are not shown to another authority', () => {
    const authority = { url: 'https://login.elsewhere.example' };
    expect(() => SINK_TYPES.sentinel.open({ ...BY_MACHINE[0][1], authority })).toThrow(/of its own/);
  });

  test('sign for AWS, as its tools find them', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAMACHINE0EXAMPLE0');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', AWS_KEY);
    const auth = { method: 'aws', region: 'eu-west-1', service: 'aoss' };
    await using sink = await openSearch({ authorization: undefined }, { settings: { auth } });
    expect(await sink.transport.send(batchOf('ecs-9.4', 1, 2), NEVER)).toMatchObject(TAKEN);
    expect(sink.receiver.requests[0]?.headers.authorization).toContain('AKIAMACHINE0EXAMPLE0');
    vi.unstubAllEnvs();
    // A machine that has none; files and the metadata service are not looked for.
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
    const without = await SINK_TYPES.elastic.open({ ...sink.settings }).connect(sink.deps);
    expect(await without.send(batchOf('ecs-9.4', 3, 4), NEVER)).toMatchObject({
      kind: 'hold',
      code: 'credential_unavailable',
    });
    await without.close();
    vi.unstubAllEnvs();
  });
});

describe('connections', () => {
  test.each([['splunk', splunk] as const, ['openSearch', openSearch] as const])(
    '%s: over TLS to the authority that is set, with a certificate of our own, and to no other',
    async (_, start) => {
      const { ca, issue } = await testAuthority();
      const server = await issue('127.0.0.1');
      const client = await issue('hivekey');
      const tls = { cert: server.certificate, key: server.key, ca };
      await using sink = await start({ tls });
      const send = async (settings: object, deps = sink.deps) => {
        const kind = 'token_ref' in sink.settings ? 'splunk' : 'elastic';
        const transport = await SINK_TYPES[kind].open({ ...sink.settings, ...settings }).connect(deps);
        const { format } = deps.sink;
        return transport.send(batchOf(format, 1, 2), NEVER).finally(() => transport.close());
      };
      // Nobody trusts this authority by itself.
      expect(await send({})).toMatchObject({ kind: 'hold', code: 'certificate_refused' });
      // The receiver asks for a certificate.
      expect(await send({ tls: { ca } })).toMatchObject({ kind: expect.stringMatching(/^(?:hold|retry)$/) });
      sink.secrets['vault://client'] = client.key;
      const own = { ca, certificate: client.certificate, key_ref: 'vault://client' };
      expect(await send({ tls: own })).toMatchObject(TAKEN);
      expect(await send({ tls: own })).toMatchObject(TAKEN);
      // Good for another name.
      const elsewhere = { url: sink.receiver.url.replace('127.0.0.1', 'localhost'), tls: own };
      expect(await send(elsewhere)).toMatchObject({ kind: 'hold', code: 'certificate_refused' });
      expect(sink.receiver.resumed.count).toBe(0);
      await expect(send({ tls: { ca, certificate: client.certificate } })).rejects.toThrow(/belong together/);
    },
  );

  test('private addresses are reached only where the operator allows them by name', async () => {
    await using sink = await splunk();
    const closed = { ...sink.deps, rules: rulesFor([]) };
    const open = (settings: object, deps = closed) =>
      SINK_TYPES.splunk.open({ ...sink.settings, ...settings }).connect(deps);
    await expect(open({})).rejects.toMatchObject({ code: 'sink_url_refused' });
    for (const url of ['https://169.254.169.254', 'https://10.1.2.3', 'https://[::1]', 'https://[::ffff:127.0.0.1]'])
      await expect(open({ url })).rejects.toMatchObject({ code: 'sink_url_refused' });
    await expect(open({ url: 'http://splunk.acme.example' })).rejects.toMatchObject({ code: 'sink_url_invalid' });
    // A name that leads inside, at each connection.
    const inside = {
      ...closed,
      rules: {
        ...rulesFor([]),
        resolve: (_: string, done: (error: null, addresses: { address: string; family: number }[]) => void) =>
          done(null, [{ address: '127.0.0.1', family: 4 }]),
      },
    };
    const rebound = `https://splunk.acme.example:${sink.receiver.port}`;
    const transport = await open({ url: rebound }, inside);
    const refused = { kind: 'hold', code: 'address_refused' };
    expect(await transport.send(batchOf('ocsf-1.8.0', 1, 2), NEVER)).toMatchObject(refused);
    await transport.close();
    const auth = { method: 'none' };
    for (const product of ['elasticsearch', 'opensearch']) {
      const opened = SINK_TYPES.elastic.open({ product, url: rebound, auth });
      const elastic = await opened.connect(inside);
      expect(await elastic.send(batchOf('ecs-9.4', 1, 2), NEVER)).toMatchObject(refused);
      await elastic.close();
    }
    expect(sink.receiver.connections.count).toBe(0);
  });

  test('a receiver that is not there is unreachable, and a person sees no address in that', async () => {
    const sink = await splunk();
    await sink.receiver[Symbol.asyncDispose]();
    const delivery = await sink.transport.send(batchOf('ocsf-1.8.0', 1, 2), NEVER);
    expect(delivery).toEqual({
      kind: 'retry',
      code: 'receiver_unreachable',
      why: 'the receiver cannot be reached (ECONNREFUSED)',
    });
    await sink.transport.close();
  });

  test('a path before that of the receiver is kept', async () => {
    await using sink = await splunk();
    const { url } = sink.receiver;
    const behind = await SINK_TYPES.splunk.open({ ...sink.settings, url: `${url}/hec/` }).connect(sink.deps);
    expect(await behind.send(batchOf('ocsf-1.8.0', 1, 2), NEVER)).toMatchObject(TAKEN);
    expect(sink.receiver.requests[0]?.path).toBe('/hec/services/collector/event');
    await behind.close();
  });
});

describe('answers', () => {
  test('Retry-After in both forms, and nothing else', () => {
    const now = Date.parse('2026-06-16T13:50:00Z');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), (seconds) => {
        const most = Math.min(seconds * 1000, 3_600_000);
        expect(retryAfterMs(String(seconds), now)).toBe(most);
        expect(retryAfterMs(new Date(now + seconds * 1000).toUTCString(), now)).toBe(most);
      }),
    );
    for (const value of [
      '0',
      '-5',
      '',
      'soon',
      '1e9',
      '12345678901',
      new Date(now - 1000).toUTCString(),
      undefined,
      ['1'],
    ])
      expect(retryAfterMs(value, now)).toBeUndefined();
  });

  test('a quotation has no form of a secret, no control character, and an end', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 8, maxLength: 40, unit: 'grapheme-ascii' }),
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom(
          (text: string) => text,
          encodeURIComponent,
          (text: string) => Buffer.from(text).toString('base64'),
          (text: string) => Buffer.from(`user:${text}`).toString('base64'),
          (text: string) => Buffer.from(text).toString('hex'),
        ),
        (secret, around, encode) => {
          const said = quoted(`${around} ${encode(secret)} ${around}`, [new Secret(secret)]);
          if (secret.trim().length >= 8) expect(said).not.toContain(secret.trim());
          expect(said).not.toMatch(/[\p{Cc}\n]/u);
          expect(said.length).toBeLessThanOrEqual(201);
        },
      ),
    );
    expect(quoted('the token 1234567 is wrong', [new Secret('1234567')])).toBe('');
    expect(quoted({ message: 'x' }, [])).toBe('');
  });
});
