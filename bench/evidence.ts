/**
 * `node scripts/run.mjs bench/evidence.ts`: what it costs to write a population in each format, and documents as PDF, each in a process
 * of its own; writes bench/evidence.md.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type IpeHeader,
  PDF_ROWS,
  type Row,
  renderPdf,
  type TableFacts,
  type TableFormat,
  type TableShape,
  tablesDocument,
  writeTables,
} from '@hivekey/evidence';
import { readMachine } from './machine.ts';

const SIZES = [50_000, 1_000_000];
const FORMATS: readonly TableFormat[] = ['csv', 'jsonl', 'json', 'xlsx'];

/** Columns of the action log, as item 7 has them. */
const SHAPE: TableShape = {
  name: 'actions',
  title: 'Actions',
  columns: (
    [
      ['seq', 'integer'],
      ['agent_seq', 'integer'],
      ['entry_id', 'id'],
      ['occurred_at', 'time'],
      ['recorded_at', 'time'],
      ['agent_id', 'id'],
      ['agent_version', 'integer'],
      ['owner_user_id', 'id'],
      ['on_behalf_of', 'id'],
      ['session_id', 'id'],
      ['parent_action_id', 'id'],
      ['delegation_chain', 'list'],
      ['tool', 'text'],
      ['capability', 'text'],
      ['target', 'text'],
      ['args_digest', 'id'],
      ['args_redacted', 'json'],
      ['amount_minor', 'integer'],
      ['currency', 'text'],
      ['records', 'integer'],
      ['recipients', 'integer'],
      ['verdict', 'text'],
      ['reason_code', 'text'],
      ['rule_ids', 'list'],
      ['policy_hash', 'id'],
      ['approval_id', 'id'],
      ['outcome', 'text'],
      ['tool_reference', 'text'],
      ['latency_ms', 'number'],
      ['source_ip', 'text'],
      ['trace_id', 'id'],
      ['entry_sha256', 'id'],
      ['link_sha256', 'id'],
    ] as const
  ).map(([name, kind]) => ({ name, kind, about: 'As the log has it.' })),
};

/** More digests than deflate looks back: what repeats would be packed too well. */
const DIGESTS = Array.from({ length: 4_093 }, (_, i) => createHash('sha256').update(String(i)).digest('hex'));

function hexOf(i: number, salt: number): string {
  return DIGESTS[(i * 7 + salt * 811) % DIGESTS.length] ?? '';
}

function rowAt(i: number): Row {
  const at = new Date(Date.UTC(2026, 6, 1) + i * 6_000).toISOString();
  const isPaid = i % 3 === 0;
  return [
    i + 1,
    Math.floor(i / 42),
    `evt_01KV8BPPR${String(i).padStart(17, '0')}`,
    at,
    at,
    `agt_${i % 42}`,
    3,
    'usr_dana',
    null,
    `ses_${i % 900}`,
    null,
    i % 50 === 0 ? ['agt_1', 'agt_2'] : [],
    'payments_pay',
    isPaid ? 'payments.pay' : 'crm.read',
    `vendor-${i % 500}@acme.example`,
    `hmac-sha256:${hexOf(i, 1)}`,
    isPaid ? { amount: i, memo: '=Invoice 2026-0417, "paid"' } : { query: `-account ${i % 700}` },
    isPaid ? i * 100 : null,
    isPaid ? 'USD' : null,
    isPaid ? null : i % 100,
    null,
    i % 40 === 0 ? 'deny' : 'allow',
    'granted',
    ['R2', 'R7'],
    `sha256:${hexOf(Math.floor(i / 1e5), 2)}`,
    null,
    'success',
    `ref_${i}`,
    (i % 900) / 10,
    '10.4.7.21',
    hexOf(i, 3).slice(0, 32),
    hexOf(i, 4),
    hexOf(i, 5),
  ];
}

async function* rows(count: number): AsyncGenerator<Row> {
  for (let i = 0; i < count; i += 1) yield rowAt(i);
}

function headerOf({ rows: rowCount, sha256, neutralised }: TableFacts): IpeHeader {
  const at = '2026-10-05T09:00:00.000Z';
  return {
    report_id: 'actions',
    title: 'Actions',
    control_ids: ['AG-13'],
    system: 'HiveKey',
    environment: 'prod',
    tenant: 'acme',
    query_id: 'actions',
    query_text: 'SELECT * FROM actions',
    parameters: {},
    code_version: '0.1.0',
    policy_hash: null,
    period_from: '2026-07-01T00:00:00.000Z',
    period_to: '2026-10-01T00:00:00.000Z',
    as_of: at,
    generated_at: at,
    generated_by: { person: 'dana@acme.example', session: null },
    generator: 'HiveKey',
    row_count: rowCount,
    neutralised_cells: neutralised,
    sha256,
    chain_head: null,
    checkpoint_id: null,
    tsa_token: null,
    sample_data: false,
    source_counts: {},
    control_totals: {},
    first_seq: 1,
    last_seq: rowCount,
    gaps: [],
    filters: [],
    exclusions: [],
    redactions: [],
    tie_out: 'equal',
  };
}

/** Of one process: seconds of processor time and by the clock, largest memory in MiB, bytes written. */
interface Measured {
  readonly cpuSeconds: number;
  readonly seconds: number;
  readonly memoryMiB: number;
  readonly bytes: number;
}

async function measure(what: string, count: number): Promise<Measured> {
  const bytesOf =
    what === 'pdf'
      ? pdfWork(count)
      : tableWork(
          FORMATS.filter((each) => what === each || what === 'all'),
          count,
        );
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  const bytes = await bytesOf();
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    cpuSeconds: (user + system) / 1e6,
    seconds: (performance.now() - before) / 1000,
    memoryMiB: process.resourceUsage().maxRSS / 1024,
    bytes,
  };
}

function tableWork(formats: readonly TableFormat[], count: number): () => Promise<number> {
  return async () => {
    let bytes = 0;
    const writing = writeTables([{ ...SHAPE, rows: rows(count) }], formats, {
      headers: async ({ actions }) => (actions === undefined ? [] : [headerOf(actions)]),
    });
    for await (const chunk of writing.chunks) bytes += chunk.bytes.length;
    writing.finish();
    return bytes;
  };
}

/** The rows are there, as a thread that lays out is handed them. */
function pdfWork(count: number): () => Promise<number> {
  const header = headerOf({ rows: count, sha256: '0'.repeat(64), neutralised: 0 });
  const shape = { ...SHAPE, columns: SHAPE.columns.slice(0, 9) };
  const document = tablesDocument('Actions', [
    { header, shape, rows: Array.from({ length: count }, (_, i) => rowAt(i)) },
  ]);
  return async () => (await renderPdf(document)).length;
}

const [, script = '', what, count] = process.argv;
if (what !== undefined && count !== undefined) {
  process.stdout.write(JSON.stringify(await measure(what, Number(count))));
} else {
  const { facts, warning } = readMachine();
  const lines = [
    ...SIZES.flatMap((size) =>
      [...FORMATS, 'all'].map(
        (format) => [format === 'all' ? 'all four, read once' : format.toUpperCase(), format, size] as const,
      ),
    ),
    ...[200, PDF_ROWS].map((size) => ['PDF, 9 columns', 'pdf', size] as const),
  ].map(([name, format, size]) => {
    const text = execFileSync(process.execPath, [...process.execArgv, script, format, String(size)], {
      encoding: 'utf8',
    });
    const { cpuSeconds, seconds, memoryMiB, bytes }: Measured = JSON.parse(text);
    return `| ${name} | ${size.toLocaleString('en')} | ${cpuSeconds.toFixed(1)} | ${seconds.toFixed(1)} | ${memoryMiB.toFixed(0)} | ${(bytes / 1e6).toFixed(1)} |`;
  });
  const report = `# Files of evidence

\`node scripts/run.mjs bench/evidence.ts\`: rows of the action log with its ${SHAPE.columns.length} columns, made while they are read, written in each format and thrown away; each line in a process of its own. Making the rows and the SHA-256 of the CSV are part of it. Memory is the most that the process had: 99 MiB of it before the first row, and the rest what collection had not yet taken (what is alive after one does not grow with the rows).

${[...facts, ...(warning === undefined ? [] : [warning])].map((fact) => `- ${fact}`).join('\n')}

| Format | Rows | Processor, s | Clock, s | Memory, MiB | File, MB |
|---|---|---|---|---|---|
${lines.join('\n')}
`;
  writeFileSync(fileURLToPath(new URL('evidence.md', import.meta.url)), report);
  process.stdout.write(report);
}
