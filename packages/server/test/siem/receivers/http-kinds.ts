/** Each kind of HTTP receiver with its fake: how it is started, set and spoken to, and what is secret of it. */
import { generateKeyPairSync } from 'node:crypto';
import type { Format } from '@hivekey/siem';
import { type BulkOptions, startBulk } from '../../../../../test/receivers/bulk.ts';
import { startDatadog } from '../../../../../test/receivers/datadog.ts';
import { type HecOptions, startHec } from '../../../../../test/receivers/hec.ts';
import { startOtlp } from '../../../../../test/receivers/otlp.ts';
import type { Receiver, ReceiverOptions } from '../../../../../test/receivers/receiver.ts';
import { startSecops } from '../../../../../test/receivers/secops.ts';
import { type SentinelOptions, startSentinel } from '../../../../../test/receivers/sentinel.ts';
import { type Authority, newAuthority } from '../../../../../test/setup/certificates.ts';
import { SINK_TYPES } from '../../../src/siem/registry.ts';
import type { TransportDeps } from '../../../src/siem/sink-type.ts';
import type { Batch, Transport } from '../../../src/siem/transport.ts';
import { entries, outgoing, testDeps } from './stream.ts';

export interface Running<R extends Receiver = Receiver> {
  readonly receiver: R;
  readonly settings: Readonly<Record<string, unknown>>;
  /** By reference. */
  readonly secrets: Record<string, string>;
  readonly deps: TransportDeps;
  readonly transport: Transport;
  [Symbol.asyncDispose](): Promise<void>;
}

type Kind = Exclude<keyof typeof SINK_TYPES, 'file' | 'webhook'>;

interface Setting<R extends Receiver> {
  readonly kind: Kind;
  readonly receiver: R;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly secrets: Record<string, string>;
  readonly format: Format;
  readonly deps?: Partial<TransportDeps> | undefined;
}

async function running<R extends Receiver>({ kind, receiver, settings, secrets, format, deps: more }: Setting<R>) {
  const deps: TransportDeps = { ...testDeps({ secrets, format }), ...more };
  const transport = await SINK_TYPES[kind].open(settings).connect(deps);
  const dispose = async (): Promise<void> => {
    await transport.close();
    await receiver[Symbol.asyncDispose]();
  };
  return { receiver, settings, secrets, deps, transport, [Symbol.asyncDispose]: dispose };
}

export type More = { readonly settings?: object; readonly format?: Format; readonly deps?: Partial<TransportDeps> };

const BULK_PASSWORD = 'p4ss:wörd-of-elastic/+=';
const API_KEY = 'VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==';
export const AWS_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const CLIENT_SECRET = 'Xq~8Q.entra-client-secret.9-longer';

export async function splunk(options: HecOptions = {}, more: More = {}) {
  const receiver = await startHec(options);
  return running({
    kind: 'splunk',
    receiver,
    settings: { url: receiver.url, token_ref: 'vault://hec', index: 'agents', ...more.settings },
    secrets: { 'vault://hec': receiver.token },
    format: more.format ?? 'ocsf-1.8.0',
    deps: more.deps,
  });
}

export async function elasticsearch(options: BulkOptions = {}, more: More = {}) {
  const receiver = await startBulk({ authorization: `ApiKey ${API_KEY}`, ...options });
  return running({
    kind: 'elastic',
    receiver,
    settings: { url: receiver.url, auth: { method: 'api_key', key_ref: 'vault://key' }, ...more.settings },
    secrets: { 'vault://key': API_KEY },
    format: more.format ?? 'ecs-9.4',
    deps: more.deps,
  });
}

export async function openSearch(options: BulkOptions = {}, more: More = {}) {
  const pair = Buffer.from(`hivekey:${BULK_PASSWORD}`).toString('base64');
  const receiver = await startBulk({ product: 'opensearch', authorization: `Basic ${pair}`, ...options });
  const auth = { method: 'basic', username: 'hivekey', password_ref: 'vault://password' };
  return running({
    kind: 'elastic',
    receiver,
    settings: { product: 'opensearch', url: receiver.url, auth, ...more.settings },
    secrets: { 'vault://password': BULK_PASSWORD, 'vault://aws': AWS_KEY },
    format: more.format ?? 'ecs-9.4',
    deps: more.deps,
  });
}

export async function otlp(options: ReceiverOptions = {}, more: More = {}) {
  const receiver = await startOtlp(options);
  return running({
    kind: 'otlp',
    receiver,
    settings: {
      url: `${receiver.url}/v1/logs`,
      headers: [{ name: 'Authorization', value_ref: 'vault://otlp' }],
      ...more.settings,
    },
    secrets: { 'vault://otlp': 'Bearer otlp-collector-token-27' },
    format: more.format ?? 'otlp',
    deps: more.deps,
  });
}

let authority: Promise<Authority> | undefined;

export function testAuthority(): Promise<Authority> {
  authority ??= newAuthority('Receivers of tests');
  return authority;
}

const RULE = `dcr-${'0a1b2c3d'.repeat(4)}`;
const TENANT = '11111111-2222-3333-4444-555555555555';
const CLIENT = '66666666-7777-8888-9999-000000000000';

export async function sentinel(options: Partial<SentinelOptions> = {}, more: More = {}) {
  const { ca, issue } = await testAuthority();
  const { certificate: cert, key } = await issue('127.0.0.1');
  const receiver = await startSentinel({
    tls: { cert, key },
    tenantId: TENANT,
    clientId: CLIENT,
    clientSecret: CLIENT_SECRET,
    ruleId: RULE,
    stream: 'Custom-HiveKeyActions_CL',
    ...options,
  });
  return running({
    kind: 'sentinel',
    receiver,
    settings: {
      endpoint: receiver.url,
      rule_id: RULE,
      credential: { tenant_id: TENANT, client_id: CLIENT, client_secret_ref: 'vault://entra' },
      authority: { url: receiver.url, tls: { ca } },
      tls: { ca },
      ...more.settings,
    },
    secrets: { 'vault://entra': CLIENT_SECRET },
    format: 'flat',
    deps: more.deps,
  });
}

const serviceKey = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

export async function secops(options: ReceiverOptions = {}, more: More = {}) {
  const receiver = await startSecops(options);
  const account = {
    type: 'service_account',
    client_email: 'hivekey@acme.iam.gserviceaccount.example',
    private_key: serviceKey,
    private_key_id: 'a1b2',
  };
  return running({
    kind: 'secops',
    receiver,
    settings: {
      url: receiver.url,
      token_url: `${receiver.url}/token`,
      instance: 'projects/acme/locations/us/instances/0a1b2c3d-0000-0000-0000-000000000000',
      credentials_ref: 'vault://google',
      ...more.settings,
    },
    secrets: { 'vault://google': JSON.stringify(account) },
    format: more.format ?? 'native',
    deps: more.deps,
  });
}

export async function datadog(options: ReceiverOptions & { readonly clock?: () => number } = {}, more: More = {}) {
  const clock = testDeps().clock;
  const receiver = await startDatadog({ clock, ...options });
  return running({
    kind: 'datadog',
    receiver,
    settings: { url: receiver.url, api_key_ref: 'vault://datadog', tags: ['team:platform'], ...more.settings },
    secrets: { 'vault://datadog': receiver.apiKey },
    format: more.format ?? 'native',
    deps: more.deps,
  });
}

/** Entries `first` to `last`; those whose number `poison` has are such that no receiver takes them. */
export function batchOf(format: Format, first: number, last: number, poison: readonly number[] = []): Batch {
  const events = entries(first, last).map((entry) => {
    const event = outgoing(entry, format, true);
    return poison.includes(entry.seq) ? { ...event, body: event.body.replace('support-agent', 'poison') } : event;
  });
  return { events, id: `snk_test:${first}-${last}`, attempt: 1 };
}
