/** The receivers that sinks are measured against, as the tests start them, and when an event has arrived at each. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import type { SinkKind } from '../packages/server/src/siem/registry.ts';
import { startKafka } from '../packages/server/test/siem/receivers/kafka.ts';
import { startNats } from '../packages/server/test/siem/receivers/nats.ts';
import { startRsyslog } from '../packages/server/test/siem/receivers/rsyslog.ts';
import { startObjectStore } from '../packages/server/test/siem/receivers/s3.ts';
import { startBulk } from '../test/receivers/bulk.ts';
import { startDatadog } from '../test/receivers/datadog.ts';
import { startHec } from '../test/receivers/hec.ts';
import { startOtlp } from '../test/receivers/otlp.ts';
import type { ReceiverOptions } from '../test/receivers/receiver.ts';
import { startSecops } from '../test/receivers/secops.ts';
import { startSentinel } from '../test/receivers/sentinel.ts';
import { startWebhook } from '../test/receivers/webhook.ts';
import { type Certificate, newAuthority } from '../test/setup/certificates.ts';

/** Files are looked at this often. */
const LOOK_EVERY_MS = 5;
const STREAM_BYTES = 1_000_000_000;
/** By itself an object of S3 has up to five minutes of the log. */
const OBJECT_AGE_MS = 1_000;

export interface Place {
  /** PEM of the authority that receivers and sinks have their certificates from. */
  readonly ca: string;
  readonly server: Certificate;
  readonly client: Certificate;
  /** Folder of file sinks. */
  readonly files: string;
}

export async function openPlace(files: string): Promise<Place> {
  const { ca, issue } = await newAuthority('Receivers');
  const [server, client] = await Promise.all([issue('localhost', '127.0.0.1'), issue('hivekey.acme.example')]);
  return { ca, server, client, files };
}

interface Started extends AsyncDisposable {
  readonly settings: object;
  /** By name. */
  readonly secrets: Readonly<Record<string, string>>;
}

export interface Kind {
  readonly label: string;
  readonly kind: SinkKind;
  /** Where it is not that of the kind. */
  readonly format?: 'flat';
  readonly ageMs?: number;
  /** `arrived` is told the id of each event when the receiver has it. */
  start(place: Place, arrived: (id: string) => void): Promise<Started>;
}

const ACCOUNT = {
  type: 'service_account',
  client_email: 'hivekey@acme.iam.gserviceaccount.example',
  private_key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
};
const RULE = `dcr-${'0a1b2c3d'.repeat(4)}`;
const IDS = { tenantId: '11111111-2222-3333-4444-555555555555', clientId: '66666666-7777-8888-9999-000000000000' };
const REF = 'vault://sink';
const KEY_REF = 'vault://sink-key';

export const KINDS: readonly Kind[] = [
  {
    label: 'File',
    kind: 'file',
    start: async ({ files }, arrived) => {
      const tail = new Tail(join(files, 'log.ndjson'), inJson(arrived));
      return { settings: { path: 'log.ndjson' }, secrets: {}, [Symbol.asyncDispose]: () => tail.close() };
    },
  },
  {
    label: 'Webhook, signed',
    kind: 'webhook',
    start: async (_place, arrived) => {
      const secret = `whsec_${randomBytes(32).toString('base64')}`;
      const receiver = await startWebhook([secret], told(arrived));
      return started(receiver, { url: `${receiver.url}/hook`, signing_secret_refs: [REF] }, { sink: secret });
    },
  },
  {
    label: 'Splunk HEC, acknowledged',
    kind: 'splunk',
    start: async (_place, arrived) => {
      const receiver = await startHec(told(arrived));
      return started(receiver, { url: receiver.url, token_ref: REF }, { sink: receiver.token });
    },
  },
  {
    label: 'Elasticsearch',
    kind: 'elastic',
    start: async (_place, arrived) => {
      const receiver = await startBulk(told(arrived));
      const auth = { method: 'api_key', key_ref: REF };
      return started(receiver, { url: receiver.url, auth }, { sink: 'a-key-of-elasticsearch' });
    },
  },
  {
    label: 'OTLP',
    kind: 'otlp',
    start: async (_place, arrived) => {
      const receiver = await startOtlp(told(arrived));
      const headers = [{ name: 'authorization', value_ref: REF }];
      return started(receiver, { url: receiver.url, headers }, { sink: 'Bearer a-collector' });
    },
  },
  {
    label: 'Sentinel, over TLS',
    kind: 'sentinel',
    start: async ({ ca, server: { certificate: cert, key } }, arrived) => {
      const clientSecret = 'a-secret-of-a-client';
      const rule = { ruleId: RULE, stream: 'Custom-HiveKeyActions_CL' };
      const receiver = await startSentinel({ ...told(arrived), ...IDS, ...rule, tls: { cert, key }, clientSecret });
      const credential = { tenant_id: IDS.tenantId, client_id: IDS.clientId, client_secret_ref: REF };
      const authority = { url: receiver.url, tls: { ca } };
      const settings = { endpoint: receiver.url, rule_id: RULE, credential, authority, tls: { ca } };
      return started(receiver, settings, { sink: clientSecret });
    },
  },
  {
    label: 'SecOps',
    kind: 'secops',
    start: async (_place, arrived) => {
      const receiver = await startSecops(told(arrived));
      const instance = 'projects/acme/locations/us/instances/0a1b2c3d';
      const addresses = { url: receiver.url, token_url: `${receiver.url}/token` };
      return started(receiver, { ...addresses, instance, credentials_ref: REF }, { sink: JSON.stringify(ACCOUNT) });
    },
  },
  {
    label: 'Datadog',
    kind: 'datadog',
    start: async (_place, arrived) => {
      const receiver = await startDatadog(told(arrived));
      return started(receiver, { url: receiver.url, api_key_ref: REF }, { sink: receiver.apiKey });
    },
  },
  {
    label: 'Syslog over TLS, rsyslog',
    kind: 'syslog',
    start: (place, arrived) => rsyslog(place, 'tls', arrived),
  },
  {
    label: 'RELP over TLS, rsyslog',
    kind: 'relp',
    start: (place, arrived) => rsyslog(place, 'relpTls', arrived),
  },
  {
    label: 'NATS JetStream, over TLS',
    kind: 'nats',
    start: async (place, arrived) => {
      const receiver = await startNats(place, place.client, STREAM_BYTES);
      await receiver.follow('HIVEKEY', arrived);
      const auth = { kind: 'password', user: 'hivekey', password_ref: REF };
      const settings = { servers: [`127.0.0.1:${receiver.port}`], tls: clientTls(place), auth };
      return started(receiver, settings, { sink: receiver.password, 'sink-key': place.client.key });
    },
  },
  {
    label: 'Kafka, three brokers of librdkafka’s mock cluster',
    kind: 'kafka',
    start: async (_place, arrived) => {
      const receiver = await startKafka(3);
      receiver.addTopic('hivekey.log');
      receiver.follow('hivekey.log', inJson(arrived));
      return started(receiver, { servers: receiver.servers, tls: null, topic: 'hivekey.log' }, {});
    },
  },
  {
    label: 'S3 over TLS, NDJSON, objects of a second',
    kind: 's3',
    ageMs: OBJECT_AGE_MS,
    start: (place, arrived) =>
      s3(place, 'ndjson.gz', (body) => {
        const told = inJson(arrived);
        told(gunzipSync(body).toString());
      }),
  },
  {
    label: 'S3 over TLS, Parquet, objects of a second',
    kind: 's3',
    format: 'flat',
    ageMs: OBJECT_AGE_MS,
    start: (place, arrived) => s3(place, 'parquet', (body) => readParquet(body, arrived)),
  },
];

function told(arrived: (id: string) => void): ReceiverOptions {
  return { keep: false, onEvent: ({ id }) => arrived(id) };
}

function started(receiver: AsyncDisposable, settings: object, secrets: Started['secrets']): Started {
  return { settings, secrets, [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose]() };
}

function clientTls({ ca, client }: Place): object {
  return { ca, certificate: client.certificate, key_ref: KEY_REF };
}

async function rsyslog(place: Place, port: 'tls' | 'relpTls', arrived: (id: string) => void): Promise<Started> {
  const receiver = await startRsyslog(place, { defaults: false });
  const tail = new Tail(receiver.file, idsIn(/ eventId="([^"]+)"/g, arrived));
  const settings = { host: '127.0.0.1', port: receiver.ports[port], tls: clientTls(place) };
  return {
    ...{ settings, secrets: { 'sink-key': place.client.key } },
    [Symbol.asyncDispose]: async () => {
      await tail.close();
      await receiver[Symbol.asyncDispose]();
    },
  };
}

async function s3(place: Place, file: string, onObject: (body: Buffer) => void): Promise<Started> {
  // Beside each object is a manifest.
  const store = await startObjectStore(place.server, (key, body) => {
    if (key.includes('/log/') && key.endsWith(`.${file}`)) onObject(body);
  });
  const url = new URL(store.url);
  url.hostname = '127.0.0.1';
  const credentials = { access_key_id: store.accessKeyId, secret_access_key_ref: REF };
  const bucket = { bucket: 'siem', region: store.region, endpoint: url.origin, path_style: true };
  const settings = { ...bucket, file, tls: { ca: place.ca }, credentials };
  return started(store, settings, { sink: store.secretAccessKey });
}

function readParquet(body: Buffer, arrived: (id: string) => void): void {
  const file = Uint8Array.from(body).buffer;
  const compressors = { GZIP: (compressed: Uint8Array): Uint8Array => gunzipSync(compressed) };
  void parquetReadObjects({ file, columns: ['event_id'], compressors }).then((rows) => {
    for (const { event_id: id } of rows) arrived(String(id));
  });
}

/** Of the native form, which has the record in it as it was hashed. */
function inJson(arrived: (id: string) => void): (text: string) => void {
  return idsIn(/"event_id":"([^"]+)"/g, arrived);
}

/** For text in pieces that end anywhere: what is behind the last line break waits for the next piece. */
function idsIn(pattern: RegExp, arrived: (id: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const all = rest + text;
    const end = all.lastIndexOf('\n') + 1;
    for (const [, id = ''] of all.slice(0, end).matchAll(pattern)) arrived(id);
    rest = all.slice(end);
  };
}

/** What is appended to a file, from its beginning, which may come later. */
class Tail {
  readonly #closing = new AbortController();
  readonly #reading: Promise<void>;

  constructor(path: string, onText: (text: string) => void) {
    this.#reading = this.#read(path, onText);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reading;
  }

  async #read(path: string, onText: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    const buffer = Buffer.alloc(1024 * 1024);
    let at = 0;
    while (!this.#closing.signal.aborted) {
      const file = await open(path).catch(() => undefined);
      for (let bytes = -1; bytes !== 0 && file !== undefined; at += bytes) {
        ({ bytesRead: bytes } = await file.read(buffer, 0, buffer.length, at));
        onText(decoder.decode(buffer.subarray(0, bytes), { stream: true }));
      }
      await file?.close();
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}
