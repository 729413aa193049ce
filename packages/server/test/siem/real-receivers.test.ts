/** A server with sinks of several kinds at once: the whole log arrives at real receivers, through what happens to them. */
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newAuthority } from '../../../../test/setup/certificates.ts';
import { eventually } from '../actions/workspace.ts';
import { type Office, openOffice } from '../approvals/office.ts';
import { type NatsReceiver, startNats } from './receivers/nats.ts';
import { startRsyslog } from './receivers/rsyslog.ts';
import { type ObjectStore, startObjectStore } from './receivers/s3.ts';

let office: Office;
let rsyslog: Awaited<ReturnType<typeof startRsyslog>>;
let nats: NatsReceiver;
let store: ObjectStore;

const SINKS = ['syslog', 'relp', 'nats', 's3'] as const;

beforeAll(async () => {
  const authority = await newAuthority('Acme test authority');
  const client = await authority.issue('hivekey.acme.example');
  const server = await authority.issue('localhost', '127.0.0.1');
  const receiver = { ca: authority.ca, server };
  [rsyslog, nats, store, office] = await Promise.all([
    startRsyslog(receiver, { defaults: false }),
    startNats(receiver, client),
    startObjectStore(server),
    openOffice({ upstream_allow: ['localhost'] }),
  ]);
  await office.done('PUT', '/v1/secrets/siem-key', { value: client.key });
  await office.done('PUT', '/v1/secrets/nats', { value: nats.password });
  await office.done('PUT', '/v1/secrets/s3', { value: store.secretAccessKey });
  const tls = { ca: authority.ca, certificate: client.certificate, key_ref: 'vault://siem-key' };
  const auth = { kind: 'password', user: 'hivekey', password_ref: 'vault://nats' };
  const credentials = { access_key_id: store.accessKeyId, secret_access_key_ref: 'vault://s3' };
  const settings: Readonly<Record<(typeof SINKS)[number], object>> = {
    syslog: { host: 'localhost', port: rsyslog.ports.tls, tls },
    relp: { host: 'localhost', port: rsyslog.ports.relpTls, tls, hostname: 'by-relp' },
    nats: { servers: [`localhost:${nats.port}`], tls, auth },
    s3: { bucket: 'siem', region: store.region, endpoint: store.url, path_style: true, tls, credentials },
  };
  for (const kind of SINKS)
    await office.done('POST', '/v1/siem/sinks', {
      ...{ name: kind, kind, settings: settings[kind], start: { seq: 1 } },
      limits: { age_ms: 50 },
    });
});

afterAll(async () => {
  await office?.close();
  await Promise.all([rsyslog, nats, store].map((each) => each?.[Symbol.asyncDispose]()));
});

/** The sinks, once each has settled the log up to `seq`. */
async function settled(seq: number) {
  return eventually(async () => {
    const sinks = await Promise.all(
      SINKS.map(async (name) => (await office.call('GET', `/v1/siem/sinks/${name}`)).body),
    );
    return sinks.every((sink) => sink.cursor_seq >= seq) ? sinks : undefined;
  });
}

/** Number of the newest entry. */
async function head(): Promise<number> {
  const { body } = await office.call('GET', '/v1/audit/events?limit=1');
  return body.data[0].seq;
}

const numbers = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);
const seqsOf = (lines: readonly string[]): readonly number[] =>
  lines.flatMap((line) => Number(/ seq="(\d+)"/.exec(line)?.[1] ?? Number.NaN) || []);

async function arrived() {
  const lines = await rsyslog.lines();
  const isRelp = (line: string): boolean => line.includes(' by-relp ');
  const objects = [...store.buckets.siem].filter(([key]) => key.includes('/log/') && key.endsWith('.ndjson.gz'));
  const ofObjects = objects
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, { body }]) => gunzipSync(body).toString().split('\n').slice(0, -1));
  const ofStream = (await nats.stored('HIVEKEY')).map(({ body }) => body);
  const seqs = (bodies: readonly string[]): readonly number[] => bodies.flatMap((body) => JSON.parse(body).seq ?? []);
  return {
    syslog: new Set(seqsOf(lines.filter((line) => !isRelp(line)))),
    relp: new Set(seqsOf(lines.filter(isRelp))),
    nats: seqs(ofStream),
    s3: seqs(ofObjects),
  };
}

describe('the whole log', () => {
  it('arrives everywhere, in order, and each sink says how sure it is', async () => {
    const last = await head();
    const sinks = await settled(last);
    const all = numbers(1, last);
    await expect.poll(async () => (await arrived()).syslog.size).toBeGreaterThanOrEqual(last);
    const { syslog, relp, nats: stream, s3 } = await arrived();
    expect([...syslog].slice(0, last)).toEqual(all);
    expect([...relp].slice(0, last)).toEqual(all);
    expect(stream.slice(0, last)).toEqual(all);
    expect(s3.slice(0, last)).toEqual(all);
    expect(sinks.map(({ acknowledgement, state }) => [acknowledgement.confirmed, state])).toEqual([
      [false, 'unconfirmed'],
      [true, 'healthy'],
      [true, 'healthy'],
      [true, 'healthy'],
    ]);
  });

  it('arrives also when receivers die and requests are lost meanwhile', async () => {
    await Promise.all([rsyslog.kill(), nats.kill()]);
    store.faults.push('cut when stored', { status: 503, code: 'SlowDown' }, 'cut');
    for (const name of ['one', 'two', 'three'])
      await office.done('PUT', `/v1/secrets/${name}`, { value: 'a-value-of-it' });
    await Promise.all([rsyslog.start(), nats.start()]);
    const last = await head();
    await settled(last);
    await expect.poll(async () => (await arrived()).syslog.size).toBeGreaterThanOrEqual(last);
    const all = numbers(1, last);
    const { syslog, relp, nats: stream, s3 } = await arrived();
    for (const seqs of [syslog, relp]) expect([...seqs].sort((a, b) => a - b).slice(0, last)).toEqual(all);
    // What drops duplicates has each once.
    expect(stream.slice(0, last)).toEqual(all);
    expect(s3.slice(0, last)).toEqual(all);
    expect(store.faults).toEqual([]);
  });
});
