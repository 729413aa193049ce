/**
 * Durable records a second: the log's writer beside a plain insert of block rows that hold the same bytes, committed
 * in groups the same way. Each caller is one agent: it records a call, waits, records its result, waits, and goes on.
 */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Evaluation } from '@hivekey/policy';
import pg from 'pg';
import { type Database, openDatabase, startEmbeddedPostgres } from '../packages/server/src/database/index.ts';
import type { AgentId, PersonId, TokenId, WorkspaceId } from '../packages/server/src/ids.ts';
import { newEventId } from '../packages/server/src/ids.ts';
import { connectionOf } from '../packages/server/src/log/connection.ts';
import { createActionLog } from '../packages/server/src/log/index.ts';
import { callRecord, factsOf, placeRecord, resultRecord } from '../packages/server/src/log/records.ts';
import type { ActionLog } from '../packages/server/src/log/types.ts';
import { Writer } from '../packages/server/src/log/writer.ts';
import type { Intent, Outcome } from '../packages/server/src/path/types.ts';
import { median, quantile } from './load.ts';
import { atLeast, type Row, rounded } from './rows.ts';

const CALLERS = [64, 256];
const RUNS = 7;
const RECORDS_A_RUN = 16_384;
const WARM_UP = 4_096;
const TIMEOUT_MS = 10_000;
const MAX_IN_FLIGHT = 2;
const MIN_TO_SPLIT = 16;
export const WORKSPACE = 'wsp_5Kd0pNa81kQz' as WorkspaceId;

/** Makes a call durable; what it resolves with makes its result durable. */
type Append = (i: number) => Promise<() => Promise<void>>;

interface Run {
  readonly perSecond: number;
  /** How long a call waits for its record, milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

interface Subject {
  readonly name: string;
  readonly append: Append;
  /** Of the baseline's records a second. */
  readonly leastRatio?: number;
}

/** Medians of interleaved runs, with the 99th percentile of the callers' waits beside them. */
export async function benchAppend(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'hivekey-bench-'));
  const server = await startEmbeddedPostgres(folder);
  try {
    const rows: Row[] = [];
    // A database each: what one leaves behind, calls without results above all, is no part of the next.
    for (const callers of CALLERS) rows.push(...(await inDatabase(server.url, ({ url }) => benchAlone(url, callers))));
    rows.push(...(await inDatabase(server.url, ({ pool, url }) => benchWhole(pool, url))));
    return rows;
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function inDatabase(serverUrl: string, bench: (database: Database) => Promise<Row[]>): Promise<Row[]> {
  const ownerUrl = new URL(`/bench_${randomBytes(4).toString('hex')}`, serverUrl).href;
  const database = await openDatabase({ ownerUrl, roleKey: randomBytes(32) });
  await fill(ownerUrl);
  const rows = await bench(database);
  await database.close();
  return rows;
}

/** The writer by itself: what a caller waits for. */
async function benchAlone(url: string, callers: number): Promise<Row[]> {
  const plain = plainBlocks(url);
  const writer = new Writer({
    workspaceId: WORKSPACE,
    nodeId: 'bench',
    connectionString: url,
    clock: Date.now,
    timeoutMs: TIMEOUT_MS,
    maxBatch: 512,
    maxQueue: 8_192,
    logger: undefined,
    observe: undefined,
    onCommitted: () => undefined,
  });
  const subjects: Subject[] = [
    { name: 'no budgets', append: (i) => record(writer, intent(i % callers, false)), leastRatio: 0.8 },
    { name: 'one budget each', append: (i) => record(writer, intent(i % callers, true)), leastRatio: 0.4 },
  ];
  const rows = await compare(`durable records, ${callers} callers`, plain.append, subjects, callers);
  await writer.close();
  await plain.close();
  return rows;
}

/** The whole log at work: sealing, signing and projecting go on in the same process and database. */
async function benchWhole(pool: pg.Pool, url: string): Promise<Row[]> {
  const callers = 64;
  const plain = plainBlocks(url);
  const { privateKey: signingKey } = generateKeyPairSync('ed25519');
  const log = await createActionLog({ pool, connectionString: url, nodeId: 'bench', signingKey });
  const subjects: Subject[] = [
    { name: 'sealed and projected meanwhile', append: (i) => record(log, intent(i % callers, false)) },
  ];
  const rows = await compare(`durable records, ${callers} callers`, plain.append, subjects, callers);
  await log.close();
  await plain.close();
  return rows;
}

async function compare(
  measure: string,
  baseline: Append,
  subjects: readonly Subject[],
  callers: number,
): Promise<Row[]> {
  for (const { append } of [{ append: baseline }, ...subjects]) await run(append, callers, WARM_UP);
  const base: Run[] = [];
  const runs = subjects.map((): Run[] => []);
  for (let round = 0; round < RUNS; round += 1) {
    base.push(await run(baseline, callers, RECORDS_A_RUN));
    for (const [i, { append }] of subjects.entries()) runs[i]?.push(await run(append, callers, RECORDS_A_RUN));
  }
  const plain = medianRun(base);
  return subjects.flatMap(({ name, leastRatio }, i): Row[] => {
    const own = medianRun(runs[i] ?? []);
    const ratio = own.perSecond / plain.perSecond;
    return [
      {
        measure: `${measure}, ${name}`,
        value: Math.round(own.perSecond),
        unit: 'records/s',
        baseline: `block-row insert of equal bytes: ${Math.round(plain.perSecond)}`,
        ratio,
        ...(leastRatio === undefined ? {} : { target: atLeast(leastRatio, ratio, 'ratio') }),
      },
      {
        measure: `${measure}, ${name}: wait`,
        value: own.p50,
        unit: 'ms',
        p99: own.p99,
        baseline: `block-row insert of equal bytes: ${rounded(plain.p50)}, p99 ${rounded(plain.p99)}`,
        ratio: own.p50 / plain.p50,
      },
    ];
  });
}

function medianRun(runs: readonly Run[]): Run {
  const of = (field: keyof Run): number => median(runs.map((each) => each[field]));
  return { perSecond: of('perSecond'), p50: of('p50'), p99: of('p99') };
}

/** Closed loop: each caller makes its next call when the result of the last is durable. */
async function run(append: Append, callers: number, records: number): Promise<Run> {
  const calls = records / 2;
  const waits = new Float64Array(calls);
  const started = performance.now();
  const caller = async (first: number): Promise<void> => {
    for (let i = first; i < calls; i += callers) {
      const asked = performance.now();
      const settle = await append(i);
      waits[i] = performance.now() - asked;
      await settle();
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, first) => caller(first)));
  const seconds = (performance.now() - started) / 1000;
  waits.sort();
  return { perSecond: records / seconds, p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) };
}

/** Groups what arrives while an insert is under way, as the writer does, and does nothing else. */
function plainBlocks(url: string): { append: Append; close(): Promise<void> } {
  const pool = connectionOf({ connectionString: url, timeoutMs: TIMEOUT_MS });
  const calls = Array.from({ length: 2_000 }, (_, i) => Buffer.from(`${callOf(i)}\n`));
  const results = Array.from({ length: 2_000 }, (_, i) => Buffer.from(`${resultOf(i)}\n`));
  let waiting: { readonly record: Buffer; readonly done: () => void }[] = [];
  let inFlight = 0;
  let isScheduled = false;
  const client = pool.connect();
  const send = async (): Promise<void> => {
    const size = inFlight === 0 && waiting.length > MIN_TO_SPLIT ? Math.ceil(waiting.length / 2) : waiting.length;
    const batch = waiting.slice(0, size);
    waiting = waiting.slice(size);
    inFlight += 1;
    const link = Buffer.alloc(32);
    await (await client).query({
      name: 'bench-block',
      text: 'INSERT INTO bench_blocks (count, records, entry_hashes, prev_head, head) VALUES ($1, $2, $3, $4, $5)',
      values: [size, Buffer.concat(batch.map(({ record }) => record)), Buffer.alloc(32 * size), link, link],
    });
    inFlight -= 1;
    for (const { done } of batch) done();
    schedule();
  };
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      while (waiting.length > 0 && inFlight < MAX_IN_FLIGHT) void send();
    });
  };
  const add = (record = Buffer.alloc(0)): Promise<void> =>
    new Promise((done) => {
      waiting.push({ record, done });
      schedule();
    });
  return {
    append: async (i) => {
      await add(calls[i % calls.length]);
      return () => add(results[i % results.length]);
    },
    close: async () => {
      (await client).release();
      await pool.end();
    },
  };
}

const RESULT: Outcome = { result: 'success', upstreamCode: 200, upstreamMs: 12.5, bytesIn: 190 };

export async function record(
  log: Pick<ActionLog, 'recordIntent' | 'recordOutcome'>,
  of: Intent,
): Promise<() => Promise<void>> {
  const recorded = await log.recordIntent(of);
  if (recorded.kind !== 'recorded') throw new Error('the intent is stale');
  const { principal, action } = of;
  return () => log.recordOutcome({ principal, action, eventId: recorded.eventId }, RESULT);
}

function callOf(i: number): string {
  const call = intent(i, false);
  const { demands: _, charges: __, ...decision } = call.evaluation;
  return placeRecord(callRecord(call, decision, newEventId(Date.now()), Date.now()), 'shd_5Kd0pNa81kQz', i + 1, i + 1);
}

function resultOf(i: number): string {
  const { principal, action } = intent(i, false);
  const facts = factsOf(principal, action, newEventId(Date.now()));
  const text = resultRecord(facts, RESULT, principal, newEventId(Date.now()), Date.now());
  return placeRecord(text, 'shd_5Kd0pNa81kQz', i + 1);
}

const agentId = (caller: number): AgentId => `agt_${String(caller).padStart(12, '0')}` as AgentId;
const DIGESTS = Array.from({ length: 1_000 }, (_, i) => createHash('sha256').update(String(i)).digest('hex'));

export function intent(caller: number, hasBudget: boolean): Intent {
  const id = agentId(caller);
  const key = `agent/${id}/usd/payments.pay`;
  const evaluation: Evaluation = {
    verdict: 'allow',
    reasonClass: 'granted',
    reason: 'granted by Billing',
    role: 'Billing',
    roleRevision: 7,
    trace: [],
    demands: hasBudget
      ? [
          {
            key,
            guardId: 'daily-cap',
            origin: 'Billing',
            sentence: 'payments.pay: at most $500,000.00 in any 24 hours per agent.',
            kind: 'sum',
            unit: 'usd',
            windowSeconds: 86_400,
            limit: Number.MAX_SAFE_INTEGER,
            amount: 4_000,
            effect: 'allow',
            otherwise: 'deny',
          },
        ]
      : [],
    charges: hasBudget ? [{ key, amount: 4_000, keepSeconds: 86_400 }] : [],
    impact: hasBudget ? { usd: 4_000 } : {},
    policyHash: `sha256:${DIGESTS[0]}`,
    policyRevision: 1,
  };
  return {
    principal: {
      workspaceId: WORKSPACE,
      workspace: 'acme',
      environment: 'prod',
      agentId: id,
      agent: `billing-bot-${caller}`,
      ownerId: 'per_dana' as PersonId,
      owner: 'dana@acme.example',
      roles: ['Billing'],
      tokenId: 'tok_5Kd0pNa81kQz' as TokenId,
      tokenExpiresAtMs: Date.now() + 3_600_000,
      agentRevision: 1,
      authzEpoch: 1,
    },
    action: {
      entrance: 'mcp',
      capability: 'payments.pay',
      tool: 'payments_pay',
      known: true,
      namespace: 'payments',
      upstreamTool: 'createPayment',
      access: 'write',
      destructive: false,
      arguments: { amount: 40, to: 'vendor@acme.example' },
      argumentsJson: '{"amount":40,"to":"vendor@acme.example"}',
      receivedAtMs: Date.now(),
    },
    evaluation,
    redactedArguments: { amount: 40, to: 'vendor@acme.example' },
    argumentsDigest: `hmac-sha256:${DIGESTS[Math.floor(Math.random() * DIGESTS.length)]}`,
  };
}

/** A workspace with an agent for each caller, and a table for the baseline. */
export async function fill(ownerUrl: string): Promise<void> {
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  await owner.query(`
    CREATE TABLE bench_blocks (
      block bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      count integer NOT NULL, records bytea NOT NULL, entry_hashes bytea NOT NULL, prev_head bytea NOT NULL, head bytea NOT NULL);
    GRANT SELECT, INSERT ON bench_blocks TO PUBLIC`);
  await owner.query("INSERT INTO workspaces (id, name) VALUES ($1, 'acme')", [WORKSPACE]);
  await owner.query('INSERT INTO workspace_state (workspace_id) VALUES ($1)', [WORKSPACE]);
  await owner.query("INSERT INTO people (workspace_id, id, email) VALUES ($1, 'per_dana', 'dana@acme.example')", [
    WORKSPACE,
  ]);
  for (let caller = 0; caller < Math.max(...CALLERS); caller += 1) {
    await owner.query(
      `INSERT INTO agents (workspace_id, id, handle, owner_id, created_by) VALUES ($1, $2, $3, 'per_dana', 'bench')`,
      [WORKSPACE, agentId(caller), `billing-bot-${caller}`],
    );
    await owner.query('INSERT INTO agent_state (workspace_id, agent_id) VALUES ($1, $2)', [WORKSPACE, agentId(caller)]);
  }
  await owner.end();
}
