/** The log on its way to receivers of a SIEM: how fast what is there goes out, and how late what comes. */
import { generateKeyPairSync } from 'node:crypto';
import { startBulk } from '../../test/receivers/bulk.ts';
import { startDatadog } from '../../test/receivers/datadog.ts';
import { startHec } from '../../test/receivers/hec.ts';
import { startOtlp } from '../../test/receivers/otlp.ts';
import type { Event, Receiver, ReceiverOptions } from '../../test/receivers/receiver.ts';
import { startSecops } from '../../test/receivers/secops.ts';
import { startSentinel } from '../../test/receivers/sentinel.ts';
import { newAuthority } from '../../test/setup/certificates.ts';
import { type Company, echoCall, type Ground, openCompany } from '../company.ts';
import { type Load, openLoad, quantile } from '../load.ts';
import { atLeast, atMost, type Row } from '../rows.ts';
import type { Effort } from '../run.ts';

const CONNECTIONS = 16;
/** Each has a record and one of its result. */
const CALLS = 15_000;
const CALLS_A_SECOND = 500;
const WINDOWS = 6;
const PATIENCE_MS = 120_000;

interface Kind {
  readonly label: string;
  readonly kind: string;
  readonly secret: string;
  start(options: ReceiverOptions): Promise<{ readonly receiver: Receiver; readonly settings: object }>;
  /** Epoch milliseconds of the record that an event is of. */
  timeOf(event: Readonly<Record<string, unknown>>): number;
}

const ACCOUNT = {
  type: 'service_account',
  client_email: 'hivekey@acme.iam.gserviceaccount.example',
  private_key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
};
const RULE = `dcr-${'0a1b2c3d'.repeat(4)}`;
const IDS = { tenantId: '11111111-2222-3333-4444-555555555555', clientId: '66666666-7777-8888-9999-000000000000' };
const REF = 'vault://sink';

const KINDS: readonly Kind[] = [
  {
    label: 'Splunk HEC, acknowledged',
    kind: 'splunk',
    secret: 'b8a2f4c6-1d3e-4f50-9a7b-2c4d6e8f0a1b',
    start: async (options) => {
      const receiver = await startHec(options);
      return { receiver, settings: { url: receiver.url, token_ref: REF } };
    },
    timeOf: ({ time }) => Number(time) * 1000,
  },
  {
    label: 'Elasticsearch',
    kind: 'elastic',
    secret: 'a-key-of-elasticsearch',
    start: async (options) => {
      const receiver = await startBulk(options);
      return { receiver, settings: { url: receiver.url, auth: { method: 'api_key', key_ref: REF } } };
    },
    timeOf: ({ '@timestamp': at }) => Date.parse(String(at)),
  },
  {
    label: 'OTLP',
    kind: 'otlp',
    secret: 'Bearer a-collector',
    start: async (options) => {
      const receiver = await startOtlp(options);
      return { receiver, settings: { url: receiver.url, headers: [{ name: 'authorization', value_ref: REF }] } };
    },
    timeOf: ({ timeUnixNano }) => Number(timeUnixNano) / 1e6,
  },
  {
    label: 'Sentinel, over TLS',
    kind: 'sentinel',
    secret: 'a-secret-of-a-client',
    start: async (options) => {
      const { ca, issue } = await newAuthority('Receivers');
      const { certificate: cert, key } = await issue('127.0.0.1');
      const receiver = await startSentinel({
        ...{ ...options, ...IDS, tls: { cert, key }, clientSecret: 'a-secret-of-a-client' },
        ...{ ruleId: RULE, stream: 'Custom-HiveKeyActions_CL' },
      });
      const credential = { tenant_id: IDS.tenantId, client_id: IDS.clientId, client_secret_ref: REF };
      const authority = { url: receiver.url, tls: { ca } };
      return { receiver, settings: { endpoint: receiver.url, rule_id: RULE, credential, authority, tls: { ca } } };
    },
    timeOf: ({ ts }) => Date.parse(String(ts)),
  },
  {
    label: 'SecOps',
    kind: 'secops',
    secret: JSON.stringify(ACCOUNT),
    start: async (options) => {
      const receiver = await startSecops(options);
      const instance = 'projects/acme/locations/us/instances/0a1b2c3d';
      const addresses = { url: receiver.url, token_url: `${receiver.url}/token` };
      return { receiver, settings: { ...addresses, instance, credentials_ref: REF } };
    },
    timeOf: ({ record }) => Date.parse(String((record as { readonly ts?: unknown }).ts)),
  },
  {
    label: 'Datadog',
    kind: 'datadog',
    secret: 'dd3f5a7c9e1b2d4f6a8c0e2b4d6f8a0c',
    start: async (options) => {
      const receiver = await startDatadog(options);
      return { receiver, settings: { url: receiver.url, api_key_ref: REF } };
    },
    timeOf: ({ timestamp }) => Number(timestamp),
  },
];

export async function benchSinks(ground: Ground, { windowSeconds, scale }: Effort): Promise<Row[]> {
  const company = await openCompany(ground);
  const load = openLoad(echoCall(company.gateways[0]?.port ?? 0, await company.addAgent('siem-bot')), CONNECTIONS);
  try {
    await load.run({ calls: CALLS * scale });
    const rows: Row[] = [];
    for (const kind of KINDS) rows.push(...(await benchSink(company, load, kind, windowSeconds * WINDOWS)));
    return rows;
  } finally {
    await load.close();
    await company.close();
  }
}

async function benchSink({ admin, gateways }: Company, load: Load, kind: Kind, seconds: number): Promise<Row[]> {
  const cpuSeconds = (): number => gateways.reduce((sum, each) => sum + each.cpuSeconds(), 0);
  const arrivals = new Arrivals(kind);
  const { receiver, settings } = await kind.start({ keep: false, onEvent: (event) => arrivals.add(event) });
  try {
    await admin.request('PUT', '/v1/secrets/sink', { body: { value: kind.secret } });
    const before = cpuSeconds();
    const body = { name: kind.kind, kind: kind.kind, settings, start: { seq: 1 } };
    await admin.request('POST', '/v1/siem/sinks', { body });
    const head = await settled(admin, kind.kind);
    const cpuMicroseconds = ((cpuSeconds() - before) * 1e6) / head;
    const { perSecond } = arrivals;
    arrivals.watch();
    await load.run({ seconds, rate: CALLS_A_SECOND });
    const end = await settled(admin, kind.kind);
    const lags = Float64Array.from(arrivals.lagsMs).sort();
    const [p50, p99] = [quantile(lags, 0.5), quantile(lags, 0.99)];
    if (arrivals.distinct !== end) throw new Error(`${kind.label}: ${end - arrivals.distinct} of ${end} are missing`);
    return [
      {
        measure: `${kind.label}: a log of ${head} entries`,
        value: Math.round(perSecond),
        unit: 'events/s',
        target: atLeast(5_000, perSecond, 'events/s'),
      },
      {
        measure: `${kind.label}: CPU of the gateway for an event of it`,
        value: cpuMicroseconds,
        unit: 'µs',
        target: atMost(200, cpuMicroseconds, 'µs'),
      },
      {
        measure: `${kind.label}: lag at ${2 * CALLS_A_SECOND} events/s`,
        value: p50,
        unit: 'ms',
        p99,
        target: { text: 'p50 ≤ 100 ms, p99 ≤ 1 s', met: p50 <= 100 && p99 <= 1_000 },
      },
    ];
  } finally {
    await admin.request('DELETE', `/v1/siem/sinks/${kind.kind}?reason=measured`);
    await receiver[Symbol.asyncDispose]();
  }
}

/** Waits until all is settled; gives the number of the last entry. */
async function settled(admin: Company['admin'], sink: string): Promise<number> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const {
      cursor_seq: cursor,
      head_seq: head,
      hold,
    } = await admin.request<{
      readonly cursor_seq: number;
      readonly head_seq: number;
      readonly hold: { readonly cause: string } | null;
    }>('GET', `/v1/siem/sinks/${sink}`);
    if (cursor === head && head > 0) return head;
    if (hold !== null || performance.now() > until)
      throw new Error(`${sink}: ${hold?.cause ?? 'it does not catch up'}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

class Arrivals {
  readonly #kind: Kind;
  readonly #seen = new Set<string>();
  #firstMs = 0;
  #lastMs = 0;
  #watched = false;
  readonly lagsMs: number[] = [];

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  add({ id, event }: Event): void {
    // Checkpoints are beside the log.
    if (!id.startsWith('evt_') || this.#seen.has(id)) return;
    this.#seen.add(id);
    this.#lastMs = performance.now();
    if (this.#firstMs === 0) this.#firstMs = this.#lastMs;
    if (!this.#watched) return;
    const read = typeof event === 'string' ? JSON.parse(event) : event;
    this.lagsMs.push(Date.now() - this.#kind.timeOf(read));
  }

  /** From now on, how late each is. */
  watch(): void {
    this.#watched = true;
  }

  get distinct(): number {
    return this.#seen.size;
  }

  get perSecond(): number {
    return (this.#seen.size * 1000) / (this.#lastMs - this.#firstMs);
  }
}
