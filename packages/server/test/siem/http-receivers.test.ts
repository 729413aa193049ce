import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAULTS, type Fault } from '../../../../test/receivers/receiver.ts';
import type { Delivery } from '../../src/siem/transport.ts';
import {
  batchOf,
  datadog,
  elasticsearch,
  openSearch,
  otlp,
  type Running,
  secops,
  sentinel,
  splunk,
} from './receivers/http-kinds.ts';
import { NEVER } from './receivers/stream.ts';

const KINDS = { splunk, elasticsearch, openSearch, otlp, sentinel, secops, datadog } as const;
type Kind = keyof typeof KINDS;

const CONFIRMS = new Set<Kind>(['splunk', 'elasticsearch', 'openSearch']);

/** What is said of each fault, kind and code; `stores`: how many of four events are there afterwards. */
interface Said {
  readonly kind: Delivery['kind'];
  readonly code?: string;
  readonly stores?: number;
}

const USUAL: Readonly<Record<Exclude<Fault, 'hang' | 'lost' | 'slow'>, Said>> = {
  busy: { kind: 'retry', code: 'receiver_busy' },
  unavailable: { kind: 'retry', code: 'receiver_busy' },
  html_error: { kind: 'retry', code: 'receiver_busy' },
  html_success: { kind: 'retry', code: 'answer_unreadable' },
  redirect: { kind: 'hold', code: 'redirected' },
  too_large: { kind: 'split', code: 'too_large' },
  huge: { kind: 'retry', code: 'receiver_busy' },
  cut_before: { kind: 'retry', code: 'receiver_unreachable' },
  cut_after: { kind: 'retry', code: 'receiver_unreachable', stores: 4 },
  half: { kind: 'retry', code: 'receiver_unreachable', stores: 2 },
};

const OTHERWISE: Readonly<Record<Kind, Partial<typeof USUAL>>> = {
  splunk: {},
  elasticsearch: { half: { kind: 'partly', stores: 2 } },
  openSearch: { half: { kind: 'partly', stores: 2 } },
  // 500 is not among the four that OTLP has repeated.
  otlp: { half: { kind: 'short', stores: 2 }, huge: { kind: 'hold', code: 'receiver_refuses' } },
  sentinel: {},
  secops: {},
  datadog: {},
};

function isExceptional(fault: string): fault is keyof typeof USUAL {
  return Object.hasOwn(USUAL, fault);
}

describe.each(Object.keys(KINDS).filter((kind): kind is Kind => Object.hasOwn(KINDS, kind)))('%s', (kind) => {
  let sink: Running;
  const said: Delivery[] = [];

  beforeAll(async () => {
    sink = await KINDS[kind]();
  });
  afterAll(() => sink[Symbol.asyncDispose]());

  const send = async (first: number, last: number, poison: readonly number[] = []): Promise<Delivery> => {
    const delivery = await sink.transport.send(batchOf(sink.deps.sink.format, first, last, poison), NEVER);
    said.push(delivery);
    return delivery;
  };
  const seqsStored = (): readonly (number | undefined)[] =>
    sink.receiver.events.splice(0).map(({ id }) => Number(id.slice(4)));

  test('stores a batch in order, by one connection, and says how sure it is', async () => {
    expect(await send(1, 5)).toMatchObject({ kind: 'taken', confirmed: CONFIRMS.has(kind) });
    expect(await send(6, 7)).toMatchObject({ kind: 'taken' });
    expect(seqsStored()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(sink.receiver.requests.every(({ headers }) => headers['content-encoding'] === 'gzip')).toBe(true);
    expect(sink.receiver.requests.every(({ headers }) => headers['user-agent']?.includes('HiveKey') === true)).toBe(
      true,
    );
    // Deliveries, questions about them, tokens: none of them makes a connection for itself.
    expect(sink.receiver.connections.count).toBeLessThanOrEqual(2);
  });

  test.each(Object.keys(FAULTS).filter(isExceptional))('%s', async (fault) => {
    const first = 100 * (Object.keys(USUAL).indexOf(fault) + 1);
    const { stores = 0, ...expected } = OTHERWISE[kind][fault] ?? USUAL[fault];
    sink.receiver.faults.push(fault);
    const delivery = await send(first, first + 3);
    expect(delivery).toMatchObject(expected);
    if (fault === 'busy') expect(delivery).toMatchObject({ afterMs: 2_000 });
    expect(sink.receiver.faults).toEqual([]);
    expect(seqsStored()).toHaveLength(stores);
    // The same again goes well: the transport is none the worse.
    expect(await send(first, first + 3)).toMatchObject({ kind: 'taken' });
    expect(new Set(sink.receiver.stored.keys())).toContain(`evt_${String(first + 3).padStart(26, '0')}`);
    sink.receiver.events.splice(0);
  });

  test('a slow answer is waited for, and one that never comes ends with the signal', async () => {
    sink.receiver.faults.push('slow', 'hang');
    expect(await send(2_000, 2_001)).toMatchObject({ kind: 'taken' });
    const stop = new AbortController();
    const hanging = sink.transport.send(batchOf(sink.deps.sink.format, 2_002, 2_003), stop.signal);
    await expect.poll(() => sink.receiver.faults).toEqual([]);
    stop.abort();
    expect(await hanging).toMatchObject({ kind: 'retry', code: 'stopped' });
    const stopped = await sink.transport.send(batchOf(sink.deps.sink.format, 2_002, 2_003), stop.signal);
    expect(stopped).toMatchObject({ kind: 'retry', code: 'stopped' });
  });

  test('an event that the receiver does not take is given up alone', async () => {
    if (kind === 'datadog') return expect(await send(3_000, 3_003, [3_002])).toMatchObject({ kind: 'taken' });
    const delivery = await send(3_000, 3_003, [3_002]);
    if (kind === 'splunk' || kind === 'elasticsearch' || kind === 'openSearch') {
      const again = kind === 'splunk' ? [0, 1, 3] : [];
      expect(delivery).toMatchObject({ kind: 'partly', rejected: [{ index: 2 }], again });
      expect(await send(3_002, 3_002, [3_002])).toMatchObject({ kind: 'partly', rejected: [{ index: 0 }], again: [] });
      return;
    }
    expect(delivery).toMatchObject({ kind: 'split', code: 'event_refused' });
    expect(await send(3_002, 3_002, [3_002])).toMatchObject({ kind: 'split', code: 'event_refused' });
    expect(await send(3_003, 3_003)).toMatchObject({ kind: 'taken' });
  });

  test('a credential that is refused, or cannot be had, waits for a person', async () => {
    const [ref = ''] = Object.keys(sink.secrets);
    const before = sink.secrets[ref] ?? '';
    const wrong = kind === 'secops' ? before : `${before}-but-wrong`;
    if (kind === 'otlp') sink.receiver.faults.push({ status: 401 });
    if (kind === 'secops') sink.receiver.faults.push({ status: 403, body: '{"error":{"message":"denied"}}' });
    sink.secrets[ref] = wrong;
    // A token that was given out stays good: the secret behind it is asked for with the next one.
    const refused = kind === 'sentinel' ? await withFreshTransport() : await send(4_000, 4_001);
    said.push(refused);
    expect(refused).toMatchObject({ kind: 'hold', code: 'credential_refused' });
    delete sink.secrets[ref];
    if (kind !== 'sentinel') expect(await send(4_000, 4_001)).toMatchObject({ kind: 'hold', code: 'secret_not_found' });
    sink.secrets[ref] = before;
    expect(await send(4_000, 4_001)).toMatchObject({ kind: 'taken' });
  });

  const withFreshTransport = async (): Promise<Delivery> => {
    const { SINK_TYPES } = await import('../../src/siem/registry.ts');
    const fresh = await SINK_TYPES.sentinel.open(sink.settings).connect(sink.deps);
    try {
      return await fresh.send(batchOf('flat', 4_000, 4_001), NEVER);
    } finally {
      await fresh.close();
    }
  };

  test('nothing that was said holds a credential or an address', () => {
    expect(said.length).toBeGreaterThan(20);
    const text = JSON.stringify(said);
    for (const secret of Object.values(sink.secrets)) {
      const values = [
        secret,
        `${secret}-but-wrong`,
        Buffer.from(secret).toString('base64'),
        encodeURIComponent(secret),
      ];
      for (const value of values) expect(text).not.toContain(value);
    }
    expect(text).not.toMatch(/entra-token|google-token|PRIVATE KEY|authorization|127\.0\.0\.1/i);
  });

  test('settings are strict, name credentials, and show a destination without them', async () => {
    const { SINK_TYPES } = await import('../../src/siem/registry.ts');
    const type = SINK_TYPES[kind === 'elasticsearch' || kind === 'openSearch' ? 'elastic' : kind];
    const { credentials, destination, settings } = type.open(sink.settings);
    expect(credentials.length).toBeGreaterThan(0);
    expect(credentials.every((ref) => ref.startsWith('vault://'))).toBe(true);
    expect(destination).toContain(sink.receiver.url);
    // What was filled in is understood again.
    expect(type.open(settings).settings).toEqual(settings);
    expect(() => type.open({ ...sink.settings, more: 1 })).toThrow();
    const url = kind === 'sentinel' ? 'endpoint' : 'url';
    for (const wrong of ['ftp://siem.acme.example', 'https://me:secret@siem.acme.example', 'siem'])
      expect(() => type.open({ ...sink.settings, [url]: wrong })).toThrow();
  });
});
