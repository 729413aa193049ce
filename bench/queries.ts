/**
 * `node scripts/run.mjs bench/queries.ts [rows] [asks]`: questions to a log of so many entries; writes bench/queries.md. The
 * entries are made by SQL in the projection, not by calls: what is measured is reading. Takes about 2.5 GB of disk for a
 * million entries while it runs.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openDatabase, startEmbeddedPostgres } from '../packages/server/src/database/index.ts';
import type { WorkspaceId } from '../packages/server/src/ids.ts';
// The server first: its parts know each other in circles, which can be entered there.
import '../packages/server/src/server.ts';
import { listEvents } from '../packages/server/src/log/reader.ts';
import { activityOf } from '../packages/server/src/queries/activity.ts';
import { facetOf } from '../packages/server/src/queries/facets.ts';
import { histogramOf } from '../packages/server/src/queries/histogram.ts';
import { readMachine } from './machine.ts';

const [, , rowsText = '10000000', asksText = '100'] = process.argv;
const ROWS = Number(rowsText);
const ASKS = Number(asksText);
const AGENTS = 2_000;
const OWNERS = 200;
const CAPABILITIES = 400;
const SERVERS = 20;
const MONTHS = 4;
const CHUNK = 250_000;
const WORKSPACE = 'wsp_bench' as WorkspaceId;
const END = new Date(Date.UTC(2026, 10, 26));
const START = new Date(Date.UTC(2026, 10 - MONTHS + 1, 1));

const folder = await mkdtemp(join(tmpdir(), 'hivekey-queries-'));
const machine = readMachine();
const postgres = await startEmbeddedPostgres(folder);
const database = await openDatabase({ ownerUrl: postgres.url, roleKey: randomBytes(32) });
const owner = new pg.Client({ connectionString: postgres.url });
await owner.connect();
const { pool } = database;

async function timed<T>(what: () => Promise<T>): Promise<readonly [number, T]> {
  const started = performance.now();
  const value = await what();
  return [performance.now() - started, value];
}

/** So many more for the busiest agents: a third of them make half of the calls. */
const FILL = `
INSERT INTO actions
SELECT $1, n, ts, 'evt_' || lpad(n::text, 26, '0'), kind, 'agt_' || agent, 'bot-' || agent, n / 1000, owner, 'area-' || capability % 20 || '.act-' || capability,
       verdict, reason_class, reason, CASE WHEN kind = 'tool.result' OR verdict = 'allow' THEN 'success' WHEN verdict IS NOT NULL THEN 'not_attempted' END,
       CASE WHEN kind = 'tool.result' THEN 'evt_' || lpad((n - 1)::text, 26, '0') END, 'ses-' || session, NULL, 'node-1', n,
       sha256(n::text::bytea), sha256((n - 1)::text::bytea), sha256(n::text::bytea),
       jsonb_strip_nulls(jsonb_build_object('v', 1, 'event_id', 'evt_' || lpad(n::text, 26, '0'), 'kind', kind, 'ts', ts, 'workspace', 'acme',
         'env', 'production', 'shard', 'node-1', 'shard_seq', n, 'agent', 'bot-' || agent, 'agent_id', 'agt_' || agent, 'owner', owner,
         'token_id', 'tok_' || agent, 'roles', ARRAY['role-' || agent % 50], 'action', 'area-' || capability % 20 || '.act-' || capability,
         'tool', 'server-' || capability % ${SERVERS} || '__act-' || capability, 'namespace', 'server-' || capability % ${SERVERS}, 'access', 'write',
         'args', CASE WHEN kind = 'tool.call' THEN jsonb_build_object('to', 'payee-' || n % 5000 || '@acme.example', 'amount', n % 900, 'memo', 'order ' || n) END,
         'args_digest', CASE WHEN kind = 'tool.call' THEN 'hmac-sha256:' || encode(sha256(n::text::bytea), 'hex') END,
         'impact', CASE WHEN kind = 'tool.call' THEN jsonb_build_object('usd', n % 900) END, 'verdict', verdict, 'reason_class', reason_class,
         'reason', reason, 'policy', 'sha256:' || encode(sha256('policy'), 'hex'), 'policy_revision', 12, 'entrance', 'mcp',
         'session_id', 'ses-' || session, 'run_id', 'run-' || n / 40, 'latency_ms', n % 7, 'trace', '[{"rule":"role","said":"allow"},{"rule":"R2","said":"allow"}]'::jsonb))
  FROM (SELECT n, ts, agent, owner, capability, session, kind,
               CASE WHEN kind = 'tool.call' THEN verdict END AS verdict,
               CASE WHEN kind = 'tool.call' THEN CASE verdict WHEN 'allow' THEN 'granted' WHEN 'review' THEN 'guard' ELSE (ARRAY['scope', 'cap', 'guard'])[n % 3 + 1] END END AS reason_class,
               CASE WHEN kind = 'tool.call' THEN CASE verdict WHEN 'allow' THEN 'granted by role-' || agent % 50
                    ELSE 'guard R' || n % 9 || ': ' || n % 900 || ' is over the daily cap of payee-' || n % 5000 END END AS reason
          FROM (SELECT n, $4::timestamptz + ($5::timestamptz - $4::timestamptz) * (n::float8 / $6) AS ts,
                       floor(${AGENTS} * power(random(), 1.6))::int AS agent, 'owner-' || n % ${OWNERS} || '@acme.example' AS owner,
                       floor(${CAPABILITIES} * power(random(), 2))::int AS capability, n / 200 AS session,
                       CASE WHEN n % 1000 = 0 THEN 'agent.changed' WHEN n % 2 = 0 THEN 'tool.result' ELSE 'tool.call' END AS kind,
                       CASE WHEN random() < 0.02 THEN 'deny' WHEN random() < 0.005 THEN 'review' ELSE 'allow' END AS verdict
                  FROM generate_series($2::bigint, $3::bigint) n) r) r`;

async function fill(): Promise<{ readonly plainSeconds: number; readonly indexSeconds: number }> {
  await owner.query(`INSERT INTO workspaces (id, name) VALUES ($1, 'bench')`, [WORKSPACE]);
  await owner.query(`INSERT INTO workspace_state (workspace_id) VALUES ($1)`, [WORKSPACE]);
  await owner.query(`INSERT INTO people (workspace_id, id, email) VALUES ($1, 'per_bench', 'owner@acme.example')`, [
    WORKSPACE,
  ]);
  await owner.query(
    `INSERT INTO agents (workspace_id, id, handle, owner_id, created_by) SELECT $1, 'agt_' || n, 'bot-' || n, 'per_bench', 'bench' FROM generate_series(0, ${AGENTS - 1}) n`,
    [WORKSPACE],
  );
  await owner.query(
    `INSERT INTO agent_state (workspace_id, agent_id) SELECT $1, 'agt_' || n FROM generate_series(0, ${AGENTS - 1}) n`,
    [WORKSPACE],
  );
  for (let month = 0; month < MONTHS; month += 1)
    await owner.query('SELECT ensure_actions_month($1::date)', [
      new Date(Date.UTC(2026, 10 - month, 1)).toISOString().slice(0, 10),
    ]);
  // Made again afterwards, as a restored dump would: many times as quick as row by row.
  const { rows: indexes } = await owner.query<{ name: string; definition: string }>(
    `SELECT c.relname AS name, pg_get_indexdef(c.oid) AS definition FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
      WHERE i.indrelid = 'actions'::regclass AND NOT i.indisprimary`,
  );
  for (const { name } of indexes) await owner.query(`DROP INDEX ${name}`);
  await owner.query('ALTER TABLE actions DISABLE TRIGGER USER');
  await owner.query('SELECT setseed(0.42)');
  const [plain] = await timed(async () => {
    for (let from = 1; from <= ROWS; from += CHUNK) {
      await owner.query(FILL, [WORKSPACE, from, Math.min(ROWS, from + CHUNK - 1), START, END, ROWS]);
      process.stdout.write(`\r${Math.min(ROWS, from + CHUNK - 1)} rows`);
    }
  });
  const [index] = await timed(async () => {
    await owner.query(
      `SET maintenance_work_mem = '1GB'; SET max_parallel_maintenance_workers = 2; SET work_mem = '512MB'`,
    );
    for (const { name, definition } of indexes) {
      await owner.query(definition.replace('ON ONLY', 'ON'));
      process.stdout.write(`\r${name}            `);
    }
    await owner.query('ALTER TABLE actions ENABLE TRIGGER USER');
    await owner.query(
      `INSERT INTO log_counts (workspace_id, grain, dimension, value, at, kind, verdict, n)
       SELECT r.workspace_id, d.grain, d.dimension, d.value, date_trunc(d.grain, r.ts, 'UTC'), r.kind, coalesce(r.verdict, ''), count(*)
         FROM actions r CROSS JOIN LATERAL log_counted(r.agent_id, r.owner, r.action, r.reason_class, r.record) d GROUP BY 1, 2, 3, 4, 5, 6, 7`,
    );
    await owner.query(
      `INSERT INTO projection_cursor (workspace_id, next_seq) VALUES ($1, $2)
       ON CONFLICT (workspace_id) DO UPDATE SET next_seq = excluded.next_seq`,
      [WORKSPACE, ROWS + 1],
    );
  });
  await owner.query('VACUUM (ANALYZE) actions');
  await owner.query('VACUUM (ANALYZE) log_counts');
  return { plainSeconds: plain / 1000, indexSeconds: index / 1000 };
}

/** As the projector writes them, indexes and counts included. */
async function insertion(batch: number, seconds: number): Promise<number> {
  let next = ROWS + 1;
  const until = performance.now() + seconds * 1000;
  const started = performance.now();
  while (performance.now() < until) {
    await owner.query(FILL, [WORKSPACE, next, next + batch - 1, START, END, ROWS]);
    next += batch;
  }
  const rate = (next - ROWS - 1) / ((performance.now() - started) / 1000);
  await owner.query('DELETE FROM actions WHERE seq > $1', [ROWS]);
  return rate;
}

const DAY = 86_400_000;
const days = (n: number) => new Date(END.getTime() - n * DAY);
const pick = (n: number): number => Math.floor(Math.random() * n);
const aDay = () => {
  const from = days(2 + pick(80));
  return { from, to: new Date(from.getTime() + DAY) };
};
const capability = (n: number) => `area-${n % 20}.act-${n}`;
const list = (filter: Parameters<typeof listEvents>[2]) =>
  listEvents(pool, WORKSPACE, filter, { limit: 50, order: 'desc' });

const QUESTIONS: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['the newest 50', () => list({})],
  ['calls of an agent', () => list({ agent: `bot-${pick(AGENTS)}` })],
  ['denials of an agent', () => list({ agent: `bot-${pick(AGENTS)}`, verdict: 'deny' })],
  ['everything about an agent', () => list({ about: `bot-${pick(AGENTS)}` })],
  ['an agent, on one day', () => list({ agent: `bot-${pick(AGENTS)}`, ...aDay() })],
  ['one day', () => list(aDay())],
  ['an owner', () => list({ owner: `owner-${pick(OWNERS)}@acme.example` })],
  ['a capability', () => list({ action: capability(pick(CAPABILITIES)) })],
  ['denials of a capability', () => list({ action: capability(pick(CAPABILITIES)), verdict: 'deny' })],
  ['a tool', () => list({ tool: ((n) => `server-${n % SERVERS}__act-${n}`)(pick(CAPABILITIES)) })],
  ['a server', () => list({ server: `server-${pick(SERVERS)}` })],
  ['a class of reasons', () => list({ reasonClass: 'cap' })],
  ['a kind that is rare', () => list({ kind: 'agent.changed' })],
  ['a kind that there is none of', () => list({ kind: 'blast_radius.differs' })],
  ['a session', () => list({ session: `ses-${pick(ROWS / 200)}` })],
  ['a run', () => list({ run: `run-${pick(ROWS / 40)}` })],
  ['words in reasons of denials', () => list({ q: `payee-${pick(5_000)}`, verdict: 'deny' })],
  ['words in reasons, one month', () => list({ q: `payee-${pick(5_000)}`, from: days(30), to: days(0) })],
  [
    'words in arguments, an agent and a week',
    () => list({ args: `payee-${pick(5_000)}`, agent: `bot-${pick(AGENTS)}`, from: days(7), to: days(0) }),
  ],
  ['histogram of 90 days', () => histogramOf(pool, WORKSPACE, { from: days(90), to: END }, 'day', END.getTime())],
  [
    'histogram of 90 days of an agent',
    () => histogramOf(pool, WORKSPACE, { agent: `bot-${pick(AGENTS)}`, from: days(90), to: END }, 'day', END.getTime()),
  ],
  ['histogram of a day by the minute', () => histogramOf(pool, WORKSPACE, aDay(), 'minute', END.getTime())],
  [
    'histogram of a week, an agent and a capability',
    () =>
      histogramOf(
        pool,
        WORKSPACE,
        { agent: `bot-${pick(AGENTS)}`, action: capability(pick(CAPABILITIES)), from: days(7), to: END },
        'hour',
        END.getTime(),
      ),
  ],
  ['top agents of 90 days', () => facetOf(pool, WORKSPACE, { from: days(90), to: END }, 'agent', 10, END.getTime())],
  [
    'top capabilities that were denied, a day',
    () => facetOf(pool, WORKSPACE, { verdict: 'deny', ...aDay() }, 'action', 10, END.getTime()),
  ],
  [
    'everything an agent did in 90 days, in numbers',
    () => activityOf(pool, WORKSPACE, `bot-${pick(AGENTS)}`, { from: days(90), to: END }, END.getTime()),
  ],
];

const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
const ms = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

try {
  const filled = await fill();
  const { rows: sizes } = await owner.query<{ heap: string; indexes: string; counts: string; counted: number }>(
    `SELECT pg_size_pretty(sum(pg_table_size(relid))) AS heap, pg_size_pretty(sum(pg_indexes_size(relid))) AS indexes,
            pg_size_pretty(pg_total_relation_size('log_counts')) AS counts, (SELECT count(*)::int FROM log_counts) AS counted
       FROM pg_partition_tree('actions')`,
  );
  const [size] = sizes;
  const rates: [number, number][] = [];
  for (const batch of [50, 500, 5_000]) rates.push([batch, await insertion(batch, 10)]);
  const results: string[] = [];
  for (const [name, ask] of QUESTIONS) {
    const times: number[] = [];
    for (let n = 0; n < ASKS; n += 1) {
      try {
        times.push((await timed(ask))[0]);
      } catch (error) {
        times.push(Number.POSITIVE_INFINITY);
        process.stdout.write(`\n${name}: ${String(error)}\n`);
      }
      if (times.reduce((sum, each) => sum + each, 0) > 60_000) break;
    }
    const sorted = times.toSorted((a, b) => a - b);
    const at = (share: number): string =>
      ms(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
    results.push(line([name, at(0.5), at(0.99), ms(times[0] ?? 0), times.length]));
    process.stdout.write(`\n${results.at(-1)}`);
  }
  const report = [
    '# Questions to a large log',
    '',
    'Written by `node scripts/run.mjs bench/queries.ts`; nothing in it is entered by hand. The entries are made by SQL in the projection: what is measured is reading, by the functions that the API calls, one after the other.',
    '',
    ...machine.facts.map((fact) => `- ${fact}`),
    ...(machine.warning === undefined ? [] : [`- **${machine.warning}**`]),
    `- ${ROWS.toLocaleString('en')} entries over ${MONTHS} months, ${AGENTS} agents, ${CAPABILITIES} capabilities; 2 % denied, 0.5 % held`,
    `- rows ${size?.heap}, indexes ${size?.indexes}; counts ${size?.counts} in ${size?.counted.toLocaleString('en')} rows`,
    `- filled in ${filled.plainSeconds.toFixed(0)} s, indexes and counts in ${filled.indexSeconds.toFixed(0)} s`,
    '',
    line(['Question', 'p50 ms', 'p99 ms', 'first ms', 'asked']),
    line(['---', '---', '---', '---', '---']),
    ...results,
    '',
    '## Extrapolated to a hundred million',
    '',
    'Not measured, but extrapolated from the shape of each question. What an index answers in order reads as many rows as it shows, whatever the size of the log: one level of the tree more. Counted histograms and facets grow with days, agents and capabilities, not with entries. What is counted or sorted row by row (one day, by the minute, an agent in numbers) grows with the entries of that time, and ends after four seconds at most; searches for words that no index has look through as much in their three seconds as here, and go on from there at the next page.',
    '',
    '## Writing',
    '',
    'Rows a second into this table as the projector writes them, every index and count kept:',
    '',
    line(['Rows in a statement', 'rows/s']),
    line(['---', '---']),
    ...rates.map(([batch, rate]) => line([batch, rate.toFixed(0)])),
    '',
  ].join('\n');
  writeFileSync(new URL('./queries.md', import.meta.url), report);
  process.stdout.write(`\n${report}\n`);
} finally {
  await owner.end();
  await database.close();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
