import { settle } from '@hivekey/policy';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningLog } from '../../src/log/index.ts';
import { clearWindows } from '../../src/log/window-upkeep.ts';
import type { Intent, Outcome, Principal } from '../../src/path/types.ts';
import {
  createFixture,
  evaluation,
  type Fixture,
  intent,
  permitOf,
  type Recorded,
  record,
  spending,
} from './fixture.ts';

let fixture: Fixture;
let one: RunningLog;
let two: RunningLog;
let agents: Principal[];

beforeAll(async () => {
  fixture = await createFixture();
  one = await fixture.open();
  two = await fixture.open();
  agents = await Promise.all(['a', 'b', 'c'].map((handle) => fixture.addAgent(handle)));
});
afterAll(() => fixture.close());

function someAgent(i: number): Principal {
  const agent = agents[i % agents.length];
  if (agent === undefined) throw new Error('there are no agents');
  return agent;
}

/** Lets time pass for some counters, by making everything in their windows older. */
async function pass(seconds: number, of: readonly string[]): Promise<void> {
  const { pool } = fixture.database;
  const values = [seconds * 1_000_000, of];
  await pool.query('UPDATE window_entries SET at_us = at_us - $1 WHERE at_us > 0 AND key = ANY($2)', values);
  await pool.query(
    'UPDATE window_counters SET version = version + 1, last_at_us = last_at_us - $1 WHERE key = ANY($2)',
    values,
  );
}

/** Counters whose total is not that of their newest entry, and entries whose total is below that of the one before. */
async function wrongTotals(): Promise<unknown[]> {
  const { rows } = await fixture.database.pool.query(
    `SELECT c.key FROM window_counters c WHERE c.total <> coalesce((SELECT e.total FROM window_entries e
                    WHERE e.workspace_id = c.workspace_id AND e.key = c.key ORDER BY e.at_us DESC LIMIT 1), 0)
     UNION ALL
     SELECT key FROM (SELECT key, total < lag(total, 1, 0) OVER (PARTITION BY workspace_id, key ORDER BY at_us) AS falls
                        FROM window_entries) AS e WHERE falls`,
  );
  return rows;
}

let keys = 0;
function freshKey(): string {
  keys += 1;
  return `agent/test/usd/${keys}`;
}

async function verdictOf(log: RunningLog, of: Intent): Promise<string> {
  return (await record(log, of)).decision.verdict;
}

describe('a cap', () => {
  test('lets through what fits, to the last unit, and refuses the unit too many', async () => {
    const key = freshKey();
    const spend = (amount: number) =>
      verdictOf(one, intent(someAgent(0), { evaluation: spending(key, amount, 500, 86_400) }));
    expect(await spend(480)).toBe('allow');
    expect(await spend(540)).toBe('deny');
    expect(await spend(21)).toBe('deny');
    expect(await spend(20)).toBe('allow');
    expect(await spend(1)).toBe('deny');
    expect(await spend(0)).toBe('allow');
  });

  test('slides: what was spent counts until its window is over, to the second', async () => {
    const key = freshKey();
    const spend = () => record(one, intent(someAgent(0), { evaluation: spending(key, 1, 2, 3600) }));
    await spend();
    await pass(600, [key]);
    await spend();
    await pass(2990, [key]);
    expect((await spend()).decision.verdict).toBe('deny');
    await pass(20, [key]);
    expect((await spend()).decision.verdict).toBe('allow');
    expect((await spend()).decision.verdict).toBe('deny');
    expect(await wrongTotals()).toEqual([]);
  });

  test('says when a refused call would fit, and that one which is over the limit alone never does', async () => {
    const key = freshKey();
    const spend = (amount: number) =>
      record(one, intent(someAgent(0), { evaluation: spending(key, amount, 100, 1000) }));
    await spend(60);
    await pass(400, [key]);
    await spend(40);
    const soon = (await spend(50)).decision;
    expect(soon).toMatchObject({ verdict: 'deny', reasonClass: 'cap' });
    expect(soon.retryAfterSeconds).toBeGreaterThan(590);
    expect(soon.retryAfterSeconds).toBeLessThanOrEqual(600);
    const later = (await spend(70)).decision;
    expect(later.retryAfterSeconds).toBeGreaterThan(990);
    expect(later.retryAfterSeconds).toBeLessThanOrEqual(1000);
    expect((await spend(101)).decision.retryAfterSeconds).toBeUndefined();
  });

  test('says so too when what fills it was reserved in the same batch', async () => {
    const key = freshKey();
    const results = await Promise.all(
      [1, 2, 3].map(() => record(one, intent(someAgent(0), { evaluation: spending(key, 1, 2, 1000) }))),
    );
    expect(results.map(({ decision: { verdict } }) => verdict)).toEqual(['allow', 'allow', 'deny']);
    expect(results[2]?.decision.retryAfterSeconds).toBe(1000);
  });

  test('is not spent by a call that is refused for another reason', async () => {
    const key = freshKey();
    const other = freshKey();
    const both = spending(key, 1, 1, 1000);
    const second = spending(other, 5, 4, 1000);
    const refused = {
      ...both,
      demands: [...both.demands, ...second.demands],
      charges: [...both.charges, ...second.charges],
    };
    expect(await verdictOf(one, intent(someAgent(0), { evaluation: refused }))).toBe('deny');
    expect(await verdictOf(one, intent(someAgent(0), { evaluation: both }))).toBe('allow');
  });

  test('is given back by a call that never began, and by no other', async () => {
    const key = freshKey();
    const call = intent(someAgent(0), { evaluation: spending(key, 1, 2, 1000) });
    const first = await record(one, call);
    const second = await record(one, call);
    await one.recordOutcome(permitOf(call, first), { result: 'unknown', errorCode: 'upstream_timeout' });
    expect(await verdictOf(one, call)).toBe('deny');
    await one.recordOutcome(permitOf(call, second), { result: 'not_attempted', errorCode: 'aborted_by_stop' });
    expect(await verdictOf(one, call)).toBe('allow');
    expect(await verdictOf(one, call)).toBe('deny');
    expect(await wrongTotals()).toEqual([]);
  });

  test('given back after its window has passed takes nothing from what was spent since', async () => {
    const key = freshKey();
    const call = intent(someAgent(0), { evaluation: spending(key, 1, 1, 1000) });
    const first = await record(one, call);
    await pass(1500, [key]);
    expect(await verdictOf(one, call)).toBe('allow');
    const permit = permitOf(call, first);
    const reservations = permit.reservations?.map((each) => ({ ...each, sinceUs: each.sinceUs - 1500 * 1_000_000 }));
    await one.recordOutcome({ ...permit, ...(reservations && { reservations }) }, { result: 'not_attempted' });
    expect(await verdictOf(two, call)).toBe('deny');
    expect(await wrongTotals()).toEqual([]);
  });

  test('of a new, longer window counts what was spent before it came', async () => {
    const key = freshKey();
    const hourly = intent(someAgent(0), { evaluation: spending(key, 3, 10, 3600) });
    await record(one, hourly);
    await pass(4000, [key]);
    await record(one, hourly);
    expect(await verdictOf(two, intent(someAgent(0), { evaluation: spending(key, 5, 10, 86_400) }))).toBe('deny');
    expect(await verdictOf(two, intent(someAgent(0), { evaluation: spending(key, 4, 10, 86_400) }))).toBe('allow');
    expect(await wrongTotals()).toEqual([]);
  });

  test('does not overflow: amounts near 2^53 add up and are refused', async () => {
    const key = freshKey();
    const most = Number.MAX_SAFE_INTEGER;
    const soft = spending(key, most, most, 86_400, { otherwise: 'allow' });
    for (let i = 0; i < 5; i += 1)
      expect(await verdictOf(one, intent(someAgent(0), { evaluation: soft }))).toBe('allow');
    expect(await verdictOf(one, intent(someAgent(0), { evaluation: spending(key, 1, most, 86_400) }))).toBe('deny');
    expect(await wrongTotals()).toEqual([]);
  });

  test('refuses an amount that is none, without a record', async () => {
    for (const amount of [-1, 0.5, Number.NaN, 2 ** 53]) {
      const call = intent(someAgent(0), { evaluation: spending(freshKey(), amount, 10, 60) });
      await expect(one.recordIntent(call)).rejects.toThrow(TypeError);
    }
  });
});

describe('many writers on one database', () => {
  test('2,000 parallel calls at a cap’s edge reach the cap exactly and never pass it', async () => {
    const key = freshKey();
    const limit = 1234;
    const calls = Array.from({ length: 2000 }, (_, i) =>
      verdictOf(i % 2 === 0 ? one : two, intent(someAgent(i), { evaluation: spending(key, 1, limit, 86_400) })),
    );
    const verdicts = await Promise.all(calls);
    expect(verdicts.filter((verdict) => verdict === 'allow')).toHaveLength(limit);
    expect(await wrongTotals()).toEqual([]);
  });

  test('many counters each, in any order, are reserved without a deadlock and exactly', async () => {
    const shared = Array.from({ length: 6 }, freshKey);
    const limit = 40;
    const calls = Array.from({ length: 400 }, (_, i) => {
      const chosen = shared.filter((_key, at) => (i * 7 + at * 3) % 5 < 3);
      if (i % 2 === 1) chosen.reverse();
      const parts = chosen.map((key) => spending(key, 1, limit, 3600));
      const all = evaluation({
        demands: parts.flatMap(({ demands }) => demands),
        charges: parts.flatMap(({ charges }) => charges),
      });
      return record(i % 2 === 0 ? one : two, intent(someAgent(i), { evaluation: all })).then(({ decision }) =>
        decision.verdict === 'allow' ? chosen : [],
      );
    });
    const spent = (await Promise.all(calls)).flat();
    for (const key of shared) expect(spent.filter((each) => each === key).length).toBeLessThanOrEqual(limit);
    expect(shared.some((key) => spent.filter((each) => each === key).length === limit)).toBe(true);
    expect(await wrongTotals()).toEqual([]);
  });
});

describe('against a list that is searched anew each time', () => {
  // Steps of 100 s against windows of n · 100 + 50 s: no run comes near an edge by its own duration.
  const windows = [50, 150, 450, 1050];
  const counter = fc.record({
    key: fc.nat({ max: 2 }),
    window: fc.nat({ max: windows.length - 1 }),
    limit: fc.integer({ min: 1, max: 30 }),
  });
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('spend' as const),
        // As of an agent, its role and its workspace: all of them must have room.
        counters: fc.uniqueArray(counter, { minLength: 1, maxLength: 3, selector: ({ key }) => key }),
        amount: fc.nat({ max: 12 }),
        writer: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), steps: fc.integer({ min: 1, max: 6 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('end' as const),
        which: fc.nat({ max: 20 }),
        how: fc.constantFrom<Outcome>(
          { result: 'not_attempted' },
          { result: 'unknown', errorCode: 'permit_expired' },
          { result: 'error' },
          { result: 'error', spent: { usd: 0 } },
          { result: 'success' },
          { result: 'success', spent: { usd: 3 } },
          { result: 'success', spent: { usd: 20 } },
          { result: 'success', spent: { eur: 0 } },
        ),
        // By the node that recorded the call, by the other, by both at once: the second gives nothing.
        by: fc.constantFrom('one', 'other', 'both'),
      }),
    },
  );

  interface Spent {
    readonly at: number;
    readonly call: Intent;
    readonly recorded: Recorded;
    readonly log: RunningLog;
    readonly keys: readonly string[];
    amount: number;
    isEnded: boolean;
  }

  /** What is in the window, in order of time. */
  function inside(spent: readonly Spent[], key: string, seconds: number, now: number): readonly Spent[] {
    return spent.filter((entry) => entry.keys.includes(key) && entry.at > now - seconds);
  }

  /** Its reservations where `pass` has moved them to. */
  function moved({ call, recorded, at }: Spent, now: number) {
    const permit = permitOf(call, recorded);
    const movedUs = (now - at) * 1_000_000;
    return {
      ...permit,
      reservations: (permit.reservations ?? []).map((each) => ({ ...each, sinceUs: each.sinceUs - movedUs })),
    };
  }

  test('every verdict, use, credit and time to wait is the same, and the log says what the counters hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { maxLength: 12 }), async (rounds) => {
        const names = [freshKey(), freshKey(), freshKey()];
        let now = 0;
        const spent: Spent[] = [];
        for (const round of rounds) {
          // The spends of a round that go through one writer are sent together and are decided in their order.
          for (const each of round) {
            if (each.kind === 'pass') {
              await pass(each.steps * 100, names);
              now += each.steps * 100;
            } else if (each.kind === 'end') {
              const chosen = spent[each.which];
              if (chosen === undefined || chosen.isEnded) continue;
              const other = chosen.log === one ? two : one;
              const writers = each.by === 'both' ? [one, two] : [each.by === 'one' ? chosen.log : other];
              await Promise.all(writers.map((log) => log.recordOutcome(moved(chosen, now), each.how)));
              if (each.how.result === 'not_attempted') chosen.amount = 0;
              else if (chosen.amount > 0) chosen.amount = each.how.spent?.usd ?? chosen.amount;
              // After an unknown fate a certain one may still come.
              chosen.isEnded = each.how.result !== 'unknown';
            }
          }
          const spends = round.filter((each) => each.kind === 'spend');
          for (const writer of [true, false]) {
            const log = writer ? one : two;
            const sent = spends
              .filter((each) => each.writer === writer)
              .map(({ counters, amount }, i) => {
                const demanded = counters.map(({ key, window, limit }) => ({
                  key: names[key] ?? '',
                  seconds: windows[window] ?? 50,
                  limit,
                }));
                const parts = demanded.map(({ key, limit, seconds }) => spending(key, amount, limit, seconds));
                const all = evaluation({
                  demands: parts.flatMap(({ demands }) => demands),
                  charges: parts.flatMap(({ charges }) => charges),
                });
                return { demanded, amount, call: intent(someAgent(i), { evaluation: all }) };
              });
            const results = await Promise.all(sent.map(({ call }) => record(log, call)));
            for (const [i, { demanded, amount, call }] of sent.entries()) {
              const recorded = results[i];
              if (recorded === undefined) throw new Error('a result is missing');
              const { decision } = recorded;
              const states = demanded.map(({ key, seconds, limit }) => {
                const held = inside(spent, key, seconds, now);
                const used = held.reduce((sum, entry) => sum + entry.amount, 0);
                let left = used;
                const last = held.find((entry) => {
                  left -= entry.amount;
                  return left + amount <= limit;
                });
                const waitSeconds = amount > limit ? undefined : (last?.at ?? now) + seconds - now;
                return { fits: used + amount <= limit, remaining: Math.max(0, limit - used), waitSeconds };
              });
              const short = states.filter(({ fits }) => !fits);
              const [first] = short;
              if (first === undefined) {
                expect(decision.verdict).toBe('allow');
                const keys = demanded.map(({ key }) => key);
                spent.push({ at: now, call, recorded, log, keys, amount, isEnded: false });
                continue;
              }
              expect(decision).toMatchObject({ verdict: 'deny', remaining: first.remaining });
              const waits = short.map(({ waitSeconds }) => waitSeconds);
              if (waits.includes(undefined)) expect(decision.retryAfterSeconds).toBeUndefined();
              else
                expect(
                  Math.abs((decision.retryAfterSeconds ?? 0) - Math.max(...waits.map((each) => each ?? 0))),
                ).toBeLessThan(20);
            }
          }
        }
        for (const key of names) {
          const [states] = await one.budgets(fixture.workspaceId, [{ key, isKeptApart: false, windowSeconds: 1050 }]);
          expect(states?.[0]?.used).toBe(inside(spent, key, 1050, now).reduce((sum, { amount }) => sum + amount, 0));
        }
        expect(await wrongTotals()).toEqual([]);
      }),
      { numRuns: 30 },
    );
    expect((await one.compareBudgets(fixture.workspaceId)).differences).toEqual([]);
  });

  test('a counter or a credit that the log does not know is told', async () => {
    const { pool } = fixture.database;
    const key = freshKey();
    const call = intent(someAgent(0), { evaluation: spending(key, 5, 100, 3600) });
    const [first, second] = [await record(one, call), await record(one, call)];
    await one.recordOutcome(permitOf(call, first), { result: 'success', spent: { usd: 2 } });
    expect(await one.compareBudgets(fixture.workspaceId)).toMatchObject({ differences: [] });

    await pool.query('UPDATE window_entries SET total = total - 4 WHERE key = $1', [key]);
    await pool.query('UPDATE window_counters SET version = version + 1, total = total - 4 WHERE key = $1', [key]);
    expect((await one.compareBudgets(fixture.workspaceId)).differences).toMatchObject([
      { key, what: 'charges', counted: '1', recorded: '5' },
    ]);
    await pool.query('UPDATE window_entries SET total = total + 4 WHERE key = $1', [key]);
    expect((await one.compareBudgets(fixture.workspaceId)).differences).toMatchObject([
      { key, what: 'total', counted: '3', recorded: '7' },
    ]);
    await pool.query('UPDATE window_counters SET version = version + 1, total = total + 4 WHERE key = $1', [key]);
    await pool.query(
      `INSERT INTO window_credits (workspace_id, call_event_id, key, version, amount) VALUES ($1, $2, $3, $4, 5)`,
      [fixture.workspaceId, second.eventId, key, second.reservations?.[0]?.version],
    );
    const differences = (await one.compareBudgets(fixture.workspaceId)).differences.map(({ what }) => what);
    expect(differences.sort()).toEqual(['charges', 'credits']);
    await pool.query('DELETE FROM window_credits WHERE call_event_id = $1', [second.eventId]);
    expect((await one.compareBudgets(fixture.workspaceId)).differences).toEqual([]);
  });
});

test('what no window holds any more is cleared away, what one may hold stays', async () => {
  const key = freshKey();
  await record(one, intent(someAgent(0), { evaluation: spending(key, 1, 10, 3600) }));
  await pass(40 * 86_400, [key]);
  const fresh = freshKey();
  await record(one, intent(someAgent(0), { evaluation: spending(fresh, 1, 10, 3600) }));
  await clearWindows(fixture.database.pool);
  const left = async (of: string, table: string) =>
    (await fixture.database.pool.query(`SELECT FROM ${table} WHERE key = $1`, [of])).rowCount;
  expect([await left(key, 'window_entries'), await left(key, 'window_counters')]).toEqual([0, 0]);
  expect([await left(fresh, 'window_entries'), await left(fresh, 'window_counters')]).toEqual([1, 1]);
  expect(await verdictOf(one, intent(someAgent(0), { evaluation: spending(key, 10, 10, 3600) }))).toBe('allow');
  expect(await wrongTotals()).toEqual([]);
});

describe('an adversary on several nodes', () => {
  /** For each entry, what the window that ends with it holds; computed from the entries alone. */
  async function fullest(key: string, seconds: number): Promise<number> {
    const { rows } = await fixture.database.pool.query<{ at_us: number; total: string }>(
      'SELECT at_us, total::text FROM window_entries WHERE key = $1 ORDER BY at_us',
      [key],
    );
    return Math.max(
      0,
      ...rows.map(({ at_us, total }) => {
        const edge = rows.findLast((each) => each.at_us <= at_us - seconds * 1_000_000);
        return Number(total) - Number(edge?.total ?? 0);
      }),
    );
  }

  test('never gets more than the cap into any window, and in the end exactly the cap', async () => {
    const three = await fixture.open();
    const logs = [one, two, three];
    const spend = fc.record({
      node: fc.nat({ max: 2 }),
      amount: fc.oneof(fc.constant(1), fc.nat({ max: 9 })),
      agent: fc.nat({ max: 2 }),
    });
    const round = fc.record({ spends: fc.array(spend, { maxLength: 30 }), passSeconds: fc.nat({ max: 40 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        fc.array(round, { minLength: 1, maxLength: 6 }),
        async (limit, seconds, rounds) => {
          const key = freshKey();
          const call = (amount: number, agent: number) =>
            intent(someAgent(agent), { evaluation: spending(key, amount, limit, seconds) });
          let allowed = 0;
          for (const { spends, passSeconds } of rounds) {
            const sent = spends.map(async ({ node, amount, agent }) => {
              const log = logs[node];
              if (log !== undefined && (await verdictOf(log, call(amount, agent))) === 'allow') allowed += amount;
            });
            await Promise.all(sent);
            await pass(passSeconds, [key]);
          }
          // Greedy: one unit at a time, on every node at once, until nothing fits. Nothing may leave meanwhile.
          const greedy = spending(key, 1, limit, Math.max(seconds, 3600));
          for (let more = true; more; ) {
            const verdicts = await Promise.all(
              logs.map((log, i) => verdictOf(log, intent(someAgent(i), { evaluation: greedy }))),
            );
            const got = verdicts.filter((verdict) => verdict === 'allow').length;
            allowed += got;
            more = got > 0;
          }
          const [usage] = await one.usage(fixture.workspaceId, greedy.demands);
          expect(usage?.used).toBeGreaterThanOrEqual(limit);
          if (rounds.every(({ passSeconds }) => passSeconds === 0)) expect(usage?.used).toBe(limit);
          expect(await fullest(key, seconds)).toBeLessThanOrEqual(limit);
          const { rows } = await fixture.database.pool.query<{ total: string }>(
            'SELECT total::text FROM window_counters WHERE key = $1',
            [key],
          );
          expect(Number(rows[0]?.total ?? 0)).toBe(allowed);
        },
      ),
      { numRuns: 15 },
    );
    expect(await wrongTotals()).toEqual([]);
  });

  test('gains nothing from a clock that steps', async () => {
    const key = freshKey();
    const spend = (log: RunningLog) => verdictOf(log, intent(someAgent(0), { evaluation: spending(key, 1, 3, 600) }));
    expect([await spend(one), await spend(two)]).toEqual(['allow', 'allow']);
    // Entries from the future: the clock was an hour ahead when they were made, and was set back.
    await pass(-3600, [key]);
    expect(await spend(one)).toBe('allow');
    expect(await spend(two)).toBe('deny');
    await pass(3601, [key]);
    expect(await spend(one)).toBe('deny');
    await pass(600, [key]);
    expect(await spend(two)).toBe('allow');
    expect(await wrongTotals()).toEqual([]);
  });
});

describe('usage, read without reserving', () => {
  test('is what the next decision will be made from', async () => {
    const amount = fc.nat({ max: 9 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(amount, fc.nat({ max: 50 })), { maxLength: 8 }),
        amount,
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom(15, 45, 95),
        async (history, next, limit, seconds) => {
          const key = freshKey();
          for (const [spent, passSeconds] of history) {
            await record(one, intent(someAgent(0), { evaluation: spending(key, spent, limit, seconds) }));
            // Steps of 10 s and windows of n · 10 + 5 s: no run comes near an edge by its own duration.
            await pass(10 * Math.floor(passSeconds / 10), [key]);
          }
          const evaluation = spending(key, next, limit, seconds);
          const usage = await two.usage(fixture.workspaceId, evaluation.demands);
          const expected = settle(evaluation, usage);
          const { decision } = await record(two, intent(someAgent(1), { evaluation }));
          const { retryAfterSeconds: inDryRun, ...dry } = expected;
          const { retryAfterSeconds: live, ...decided } = decision;
          expect(decided).toEqual(dry);
          expect(Math.abs((live ?? 0) - (inDryRun ?? 0))).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('of counters that do not exist is none, and none come to be', async () => {
    const key = freshKey();
    expect(await one.usage(fixture.workspaceId, spending(key, 5, 3, 60).demands)).toEqual([{ used: 0 }]);
    const { rowCount } = await fixture.database.pool.query('SELECT FROM window_counters WHERE key = $1', [key]);
    expect(rowCount).toBe(0);
  });
});
