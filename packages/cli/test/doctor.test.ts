import { expect, test } from 'vitest';
import { examine, examineSecrets } from '../src/commands/doctor.ts';

const NOW = Date.parse('2026-04-01T12:00:00.000Z');
const GOOD: Parameters<typeof examine>[0] = {
  version: '0.1.0',
  database: { ok: true, version: '18.4' },
  log: {
    writable: true,
    checkpoint: { tree_size: 7, created_at: '2026-04-01T11:59:30.000Z' },
    copies: [{ destination: 'file', tree_size: 7, last_error: null }],
  },
  upstreams: [{ namespace: 'crm', status: 'active', last_error: null }],
};

const AGREED: Parameters<typeof examine>[1] = { entries: 12, differences: [] };

const states = (system: typeof GOOD, budgets = AGREED) =>
  Object.fromEntries(examine(system, budgets, NOW).map(({ name, state }) => [name, state]));

test('a healthy system has nothing but good news', () => {
  expect(new Set(Object.values(states(GOOD)))).toEqual(new Set(['ok']));
});

test.each<[string, Partial<typeof GOOD>, string, string]>([
  ['the database is away', { database: { ok: false } }, 'database', 'failed'],
  ['the log cannot be written', { log: { ...GOOD.log, writable: false } }, 'log', 'failed'],
  ['nothing was ever signed', { log: { ...GOOD.log, checkpoint: null } }, 'checkpoint', 'warning'],
  [
    'the newest checkpoint is old',
    { log: { ...GOOD.log, checkpoint: { tree_size: 7, created_at: '2026-04-01T11:55:00.000Z' } } },
    'checkpoint',
    'warning',
  ],
  ['there is no copy outside', { log: { ...GOOD.log, copies: [] } }, 'copies', 'warning'],
  [
    'a copy fails',
    { log: { ...GOOD.log, copies: [{ destination: 'file', tree_size: 3, last_error: 'ENOSPC' }] } },
    'copy file',
    'failed',
  ],
  [
    'an upstream is down',
    { upstreams: [{ namespace: 'crm', status: 'active', last_error: 'refused' }] },
    'upstream crm',
    'warning',
  ],
])('when %s, it is told with a remedy', (_, change, name, state) => {
  const system = { ...GOOD, ...change };
  expect(states(system)[name]).toBe(state);
  expect(examine(system, AGREED, NOW).find((check) => check.name === name)?.remedy).toBeTruthy();
});

test('when a counter is not what the log says, it is told with a remedy', () => {
  const budgets = { entries: 12, differences: [{ key: 'agent/agt_1/usd/pay', counted: '1', recorded: '5' }] };
  expect(states(GOOD, budgets).budgets).toBe('failed');
  const told = examine(GOOD, budgets, NOW).find(({ name }) => name === 'budgets');
  expect(told?.detail).toContain('agent/agt_1/usd/pay');
  expect(told?.remedy).toBeTruthy();
});

test('a credential that ends soon, or has ended, is told with a remedy; others are not', () => {
  const told = examineSecrets([
    { name: 'fine', expires: null, expiry: 'none' },
    { name: 'later', expires: 2_000_000_000, expiry: 'ok' },
    { name: 'soon', expires: 1_800_000_000, expiry: 'soon' },
    { name: 'past', expires: 1_700_000_000, expiry: 'past' },
  ]);
  expect(told.map(({ name, state, remedy }) => [name, state, remedy])).toEqual([
    ['secret soon', 'warning', 'Store a new one: hivekey secret set soon'],
    ['secret past', 'warning', 'Store a new one: hivekey secret set past'],
  ]);
});
