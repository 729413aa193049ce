/** The daily run: made once, whoever looks. */
// Loads the folders in their order.
import '../../src/server.ts';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningLog } from '../../src/log/index.ts';
import { runDue, type WatchContext } from '../../src/readiness/watch.ts';
import { createFixture, type Fixture } from '../log/fixture.ts';

let fixture: Fixture;
let log: RunningLog;

beforeAll(async () => {
  fixture = await createFixture();
  log = await fixture.open();
});
afterAll(() => fixture.close());

function context(nowMs: number): WatchContext {
  const { pool } = fixture.database;
  return { pool, log, version: '0.1.0', logger: pino({ level: 'silent' }), clock: () => nowMs };
}

async function runs(): Promise<readonly { kind: string; days: number }[]> {
  const { rows } = await fixture.database.pool.query(
    `SELECT kind, (extract(epoch FROM period_to - period_from) / 86400)::int AS days FROM readiness_runs ORDER BY period_to`,
  );
  return rows;
}

test('a workspace of today has none', async () => {
  await runDue(context(Date.now()));
  expect(await runs()).toEqual([]);
});

test('of two nodes that look at once one makes it, and once', async () => {
  const tomorrow = context(Date.now() + 86_400_000);
  await Promise.all([runDue(tomorrow), runDue(tomorrow)]);
  await runDue(tomorrow);
  expect(await runs()).toEqual([{ kind: 'daily', days: 90 }]);
});
