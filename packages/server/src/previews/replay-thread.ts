/** Replays the log under two policies, in a thread of its own and after everything else: nobody on the path waits for it. */

import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { parseJson } from '@hivekey/action-log';
import { covers, ReplayComparison } from '@hivekey/policy';
import pg from 'pg';
import { recordLines } from '../log/index.ts';
import type { ReplayAnswer, ReplayTask } from './replay-task.ts';

const task: ReplayTask = workerData;
const NICE = 10;
/** On Linux the priority is that of the calling thread alone; elsewhere it would be that of the whole server. */
if (process.platform === 'linux') setPriority(NICE);
parentPort?.postMessage(await replay(task));

async function replay(asked: ReplayTask): Promise<ReplayAnswer> {
  const { connectionString, workspaceId, first, last, sinceMs, limitMs } = asked;
  const endsAt = performance.now() + limitMs;
  const comparison = new ReplayComparison({
    before: asked.before,
    after: asked.after,
    roles: new Map(asked.roles),
    isFromStart: first === 1,
    sinceMs,
    limit: asked.listed,
  });
  const touched = asked.touched.map(() => 0);
  let readTo = first - 1;
  const client = new pg.Client({ connectionString, application_name: 'hivekey replay' });
  await client.connect();
  try {
    for await (const lines of recordLines(client, workspaceId, first, last)) {
      for (const { seq, record } of lines) {
        if (performance.now() > endsAt) return { result: comparison.result(), readTo, touched };
        const parsed = parseJson(record.toString('utf8'));
        comparison.add(parsed, seq);
        readTo = seq;
        if (asked.touched.length === 0 || parsed.kind !== 'tool.call' || Date.parse(parsed.ts) < sinceMs) continue;
        for (const [i, { pattern }] of asked.touched.entries())
          if (covers(pattern, parsed.action)) touched[i] = (touched[i] ?? 0) + 1;
      }
    }
  } finally {
    await client.end();
  }
  return { result: comparison.result(), readTo, touched };
}
