/**
 * `node scripts/run.mjs bench/siem-formats.ts [events]`: what it costs to map events to each format and to read a copy
 * of them back, by processor time; writes bench/siem-formats.md.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { canonicalJson, entryHash, formatHash, type LogRecord, linkHash, ZERO_LINK } from '@hivekey/action-log';
import {
  CopyCheck,
  type CopyText,
  FORMATS,
  type Format,
  mapAttested,
  mapItem,
  readCopy,
  type StreamEntry,
} from '@hivekey/siem';
import { readMachine } from './machine.ts';

const RUNS = 5;
const [, , given = '20000'] = process.argv;
const EVENTS = Number(given);
const SETTINGS = { raw: true, compact: false, replayed: false, omit: [] };
const PLACE = { v: 1, workspace: 'acme', env: 'prod', shard: 'shd_01' } as const;

/** Of ten, five are calls, four their results, and one an act of an administrator. */
function recordAt(i: number): LogRecord {
  const ts = new Date(Date.UTC(2026, 5, 16) + i * 250).toISOString();
  const place = { ...PLACE, event_id: `evt_01KV8BPPR${String(i).padStart(17, '0')}`, ts, shard_seq: i + 1 };
  const about = {
    agent: 'billing-bot',
    agent_id: `agt_${i % 50}`,
    owner: 'samir@acme.example',
    action: 'payments.pay',
    tool: 'payments_pay',
    namespace: 'payments',
    upstream_tool: 'createPayment',
    access: 'write',
    destructive: false,
    session_id: `ses_${i % 90}`,
    run_id: `run_${i % 40}`,
  };
  if (i % 10 === 9)
    return {
      ...place,
      kind: 'agent.changed',
      actor: 'person:dana@acme.example',
      agent: 'billing-bot',
      agent_id: 'agt_1',
      owner: 'samir@acme.example',
      changes: { roles: [['Billing'], ['Billing', 'Support']] },
      reason: 'covers for support',
    };
  if (i % 2 === 1)
    return {
      ...place,
      ...about,
      kind: 'tool.result',
      call_event_id: 'evt_01KV8BPPR0GK65CKEF3RN6X7JC',
      outcome: 'success',
      upstream_code: 200,
      upstream_ms: 41.5,
      bytes_in: 1_180,
    };
  return {
    ...place,
    ...about,
    kind: 'tool.call',
    agent_seq: i,
    token_id: 'tok_31',
    roles: ['Billing', 'Support'],
    role: 'Billing',
    role_rev: 7,
    definition_pin: `sha256:${'6d'.repeat(32)}`,
    args: {
      amount: 300 + i,
      to: 'vendor@acme.example',
      memo: 'Invoice 2026-0417 for June, paid in part',
      lines: [
        { sku: 'A-17', count: 2 },
        { sku: 'B-02', count: 1 },
      ],
    },
    args_digest: `hmac-sha256:${'41'.repeat(32)}`,
    impact: { usd: 30_000 + i },
    verdict: i % 20 === 0 ? 'deny' : 'allow',
    reason_class: 'guard',
    reason: 'guard: within the daily cap of $5,000',
    rule: 'R2 · daily cap $5,000',
    trace: [
      { origin: 'Billing', rule: 'R1', result: 'allow' },
      { origin: 'Billing', rule: 'R2', result: 'allow', remaining: 4_120 },
    ],
    policy: `sha256:${'d5'.repeat(32)}`,
    policy_revision: 41,
    provenance: 'trusted',
    entrance: 'mcp',
    src_ip: '10.4.7.21',
    local_hour: 16,
    local_dow: 2,
    mode: 'enforce',
    latency_ms: 1.4,
  };
}

function makeEntries(): StreamEntry[] {
  let prev: Uint8Array = ZERO_LINK;
  return Array.from({ length: EVENTS }, (_, i) => {
    const canonical = canonicalJson(recordAt(i));
    const hash = entryHash(canonical);
    const link = linkHash(prev, hash);
    const entry: StreamEntry = {
      type: 'entry',
      seq: i + 1,
      entryHash: formatHash(hash),
      prevHash: formatHash(prev),
      hash: formatHash(link),
      canonical,
      record: JSON.parse(canonical),
    };
    prev = link;
    return entry;
  });
}

/** Events in a second of processor time: the median of five, after one that nobody counts. */
async function rate(work: () => Promise<void> | void): Promise<number> {
  const rates: number[] = [];
  for (let run = 0; run <= RUNS; run += 1) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    if (run > 0) rates.push((EVENTS / (user + system)) * 1e6);
  }
  return rates.sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0;
}

const { facts, warning } = readMachine();
const entries = makeEntries();
const thousands = (value: number) => `${Math.round(value / 1_000).toLocaleString('en')},000`;
const rows: string[] = [];
for (const format of [...FORMATS, 'ocsf-1.9.0 attested'] as const) {
  let bytes = 0;
  const map = (entry: StreamEntry, previous: ReturnType<typeof mapAttested>['link'] | null) => {
    if (format !== 'ocsf-1.9.0 attested') return { line: mapItem(format, entry, SETTINGS), link: null };
    return mapAttested(entry, SETTINGS, { uid: 'acme/snk_1', previous });
  };
  const made = await rate(() => {
    bytes = 0;
    let link: ReturnType<typeof mapAttested>['link'] | null = null;
    for (const entry of entries) {
      const mapped = map(entry, link);
      link = mapped.link;
      bytes += mapped.line.length;
    }
  });
  const read =
    format === 'cef' || format === 'ocsf-1.9.0 attested' ? '–' : thousands(await rate(() => readBack(format)));
  rows.push(`| \`${format}\` | ${thousands(made)} | ${Math.round(bytes / EVENTS).toLocaleString('en')} | ${read} |`);
}

async function readBack(format: Format): Promise<void> {
  const check = new CopyCheck();
  for await (const event of readCopy(textsIn(format))) check.add(event);
  await check.finish();
}

function* textsIn(format: Format): Generator<CopyText, void, undefined> {
  for (const entry of entries) yield { place: `copy:${entry.seq}`, text: mapItem(format, entry, SETTINGS) };
}

const lines = entries.slice(0, 500).map((entry) => mapItem('ocsf-1.8.0', entry, SETTINGS));
const batch = Buffer.from(lines.join('\n'));
const compressed = (100 * gzipSync(batch, { level: 1 }).length) / batch.length;
const report = `# Formats of the stream

\`node scripts/run.mjs bench/siem-formats.ts\`: ${EVENTS.toLocaleString('en')} records, of ten five calls, four results and one act of an administrator, of ${Math.round(entries.reduce((sum, { canonical }) => sum + canonical.length, 0) / EVENTS)} bytes on average, each with its exact record. Events in a second of processor time on one core, medians of ${RUNS} runs; mapped is to the line that goes out, read back is mapping, reading, hashing and mapping again to compare (\`hivekey verify --against\`).

${[...facts, ...(warning === undefined ? [] : [warning])].map((fact) => `- ${fact}`).join('\n')}

| Format | Mapped, events/s | Bytes an event | Mapped and read back, events/s |
|---|---|---|---|
${rows.join('\n')}

A batch of 500 events in OCSF has ${compressed.toFixed(0)} % of its size with gzip at level 1.
`;
writeFileSync(fileURLToPath(new URL('siem-formats.md', import.meta.url)), report);
process.stdout.write(report);
