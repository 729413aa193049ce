/** Four writers, a process and a shard each, on one database and one workspace, beside one of them alone. */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import pg from 'pg';
import { openDatabase } from '../../packages/server/src/database/index.ts';
import { fill } from '../append.ts';
import type { Ground } from '../company.ts';
import { median } from '../load.ts';
import { type Subject, startSubject } from '../process.ts';
import type { Row } from '../rows.ts';
import type { Effort } from '../run.ts';

const WRITERS = 4;
const CALLERS = 64;
const CALLS = 8_192;
const WRITER = new URL('../subjects/writer.ts', import.meta.url);
const LOOK_EVERY_MS = 10;

export async function benchWriters(ground: Ground, { runs, scale }: Effort): Promise<Row[]> {
  const ownerUrl = new URL(`/bench_${randomBytes(6).toString('hex')}`, ground.cluster).href;
  const database = await openDatabase({ ownerUrl, roleKey: randomBytes(32) });
  await fill(ownerUrl);
  const writers: Subject[] = [];
  for (let n = 0; n < WRITERS; n += 1)
    writers.push(await startSubject(WRITER, [database.url, `node-${n}`, String(n * CALLERS)]));
  const waits = await watchWaits(ownerUrl);
  try {
    const calls = CALLS * scale;
    await together(writers, calls);
    const one: number[] = [];
    const all: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      one.push(await together(writers.slice(0, 1), calls));
      waits.isCounting = true;
      all.push(await together(writers, calls));
      waits.isCounting = false;
    }
    const ratio = median(all) / median(one);
    const cores = availableParallelism();
    const target = { text: 'ratio ≥ 2.5 where cores allow', met: ratio >= 2.5 };
    return [
      {
        measure: `durable records, ${WRITERS} writers of ${CALLERS} callers, ${cores} cores`,
        value: Math.round(median(all)),
        unit: 'records/s',
        baseline: `one writer: ${Math.round(median(one))}`,
        ratio,
        // Writers, database and measure share the cores: with fewer than the writers alone want, the ratio says nothing of locks.
        ...(cores > WRITERS ? { target } : {}),
      },
      {
        measure: 'writers’ sessions at work that wait for a lock',
        value: (waits.forLock / Math.max(1, waits.seen)) * 100,
        unit: '%',
        baseline: `waiting for the disk: ${((waits.forDisk / Math.max(1, waits.seen)) * 100).toFixed(1)} %`,
      },
    ];
  } finally {
    await waits.stop();
    await Promise.all(writers.map((writer) => writer.stop()));
    await database.close();
  }
}

/** Records a second of all of them, until the last is done. A call is two records. */
async function together(writers: readonly Subject[], calls: number): Promise<number> {
  const seconds = await Promise.all(writers.map(async (writer) => Number(await writer.ask(`run ${calls} ${CALLERS}`))));
  return (2 * calls * writers.length) / Math.max(...seconds);
}

interface Waits {
  isCounting: boolean;
  seen: number;
  forLock: number;
  forDisk: number;
  stop(): Promise<void>;
}

/** Looks at what the writers' sessions wait for, again and again. */
async function watchWaits(ownerUrl: string): Promise<Waits> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    const { rows } = await client.query<{ type: string | null }>(
      `SELECT wait_event_type AS type FROM pg_stat_activity
        WHERE application_name = 'hivekey-log' AND state = 'active' AND datname = current_database()`,
    );
    for (const { type } of rows) {
      waits.seen += 1;
      if (type === 'Lock') waits.forLock += 1;
      if (type === 'IO' || type === 'LWLock') waits.forDisk += 1;
    }
  };
  const timer = setInterval(() => {
    if (!waits.isCounting || looking !== undefined) return;
    looking = look().finally(() => {
      looking = undefined;
    });
  }, LOOK_EVERY_MS);
  const waits: Waits = {
    isCounting: false,
    seen: 0,
    forLock: 0,
    forDisk: 0,
    stop: async () => {
      clearInterval(timer);
      await looking;
      await client.end();
    },
  };
  return waits;
}
