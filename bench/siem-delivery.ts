/**
 * `node scripts/run.mjs bench/siem-delivery.ts`: events a second to each kind of HTTP receiver, a webhook and a file, and
 * the time from record to arrival at 1,000 events a second; writes bench/siem-delivery.md. The lane, its database and the
 * transports are those of the server; the log is made up beforehand, and the receivers are those of the tests, in this
 * process.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Format, StreamEntry } from '@hivekey/siem';
import { type Database, openDatabase } from '../packages/server/src/database/index.ts';
import type { WorkspaceId } from '../packages/server/src/ids.ts';
import type { StoredEntry } from '../packages/server/src/log/index.ts';
import type { SinkKind } from '../packages/server/src/siem/registry.ts';
import { SINK_TYPES } from '../packages/server/src/siem/registry.ts';
import type { Transport } from '../packages/server/src/siem/transport.ts';
import { ensureWorkspace } from '../packages/server/src/workspace/index.ts';
import { modelLog, modelSink } from '../packages/server/test/siem/model.ts';
import {
  datadog,
  elasticsearch,
  type More,
  openSearch,
  otlp,
  type Running,
  secops,
  sentinel,
  splunk,
} from '../packages/server/test/siem/receivers/http-kinds.ts';
import { entries, testDeps } from '../packages/server/test/siem/receivers/stream.ts';
import type { Event } from '../test/receivers/receiver.ts';
import { startWebhook } from '../test/receivers/webhook.ts';
import { startCluster } from '../test/setup/cluster.ts';
import { newDatabase } from '../test/setup/database.ts';
import { readMachine } from './machine.ts';

const EVENTS = 20_000;
const RUNS = 3;
const PER_SECOND = 1_000;
const LAG_SECONDS = 8;
const EVERY_MS = 10;
const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
/** What calls say: a record of about 1.2 KB. */
const MORE = { action: 'crm.contacts.update', owner: 'dana@acme.example', args: { note: 'x'.repeat(700) } };

interface Target {
  readonly kind: SinkKind;
  readonly name: string;
  readonly format: Format;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly transport: Transport;
  close(): Promise<void>;
}
type OnEvent = (event: Event) => void;

async function http(
  name: string,
  kind: SinkKind,
  format: Format,
  start: (options: { onEvent: OnEvent; keep: false }, more: More) => Promise<Running>,
  onEvent: OnEvent,
): Promise<Target> {
  const running = await start({ onEvent, keep: false }, { format });
  const { settings, transport } = running;
  return { kind, name, format, settings, transport, close: () => running[Symbol.asyncDispose]() };
}

async function webhook(onEvent: OnEvent): Promise<Target> {
  const receiver = await startWebhook([SECRET], { onEvent, keep: false });
  const settings = { url: `${receiver.url}/hook`, signing_secret_refs: ['vault://siem'] };
  const deps = testDeps({ secrets: { 'vault://siem': SECRET }, format: 'native' });
  const transport = await SINK_TYPES.webhook.open(settings).connect({ ...deps, clock: Date.now });
  const close = async (): Promise<void> => {
    await transport.close();
    await receiver[Symbol.asyncDispose]();
  };
  return { kind: 'webhook', name: 'webhook', format: 'native', settings, transport, close };
}

/** Arrived when the lines are on the disk. */
async function file(onEvent: OnEvent): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), 'hivekey-file-'));
  const settings = { path: 'log.ndjson' };
  const opened = await SINK_TYPES.file.open(settings).connect({ ...testDeps(), filesFolder: folder });
  const transport: Transport = {
    send: async (batch, signal) => {
      const delivery = await opened.send(batch, signal);
      for (const { id, item } of batch.events)
        onEvent({ id, seq: item.type === 'entry' ? item.seq : undefined, event: undefined });
      return delivery;
    },
    close: () => opened.close(),
  };
  const close = async (): Promise<void> => {
    await opened.close();
    rmSync(folder, { recursive: true });
  };
  return { kind: 'file', name: 'file', format: 'native', settings, transport, close };
}

const TARGETS: readonly ((onEvent: OnEvent) => Promise<Target>)[] = [
  file,
  webhook,
  (on) => http('Splunk HEC with acknowledgement', 'splunk', 'ocsf-1.8.0', splunk, on),
  (on) => http('Elasticsearch', 'elastic', 'ecs-9.4', elasticsearch, on),
  (on) => http('OpenSearch', 'elastic', 'ecs-9.4', openSearch, on),
  (on) => http('OTLP', 'otlp', 'otlp', otlp, on),
  (on) => http('Sentinel', 'sentinel', 'flat', sentinel, on),
  (on) => http('SecOps', 'secops', 'native', secops, on),
  (on) =>
    http('Datadog', 'datadog', 'native', (options, more) => datadog({ ...options, clock: () => RECENT }, more), on),
];
/** Of the made-up records: Datadog takes nothing that is old. */
const RECENT = Date.parse('2026-06-16T13:50:00.000Z');

interface Row {
  readonly name: string;
  readonly format: Format;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

async function measure(database: Database, workspaceId: WorkspaceId, open: (typeof TARGETS)[number]): Promise<Row> {
  const rates: number[] = [];
  let name = '';
  let format: Format = 'native';
  const all = entries(1, EVENTS, MORE);
  for (let run = 0; run < RUNS; run += 1) {
    const target = await open(() => undefined);
    ({ name, format } = target);
    const { log } = modelLog(database.pool, all, 2_000);
    const model = await modelSink(database.pool, workspaceId, log, {
      ...{ kind: target.kind, format, settings: target.settings },
    });
    const over = new AbortController();
    const startedMs = performance.now();
    const running = model.run({ transport: () => kept(target.transport) }, over.signal);
    while ((await model.stream()).cursorSeq < EVENTS) await sleep(5);
    rates.push((EVENTS / (performance.now() - startedMs)) * 1000);
    over.abort();
    await running;
    await target.close();
  }
  const lags = (await lagsOf(database, workspaceId, open)).sort((a, b) => a - b);
  const at = (share: number): number => lags[Math.floor((lags.length - 1) * share)] ?? 0;
  return {
    name,
    format,
    perSecond: rates.sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0,
    p50: at(0.5),
    p99: at(0.99),
  };
}

/** From when an entry could be read to when the receiver had stored it, milliseconds. */
async function lagsOf(database: Database, workspaceId: WorkspaceId, open: (typeof TARGETS)[number]): Promise<number[]> {
  const bornMs = new Map<number, number>();
  const lags: number[] = [];
  const target = await open(({ seq }) => {
    const born = seq === undefined ? undefined : bornMs.get(seq);
    if (born !== undefined) lags.push(performance.now() - born);
  });
  const total = PER_SECOND * LAG_SECONDS;
  const all = entries(1, total, MORE).map(storedOf);
  const visible: StoredEntry[] = [];
  const { log } = modelLog(database.pool, [], 2_000);
  let wake = Promise.withResolvers<void>();
  const growing = {
    ...log,
    entries: async (_workspace: WorkspaceId, first: number) => visible.slice(first - 1, first + 1_999),
    news: () => wake.promise,
  };
  const { kind, format, settings } = target;
  const model = await modelSink(database.pool, workspaceId, growing, { kind, format, settings });
  const over = new AbortController();
  const running = model.run({ transport: () => kept(target.transport) }, over.signal);
  const startedMs = performance.now();
  while (visible.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - startedMs) / 1000) * PER_SECOND));
    const now = performance.now();
    for (const entry of all.slice(visible.length, due)) {
      bornMs.set(entry.seq, now);
      visible.push(entry);
    }
    wake.resolve();
    wake = Promise.withResolvers();
    await sleep(EVERY_MS);
  }
  while ((await model.stream()).cursorSeq < total) await sleep(20);
  over.abort();
  await running;
  await target.close();
  return lags;
}

function storedOf({ seq, entryHash, prevHash, hash, canonical }: StreamEntry): StoredEntry {
  return { seq, entryHash, prevHash, hash, canonical };
}

/** The lane closes its transport; the target is closed later. */
function kept(transport: Transport): Transport {
  return { send: (batch, signal) => transport.send(batch, signal), close: async () => undefined };
}

const { facts, warning } = readMachine();
const stopCluster = await startCluster();
const { url: ownerUrl, drop } = newDatabase();
const database = await openDatabase({ ownerUrl, roleKey: randomBytes(32), maxConnections: 10 });
try {
  const { id } = await ensureWorkspace(database.pool, 'prod');
  const rows: Row[] = [];
  for (const open of TARGETS) {
    const row = await measure(database, id, open);
    console.log(row);
    rows.push(row);
  }
  const lines = [...facts.map((fact) => `- ${fact}`), ...(warning === undefined ? [] : ['', warning])];
  writeFileSync(
    new URL('siem-delivery.md', import.meta.url),
    `# Delivery to sinks

Written by \`node scripts/run.mjs bench/siem-delivery.ts\`; nothing in it is entered by hand.

${lines.join('\n')}

Events a second: ${EVENTS.toLocaleString('en-GB')} records of calls that are in the log already, until the cursor is behind the last of them; median of ${RUNS} runs. Lag: from when an entry can be read from the sealed log to when the receiver has stored it, at ${PER_SECOND.toLocaleString('en-GB')} events a second for ${LAG_SECONDS} s; sealing adds up to 100 ms. Mapping, database, transport and receiver share one process; receivers are those of the tests.

| Sink | Format | events/s | lag p50 ms | lag p99 ms |
|---|---|--:|--:|--:|
${rows.map(({ name, format, perSecond, p50, p99 }) => `| ${name} | ${format} | ${Math.round(perSecond).toLocaleString('en-GB')} | ${Math.round(p50)} | ${Math.round(p99)} |`).join('\n')}
`,
  );
} finally {
  await database.close();
  await drop();
  await stopCluster();
}
