import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/setup/database.ts';
import type { RunningLog } from '../../src/log/index.ts';
import type { Principal } from '../../src/path/types.ts';
import { audit } from './audit.ts';
import { type BreakableLink, breakableLink } from './breakable-link.ts';
import { createFixture, type Fixture, intent, permitOf, record, spending, until } from './fixture.ts';

const UNAVAILABLE = { code: 'log_unavailable' };

let database: TestDatabase;
let owner: pg.Client;
let fixture: Fixture;
let link: BreakableLink;
let log: RunningLog;
let agent: Principal;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await database.close();
});
beforeEach(async () => {
  fixture = await createFixture(database);
  link = await breakableLink(fixture.database.url);
  log = await fixture.open({ nodeId: 'one', connectionString: link.url });
  agent = await fixture.addAgent('billing-bot');
});
afterEach(async () => {
  link.up();
  await fixture.close();
  await link.close();
});

async function soundRecords() {
  const { records, problems } = await audit(fixture.database.pool, fixture.workspaceId);
  expect(problems).toEqual([]);
  return records;
}

const calls = async () => (await soundRecords()).filter(({ kind }) => kind === 'tool.call');
const results = async () => (await soundRecords()).filter(({ kind }) => kind === 'tool.result');
const recordsAgain = () => until(() => log.recordIntent(intent(agent)).catch(() => undefined));

async function blocks(): Promise<number> {
  return (
    await database.pool.query('SELECT count(*) AS n FROM log_blocks WHERE workspace_id = $1', [fixture.workspaceId])
  ).rows[0]?.n;
}

/** The writer's backend waits for a lock. */
async function isWaiting(): Promise<boolean> {
  const { rowCount } = await owner.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hivekey-log' AND wait_event_type = 'Lock'`,
  );
  return rowCount === 1;
}

test('what arrives while a commit is under way shares the next one', async () => {
  await record(log, intent(agent));
  const before = await blocks();
  await Promise.all(Array.from({ length: 1000 }, () => record(log, intent(agent))));
  expect((await blocks()) - before).toBeLessThan(100);
  expect(await calls()).toHaveLength(1001);
});

describe('a reply that is lost', () => {
  test.each([
    ['of a call', () => intent(agent)],
    ['of a call with a window', () => intent(agent, { evaluation: spending('agent/x/usd', 1, 1000, 3600) })],
  ])('%s: what was committed is told as recorded, once', async (_what, call) => {
    for (let i = 0; i < 3; i += 1) await record(log, call());
    const before = await blocks();
    link.loseReplies();
    const waiting = Promise.all(Array.from({ length: 40 }, () => record(log, call())));
    await until(async () => (await blocks()) > before);
    link.cut();
    const told = await waiting;
    const recorded = (await calls()).map(({ event_id }) => event_id);
    expect(recorded).toHaveLength(43);
    expect(recorded).toEqual(expect.arrayContaining(told.map(({ eventId }) => eventId)));
    await record(log, call());
    await soundRecords();
  });

  test('of a change: it is told as made', async () => {
    await record(log, intent(agent));
    const before = await blocks();
    const changing = log.transact(fixture.workspaceId, async ({ client, log: note }) => {
      await client.query(`UPDATE agents SET description = 'changed'`);
      link.loseReplies();
      note({ kind: 'agent.changed' });
      return 'made';
    });
    await until(async () => (await blocks()) > before);
    link.cut();
    expect(await changing).toBe('made');
    expect((await soundRecords()).filter(({ kind }) => kind === 'agent.changed')).toHaveLength(1);
  });

  test('and a database that stays away: the caller is refused, and the call that stands on the log is called off', async () => {
    const [first] = await Promise.all([record(log, intent(agent)), record(log, intent(agent))]);
    await log.recordOutcome(permitOf(intent(agent), first), { result: 'success' });
    await log.close();
    log = await fixture.open({ nodeId: 'one', connectionString: link.url, limits: { timeoutMs: 300 } });
    const spend = intent(agent, { evaluation: spending('agent/x/usd', 7, 10, 3600) });
    await record(log, spend).then((made) => log.recordOutcome(permitOf(spend, made), { result: 'not_attempted' }));
    // Now the counter is known, so that the next one needs no look at the database.
    await record(log, intent(agent, { evaluation: spending('agent/x/usd', 0, 10, 3600) }));
    const before = await blocks();
    link.loseReplies();
    const refused = expect(log.recordIntent(spend)).rejects.toMatchObject(UNAVAILABLE);
    await until(async () => (await blocks()) > before);
    link.down();
    await refused;
    link.up();
    const off = await until(async () =>
      (await results()).find(
        ({ outcome, error_code }) => outcome === 'not_attempted' && error_code === 'log_unavailable',
      ),
    );
    expect((await calls()).map(({ event_id }) => event_id)).toContain(off.call_event_id);
    // What it had reserved is free again.
    const again = intent(agent, { evaluation: spending('agent/x/usd', 10, 10, 3600) });
    expect((await record(log, again)).decision.verdict).toBe('allow');
  });
});

describe('a session that ends before the commit', () => {
  test('records nothing of the call, and the caller is refused', async () => {
    await record(log, intent(agent));
    await owner.query('BEGIN; SELECT FROM agent_state FOR UPDATE');
    const refused = expect(log.recordIntent(intent(agent))).rejects.toMatchObject(UNAVAILABLE);
    await until(isWaiting);
    link.cut();
    await owner.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = current_database() AND application_name = 'hivekey-log'`);
    await owner.query('ROLLBACK');
    await refused;
    expect(await calls()).toHaveLength(1);
    await recordsAgain();
    expect(await calls()).toHaveLength(2);
  });

  test('and one that the server has not given up yet cannot commit any more once a new one is there', async () => {
    await record(log, intent(agent));
    await owner.query('BEGIN; SELECT FROM agent_state FOR UPDATE');
    const waiting = log.recordIntent(intent(agent)).then(
      () => 'recorded',
      () => 'refused',
    );
    await until(isWaiting);
    // The old backend goes on waiting for its lock, and does not notice.
    link.cut();
    await owner.query('ROLLBACK');
    const told = await waiting;
    expect(await calls()).toHaveLength(told === 'recorded' ? 2 : 1);
  });
});

describe('a database that is away', () => {
  test('refuses calls at once and keeps nothing of them, and takes the results of earlier calls when it is back', async () => {
    const call = intent(agent);
    const allowed = await record(log, call);
    link.down();
    const during = await Promise.allSettled(Array.from({ length: 50 }, () => log.recordIntent(intent(agent))));
    expect(during.every(({ status }) => status === 'rejected')).toBe(true);
    const settled = log.recordOutcome(permitOf(call, allowed), { result: 'success' });
    const started = performance.now();
    await expect(log.recordIntent(intent(agent))).rejects.toMatchObject(UNAVAILABLE);
    expect(performance.now() - started).toBeLessThan(500);
    await expect(log.transact(fixture.workspaceId, async () => 1)).rejects.toMatchObject(UNAVAILABLE);
    await expect(log.record(fixture.workspaceId, { kind: 'log.read' })).rejects.toMatchObject(UNAVAILABLE);
    expect((await log.health()).writable).toBe(false);
    link.up();
    await settled;
    expect(await results()).toMatchObject([{ call_event_id: allowed.eventId, outcome: 'success' }]);
    expect(await calls()).toHaveLength(1);
    await recordsAgain();
    expect((await log.health()).writable).toBe(true);
  });

  test('breaking in the middle of a burst, again and again, loses and doubles nothing that was acknowledged', async () => {
    const told = new Set<string>();
    const agents = [agent, await fixture.addAgent('crm-sync'), await fixture.addAgent('ops-agent')];
    let stop = false;
    const callers = Array.from({ length: 24 }, async (_, i) => {
      const own = agents[i % agents.length] ?? agent;
      const key = `agent/${own.agentId}/usd`;
      for (let n = 0; !stop; n += 1) {
        const call = n % 2 === 0 ? intent(own) : intent(own, { evaluation: spending(key, 1, 1_000_000, 3600) });
        await record(log, call).then(
          ({ eventId }) => told.add(eventId),
          () => new Promise((resolve) => setImmediate(resolve)),
        );
      }
    });
    for (let round = 0; round < 12; round += 1) {
      const reached = told.size + 100;
      await until(async () => told.size >= reached);
      if (round % 3 === 0) link.loseReplies();
      if (round % 3 === 1) link.cut();
      if (round % 3 === 2)
        await owner.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                            WHERE datname = current_database() AND application_name = 'hivekey-log'`);
      if (round % 3 === 0) setTimeout(() => link.cut(), 20);
    }
    stop = true;
    await Promise.all(callers);
    const recorded = new Set((await calls()).map(({ event_id }) => String(event_id)));
    expect([...told].filter((id) => !recorded.has(id))).toEqual([]);
    // Intents whose callers were told otherwise are called off.
    const off = new Set((await results()).map(({ call_event_id }) => call_event_id));
    expect([...recorded].filter((id) => !told.has(id) && !off.has(id))).toEqual([]);
  });

  test('is not waited for when the log closes', async () => {
    const call = intent(agent);
    const allowed = await record(log, call);
    link.down();
    void log.recordOutcome(permitOf(call, allowed), { result: 'success' });
    await expect(log.recordIntent(intent(agent))).rejects.toMatchObject(UNAVAILABLE);
    const started = performance.now();
    await log.close();
    expect(performance.now() - started).toBeLessThan(3_000);
    await expect(log.recordIntent(intent(agent))).rejects.toMatchObject(UNAVAILABLE);
  });
});

describe('a database that refuses', () => {
  async function withFault(table: string, sqlstate: string, work: () => Promise<void>): Promise<void> {
    await owner.query(`
      CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '${sqlstate}'; END $$;
      CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION fail()`);
    await work();
    await owner.query(`DROP TRIGGER fail ON ${table}; DROP FUNCTION fail()`);
  }

  test.each(['log_blocks', 'agent_state', 'window_entries'])(
    'because its disk is full, at %s: calls are refused, and freeing space is all it needs',
    async (table) => {
      const spend = () => intent(agent, { evaluation: spending('agent/x/usd', 1, 2, 3600) });
      await record(log, spend());
      await withFault(table, '53100', async () => {
        for (let i = 0; i < 3; i += 1) await expect(log.recordIntent(spend())).rejects.toMatchObject(UNAVAILABLE);
      });
      expect(await calls()).toHaveLength(1);
      expect((await until(() => log.recordIntent(spend()).catch(() => undefined))).kind).toBe('recorded');
      expect((await record(log, spend())).decision.verdict).toBe('deny');
      expect(await calls()).toHaveLength(3);
    },
  );

  test('because a statement takes too long: the caller is refused in time, nothing is recorded, later calls are', async () => {
    await log.close();
    log = await fixture.open({ nodeId: 'one', connectionString: link.url, limits: { timeoutMs: 200 } });
    await record(log, intent(agent));
    await owner.query('BEGIN; SELECT FROM workspace_state FOR UPDATE');
    const started = performance.now();
    await expect(log.recordIntent(intent(agent))).rejects.toMatchObject(UNAVAILABLE);
    expect(performance.now() - started).toBeLessThan(2_000);
    await owner.query('ROLLBACK');
    await recordsAgain();
    expect(await calls()).toHaveLength(2);
  });
});

describe('a shard', () => {
  const shards = async () =>
    (await soundRecords()).map(({ shard }) => shard).filter((shard, i, all) => all.indexOf(shard) === i);

  test('that another writer took is not written to any more; the calls go to another one', async () => {
    await record(log, intent(agent));
    await owner.query(`UPDATE log_shards SET fence = fence + 1, holder = 'thief' WHERE workspace_id = $1`, [
      fixture.workspaceId,
    ]);
    await Promise.all(Array.from({ length: 20 }, () => record(log, intent(agent))));
    expect(await calls()).toHaveLength(21);
    expect(await shards()).toHaveLength(2);
  });

  test('has one writer when two nodes bear one name and each believes it is the one', async () => {
    await record(log, intent(agent));
    const twin = await fixture.open({ nodeId: 'one' });
    await Promise.all(Array.from({ length: 60 }, (_, i) => record(i % 2 === 0 ? log : twin, intent(agent))));
    // The first loses its session without noticing, the twin's next start takes the shard.
    await owner.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = current_database() AND application_name = 'hivekey-log'`);
    await Promise.allSettled(Array.from({ length: 60 }, (_, i) => record(i % 2 === 0 ? log : twin, intent(agent))));
    await recordsAgain();
    await soundRecords();
  });

  test('of a node that died with calls open is taken over at its next start: their fate is unknown, and said once', async () => {
    const call = intent(agent);
    const [settled, open] = [await record(log, call), await record(log, call)];
    await log.recordOutcome(permitOf(call, settled), { result: 'success' });
    const denied = await record(log, intent(agent, { evaluation: { ...call.evaluation, verdict: 'deny' } }));
    link.down();
    for (let start = 0; start < 2; start += 1) {
      const next = await fixture.open({ nodeId: 'one' });
      expect(await results()).toHaveLength(2);
      await next.close();
    }
    expect(await results()).toMatchObject([
      { call_event_id: settled.eventId, outcome: 'success' },
      { call_event_id: open.eventId, outcome: 'unknown', error_code: 'node_lost' },
    ]);
    expect((await results()).map(({ call_event_id }) => call_event_id)).not.toContain(denied.eventId);
  });

  test('of another node that died is taken over when it was silent for long enough', async () => {
    const { eventId } = await record(log, intent(agent));
    link.down();
    const early = await fixture.open({ nodeId: 'two' });
    expect(await results()).toEqual([]);
    await early.close();
    await owner.query(`UPDATE log_shards SET updated_at = now() - interval '2 minutes'`);
    await fixture.open({ nodeId: 'three' });
    expect(await results()).toMatchObject([{ call_event_id: eventId, outcome: 'unknown' }]);
  });

  test('of a node that lives keeps its open calls', async () => {
    const { eventId } = await record(log, intent(agent));
    await owner.query(`UPDATE log_shards SET updated_at = now() - interval '2 minutes'`);
    const other = await fixture.open({ nodeId: 'two' });
    await record(other, intent(agent));
    expect((await results()).map(({ call_event_id }) => call_event_id)).not.toContain(eventId);
  });
});

test('more than may wait for its commit is refused as overloaded, and none of it recorded', async () => {
  await log.close();
  log = await fixture.open({ nodeId: 'one', limits: { maxQueue: 10 } });
  await record(log, intent(agent));
  const all = await Promise.allSettled(Array.from({ length: 50 }, () => log.recordIntent(intent(agent))));
  const refused = all.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  expect(refused.length).toBeGreaterThan(0);
  for (const reason of refused) expect(reason).toMatchObject({ code: 'overloaded' });
  expect(await calls()).toHaveLength(51 - refused.length);
});
