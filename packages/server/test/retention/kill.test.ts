/** A node that is killed over a disposal leaves a log that verifies, and what it left is done by the next. */
// Loads the folders in their order.
import '../../src/server.ts';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseVerifierKey, verifyExport } from '@hivekey/action-log';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningLog } from '../../src/log/index.ts';
import { dispose } from '../../src/retention/dispose.ts';
import { createFixture, type Fixture, until } from '../log/fixture.ts';

const DISPOSER = fileURLToPath(new URL('./disposer.ts', import.meta.url));
/** More than one transaction takes. */
const BLOCKS = 200;

let fixture: Fixture;
let log: RunningLog;
beforeAll(async () => {
  fixture = await createFixture();
  log = await fixture.open();
  const { workspaceId, database } = fixture;
  for (let n = 0; n < BLOCKS; n += 1)
    await log.record(workspaceId, { kind: 'system.started', actor: 'system', node: `n${n}` });
  await log.catchUp(workspaceId);
  await database.pool.query(`INSERT INTO retention_settings (workspace_id, periods, author) VALUES ($1, $2, 'dana')`, [
    workspaceId,
    JSON.stringify({
      calls: null,
      results: null,
      approvals: null,
      policy: null,
      security: null,
      administrative: null,
      reads: null,
      system: 40,
    }),
  ]);
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  await owner.query("SET session_replication_role = 'replica'");
  await owner.query(`UPDATE log_seals SET sealed_at = sealed_at - interval '50 days'`);
  await owner.end();
});
afterAll(() => fixture.close());

/** Payloads that are absent, in a log that verifies. */
async function absent(): Promise<number> {
  const { files } = await log.export(fixture.workspaceId);
  const all = new Map<string, Buffer>();
  for (const { path, chunks } of files) {
    const parts: Buffer[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    all.set(path, Buffer.concat(parts));
  }
  const report = await verifyExport(
    {
      size: async (path) => all.get(path)?.length,
      read: async function* (path, start, end) {
        yield all.get(path)?.subarray(start, end) ?? Buffer.alloc(0);
      },
    },
    { trustedKey: parseVerifierKey(log.verifierKey(fixture.workspaceId)) },
  );
  expect(report.findings).toEqual([]);
  expect(report.isVerified).toBe(true);
  expect(await log.compareProjection(fixture.workspaceId)).toEqual([]);
  return report.entries?.absent ?? 0;
}

function start(): ChildProcess {
  const key = fixture.key.export({ format: 'der', type: 'pkcs8' }).toString('base64');
  return spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', DISPOSER, fixture.database.url, fixture.workspaceId, key],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
}

/** The child is stopped here by a lock: what comes before has gone. */
const STALL = `SELECT FROM log_blocks WHERE block = ${BLOCKS - 20} FOR UPDATE`;

it('is killed when a part is gone, and all of it goes in the end', async () => {
  const { pool } = fixture.database;
  const count = async (query: string) => Number((await pool.query<{ n: number }>(query)).rows[0]?.n ?? 0);
  const owner = new pg.Client({ connectionString: fixture.database.ownerUrl });
  await owner.connect();
  await owner.query('BEGIN');
  await owner.query(STALL);
  const child = start();
  const closed = once(child, 'close');
  await until(async () => (await count('SELECT coalesce(max(removed_through), 0) AS n FROM log_absences')) > 0);
  child.kill('SIGKILL');
  expect(await closed).toEqual([null, 'SIGKILL']);
  await owner.query('ROLLBACK');
  await owner.end();
  const left = await absent();
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(BLOCKS);
  const context = { pool, log, nodeId: 'node', clock: Date.now };
  // The lock of a session that died goes when the database notices.
  const id = await until(async () => (await dispose(context, fixture.workspaceId, 'system')) ?? undefined);
  expect(await absent()).toBe(BLOCKS);
  const { rows } = await pool.query('SELECT certificate IS NOT NULL AS certified FROM disposals WHERE id = $1', [id]);
  expect(rows).toEqual([{ certified: true }]);
  expect(await count('SELECT count(*) AS n FROM retention_work WHERE done_at IS NULL')).toBe(0);
}, 60_000);
