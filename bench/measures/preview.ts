/** The log of a company replayed for the preview of a change, from the blocks of its database. */
import { randomBytes } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import pg from 'pg';
import { openDatabase } from '../../packages/server/src/database/index.ts';
import { buildBlock } from '../../packages/server/src/log/block.ts';
import { WORKSPACE } from '../append.ts';
import type { Ground } from '../company.ts';
import { SHARD } from '../export.ts';
import { median } from '../load.ts';
import { startSubject } from '../process.ts';
import { policyWith, recordsUnder } from '../records.ts';
import { atMost, type Row, rounded } from '../rows.ts';
import type { Effort } from '../run.ts';

const ENTRIES = 1_000_000;
const DAYS = 29;
/** A million entries are a mean already. */
const RUNS = 1;
/** Records of one commit. */
const A_BLOCK = 256;
const REPLAYER = new URL('../subjects/replayer.ts', import.meta.url);

interface Answer {
  readonly seconds: number;
  /** User and system. */
  readonly cpuSeconds: number;
  readonly idleBytes: number;
  readonly peakBytes: number;
  readonly calls: number;
  readonly changed: number;
  readonly unreplayable: number;
}

export async function benchPreview(ground: Ground, { scale }: Effort): Promise<Row[]> {
  const count = Math.round(ENTRIES * scale);
  const ownerUrl = new URL(`/bench_${randomBytes(6).toString('hex')}`, ground.cluster).href;
  const database = await openDatabase({ ownerUrl, roleKey: randomBytes(32) });
  await writeLog(ownerUrl, count);
  const runs: { readonly [what in 'replay' | 'read']: Answer[] } = { replay: [], read: [] };
  for (let run = 0; run < RUNS; run += 1)
    for (const what of ['read', 'replay'] as const) {
      const subject = await startSubject(REPLAYER);
      runs[what].push(JSON.parse(await subject.ask(JSON.stringify({ what, url: database.url, count }))));
      await subject.stop();
    }
  await database.close();
  const of = (answers: readonly Answer[], value: (answer: Answer) => number) => median(answers.map(value));
  const [seconds, read] = [of(runs.replay, (each) => each.seconds), of(runs.read, (each) => each.seconds)];
  const grown = of(runs.replay, ({ peakBytes, idleBytes }) => peakBytes - idleBytes) / 1e6;
  const [{ calls = 0, changed = 0, unreplayable = 0 } = {}] = runs.replay;
  return [
    {
      measure: `replay of ${count} entries under two policies`,
      value: seconds,
      unit: 's',
      baseline: `reading and parsing them alone: ${read.toFixed(1)} s`,
      ratio: seconds / read,
    },
    {
      measure: 'CPU of it, which gives way to everything else',
      value: of(runs.replay, ({ cpuSeconds }) => cpuSeconds),
      unit: 's',
      baseline: `reading and parsing them alone: ${rounded(of(runs.read, ({ cpuSeconds }) => cpuSeconds))} s`,
    },
    { measure: 'entries replayed', value: Math.round(count / seconds), unit: 'entries/s' },
    {
      measure: 'memory at its peak, over that of the idle process',
      value: Math.round(grown),
      unit: 'MB',
      baseline: `reading and parsing them alone: ${Math.round(of(runs.read, ({ peakBytes, idleBytes }) => peakBytes - idleBytes) / 1e6)} MB`,
      target: atMost(512, Math.round(grown), 'MB'),
    },
    { measure: `calls that half the cap changes, of ${calls}`, value: changed, unit: 'calls' },
    { measure: 'calls at the edge of a window, which no replay can tell', value: unreplayable, unit: 'calls' },
  ];
}

/** Blocks and their seals, as the writer and the sealer leave them. */
async function writeLog(ownerUrl: string, count: number): Promise<void> {
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  await owner.query("INSERT INTO workspaces (id, name) VALUES ($1, 'acme')", [WORKSPACE]);
  const stepMs = Math.floor((DAYS * 86_400_000) / count);
  const recordOf = recordsUnder(policyWith('$2000'), { startMs: Date.UTC(2026, 5, 1), stepMs });
  let head: Uint8Array = Buffer.alloc(32);
  for (let first = 1, number = 1; first <= count; first += A_BLOCK, number += 1) {
    const size = Math.min(A_BLOCK, count - first + 1);
    const records = Array.from({ length: size }, (_, i) => canonicalJson(recordOf(first + i)));
    const block = buildBlock(head, records);
    head = block.head;
    await owner.query({
      name: 'bench-log',
      text: `WITH stored AS (
               INSERT INTO log_blocks (workspace_id, shard_id, block, first_seq, count, records, entry_hashes, prev_head, head)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING block)
             INSERT INTO log_seals (workspace_id, shard_id, block, first_global_seq, count)
             SELECT $1, $2, block, $4, $5 FROM stored`,
      values: [WORKSPACE, SHARD, number, first, size, block.records, block.entryHashes, block.previousHead, block.head],
    });
  }
  await owner.query('ANALYZE log_seals, log_blocks');
  await owner.end();
}
