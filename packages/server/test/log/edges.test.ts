/** The far edge of a window, to the microsecond: in the database, and in what a writer remembers of it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newEventId } from '../../src/ids.ts';
import { CounterCache } from '../../src/log/counter-cache.ts';
import type { IntentEntry } from '../../src/log/entries.ts';
import { READ_WINDOWS, type WindowRow } from '../../src/log/sql/windows.ts';
import { type Counter, WindowLedger } from '../../src/log/windows.ts';
import type { Principal } from '../../src/path/types.ts';
import { createFixture, type Fixture, intent, spending } from './fixture.ts';

let fixture: Fixture;
let agent: Principal;
beforeAll(async () => {
  fixture = await createFixture();
  agent = await fixture.addAgent('a');
});
afterAll(() => fixture.close());

const KEY = 'agent/test/usd/edge';
const SECONDS = 60;
const NOW_US = 1_000_000_000;
const EDGE_US = NOW_US - SECONDS * 1_000_000;

test('an entry has left when it is exactly as old as the window is long', async () => {
  const { workspaceId, database } = fixture;
  await database.pool.query('INSERT INTO window_counters (workspace_id, key, total) VALUES ($1, $2, 111)', [
    workspaceId,
    KEY,
  ]);
  for (const [atUs, total] of [
    [EDGE_US - 1, 1],
    [EDGE_US, 11],
    [EDGE_US + 1, 111],
  ])
    await database.pool.query(
      'INSERT INTO window_entries (workspace_id, key, at_us, version, total) VALUES ($1, $2, $3, 1, $4)',
      [workspaceId, KEY, atUs, total],
    );
  // the statement itself, with its clock stopped
  const { rows } = await database.pool.query<WindowRow>(
    READ_WINDOWS.replace('clock_timestamp()', `to_timestamp(${NOW_US / 1_000_000})`),
    [workspaceId, [KEY], [SECONDS]],
  );
  expect(rows).toMatchObject([{ now_us: NOW_US, total: '111', gone: '11', oldest_us: EDGE_US + 1 }]);
});

/** What a writer knows at NOW_US, with the window's next change at `untilUs`. */
function cacheWith(untilUs: number) {
  let ms = 0;
  const cache = new CounterCache(() => ms);
  const counter: Counter = {
    version: 1,
    total: 0n,
    keepSeconds: SECONDS,
    windows: new Map([[SECONDS, { gone: 0n, untilUs }]]),
  };
  cache.setClock(NOW_US);
  const ledger = new WindowLedger([[KEY, counter]], NOW_US);
  const entry: IntentEntry = {
    ...{ kind: 'intent', intent: intent(agent, { evaluation: spending(KEY, 1, 10, SECONDS) }), eventId: newEventId(0) },
    ...{ nowMs: 0, ready: undefined, attempts: 0, resolve: () => undefined, reject: () => undefined },
  };
  return {
    cache,
    ledger,
    isKnownAfter: (afterMs: number) => {
      ms = afterMs;
      return cache.decide([entry], [KEY]) !== undefined;
    },
  };
}

test('a writer looks again once an entry of before has left', () => {
  const { cache, ledger, isKnownAfter } = cacheWith(NOW_US + 5_000_000);
  cache.learn(ledger);
  expect(isKnownAfter(4_999)).toBe(true);
  expect(isKnownAfter(5_000)).toBe(false);
});

test('a writer looks again once an entry of its own has left, and not where it made none', () => {
  const spent = cacheWith(Number.POSITIVE_INFINITY);
  spent.ledger.reserve([{ key: KEY, amount: 1, unit: 'usd', keepSeconds: SECONDS }]);
  spent.cache.learn(spent.ledger);
  expect(spent.isKnownAfter(SECONDS * 1_000 - 1)).toBe(true);
  expect(spent.isKnownAfter(SECONDS * 1_000)).toBe(false);
  const unspent = cacheWith(Number.POSITIVE_INFINITY);
  unspent.cache.learn(unspent.ledger);
  expect(unspent.isKnownAfter(SECONDS * 1_000)).toBe(true);
});
