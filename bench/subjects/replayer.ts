/** Replays the log of a database in the thread of a preview, or only reads it, and says what that took. */
import { Worker } from 'node:worker_threads';
import pg from 'pg';
import { recordLines } from '../../packages/server/src/log/index.ts';
import type { ReplayAnswer, ReplayTask } from '../../packages/server/src/previews/replay-task.ts';
import { WORKSPACE } from '../append.ts';
import { policyWith } from '../records.ts';

const THREAD = new URL('../../packages/server/src/previews/replay-thread.ts', import.meta.url);
const LOOK_EVERY_MS = 20;

interface Question {
  readonly what: 'replay' | 'read';
  readonly url: string;
  readonly count: number;
}

process.on('message', (message) => {
  const question: Question = JSON.parse(String(message));
  void measured(question).then((answer) => process.send?.(JSON.stringify(answer)));
});
process.once('SIGTERM', () => process.exit(0));
process.stdout.write('port 0\n');

async function measured({ what, url, count }: Question) {
  const idleBytes = process.memoryUsage.rss();
  let peakBytes = idleBytes;
  const look = setInterval(() => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  }, LOOK_EVERY_MS);
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const counts = what === 'replay' ? await replayed(url, count) : await read(url, count);
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  clearInterval(look);
  return { seconds, cpuSeconds: (user + system) / 1e6, idleBytes, peakBytes, ...counts };
}

function replayed(connectionString: string, last: number) {
  const task: ReplayTask = {
    connectionString,
    workspaceId: WORKSPACE,
    before: policyWith('$2000'),
    after: policyWith('$1000'),
    roles: [],
    first: 1,
    counted: 1,
    last,
    sinceMs: 0,
    limitMs: 3_600_000,
    listed: 100,
    touched: [],
  };
  return new Promise<{ calls: number; changed: number; unreplayable: number }>((resolve, reject) => {
    const worker = new Worker(THREAD, { workerData: task });
    worker.once('error', reject);
    worker.once('message', ({ result, readTo }: ReplayAnswer) => {
      const { calls, changed, unreplayable } = result;
      if (readTo === last) resolve({ calls, changed, unreplayable });
      else reject(new Error(`read to ${readTo} of ${last}`));
    });
  });
}

async function read(connectionString: string, last: number) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  let calls = 0;
  for await (const lines of recordLines(client, WORKSPACE, 1, last))
    for (const { record } of lines) if (JSON.parse(record.toString('utf8')).kind === 'tool.call') calls += 1;
  await client.end();
  return { calls, changed: 0, unreplayable: 0 };
}
