import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '../../packages/server/src/database/index.ts';
import { eventually, type TestAgent } from '../../packages/server/test/actions/workspace.ts';
import { act, type Fate, type Load, prepare, startLoad } from './load.ts';
import { allowed, expectIntents, verifiedCalls } from './log-check.ts';
import { freePort, killAll, type ServerProcess, startProcess } from './process.ts';
import { startUpstream, type Upstream } from './upstream.ts';

/** Codes of calls that could not be decided and recorded. */
const REFUSALS = new Set(['log_unavailable', 'policy_unavailable', 'overloaded']);

let upstream: Upstream;
let postgres: Awaited<ReturnType<typeof startEmbeddedPostgres>>;
let postgresPort: string;
let ownerUrl: string;
let server: ServerProcess;
let agent: TestAgent;
const folder = mkdtempSync(join(tmpdir(), 'hivekey-faults-'));
const databaseFolder = join(folder, 'database');

beforeAll(async () => {
  upstream = await startUpstream();
  postgresPort = String(await freePort());
  postgres = await startEmbeddedPostgres(databaseFolder, { port: postgresPort });
  // At a port that stays: the server is told of it once.
  ownerUrl = Object.assign(new URL(postgres.url), { port: postgresPort }).href;
  server = await startProcess(join(folder, 'data'), await freePort(), { HIVEKEY_DATABASE_URL: ownerUrl });
  ({ agent1: agent } = await prepare(server, upstream));
});
afterAll(async () => {
  await server.kill('SIGTERM');
  killAll();
  await postgres.stop();
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

const ready = async (): Promise<number> => (await fetch(`${server.url}/readyz`)).status;

/** Everything the load was told fits what the upstream saw and what the log says now. */
async function expectConsistent(load: Load): Promise<void> {
  const calls = await eventually(async () => {
    const found = await verifiedCalls(server);
    // Outcomes that could not be written meanwhile are written now.
    return allowed(found).every(({ results }) => results.length > 0) ? found : undefined;
  });
  expectIntents(upstream, calls);
  const arrived = new Set(upstream.tally.map(({ id }) => id));
  for (const [id, fate] of load.fates) {
    if (fate.kind === 'done') expect(calls.get(id)).toMatchObject([{ verdict: 'allow', results: ['success'] }]);
    if (fate.kind !== 'refused') continue;
    expect(fate).toMatchObject({ status: 503 });
    expect([...REFUSALS]).toContain(fate.code);
    expect([id, arrived.has(id)]).toEqual([id, false]);
  }
}

it('refuses while the database is dead, and recovers by itself', { timeout: 120_000 }, async () => {
  const load = startLoad(server.port, agent.token, 'outage', 12);
  await load.more('done', 50);
  expect(await ready()).toBe(200);

  // Immediate shutdown: as a crash, nothing is finished.
  process.kill(
    Number(readFileSync(join(databaseFolder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]),
    'SIGQUIT',
  );
  await load.more('refused', 30);
  expect(await ready()).toBe(503);

  const before = load.count('done');
  postgres = await startEmbeddedPostgres(databaseFolder, { port: postgresPort });
  await load.more('done', before + 50);
  await load.stop();
  expect(await ready()).toBe(200);
  await expectConsistent(load);
});

it('refuses while the disk is full, and needs no repair when there is room again', { timeout: 120_000 }, async () => {
  const load = startLoad(server.port, agent.token, 'full', 12);
  const ids = Array.from({ length: 20 }, (_, n) => `full-held-${n}`);
  const held = Promise.all(ids.map((id) => act(server.port, agent.token, id, true)));
  await eventually(async () => (ids.every((id) => upstream.tally.some((each) => each.id === id)) ? true : undefined));
  await load.more('done', 50);

  // What PostgreSQL says when a file cannot grow (SQLSTATE 53100), from where the log grows.
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  await owner.query(`
    CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER no_space BEFORE INSERT ON log_blocks FOR EACH ROW EXECUTE FUNCTION no_space()`);
  await load.more('refused', 30);

  // These were recorded before, and their upstream answers now: the answers are not held back.
  upstream.release();
  expect(await held).toEqual(ids.map((): Fate => ({ kind: 'done' })));
  // Their results wait for room, and nobody waits behind them.
  const refused = load.count('refused');
  await load.more('refused', refused + 30);

  const before = load.count('done');
  await owner.query('DROP TRIGGER no_space ON log_blocks');
  await load.more('done', before + 50);
  await owner.end();
  await load.stop();
  await expectConsistent(load);
  const calls = await verifiedCalls(server);
  for (const id of ids) expect(calls.get(id)).toMatchObject([{ verdict: 'allow', results: ['success'] }]);
});
