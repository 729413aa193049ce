import { describe, expect, test } from 'vitest';
import { checkGuards, compilePolicy, type JsonObject, type Risk, type StateView } from '../src/index.ts';

const NOW = 1_000_000;

function decide(guard: string | JsonObject, state: StateView, capability = 'payments.pay') {
  const guards = checkGuards([guard], 'workspace');
  if (!guards.ok) throw new Error(JSON.stringify(guards.problems));
  const set = {
    revision: 1,
    roles: [{ name: 'r', description: '', revision: 1, allow: ['payments.pay', 'crm.read'], guards: [] }],
    workspaceGuards: guards.value,
    capabilities: [],
  };
  const request = { workspaceId: 'w', agentId: 'a', ownerId: 'o', roles: ['r'], capability, arguments: {} };
  return compilePolicy(set).evaluate(request, state);
}

const risks = (...levels: Risk['level'][]): Risk[] =>
  levels.map((level, i) => ({ id: `rsk_${i}`, level, untilMs: NOW + 60_000 * (i + 1) }));
const LINE = 'risk_signal(high) → require approval';

describe('a guard on risk', () => {
  test.each<[string | JsonObject, StateView, string]>([
    // REQ-12
    [LINE, { atMs: NOW, risks: risks('high') }, 'review'],
    [LINE, { atMs: NOW, risks: risks('low', 'critical') }, 'review'],
    [LINE, { atMs: NOW, risks: risks('medium') }, 'allow'],
    [LINE, { atMs: NOW, risks: [] }, 'allow'],
    ['payments: risk_signal(critical) -> deny', { atMs: NOW, risks: risks('critical') }, 'deny'],
    ['crm: risk_signal(low) → deny', { atMs: NOW, risks: risks('critical') }, 'allow'],
    [
      { id: 'g', action: '*', when: { field: 'risk_signal', in: ['none', 'low'] }, effect: 'allow' },
      { atMs: NOW, risks: risks('low') },
      'allow',
    ],
    [
      { id: 'g', action: '*', when: { field: 'risk', notIn: ['critical'] }, effect: 'allow' },
      { atMs: NOW, risks: risks('critical') },
      'deny',
    ],
    // over is over
    [LINE, { atMs: NOW + 60_000, risks: risks('high') }, 'allow'],
    // what is not known takes the stricter branch
    [LINE, { atMs: NOW }, 'review'],
    [LINE, { risks: [] }, 'review'],
  ])('%j with %j: %s', (guard, state, verdict) => {
    expect(decide(guard, state).verdict).toBe(verdict);
  });

  test('holds until the first signal ends, and says what it read', () => {
    const evaluation = decide(LINE, { atMs: NOW, risks: risks('high', 'low') });
    expect(evaluation).toMatchObject({
      holds: { untilMs: NOW + 60_000 },
      read: { atMs: NOW, risks: risks('high', 'low') },
    });
  });

  test.each([
    { field: 'risk', gte: 'severe' },
    { field: 'risk', gte: 3 },
    { field: 'risk', exists: true },
    { field: 'risk', in: 'high' },
  ])('%j is refused', (when) => {
    expect(checkGuards([{ id: 'g', action: '*', when, effect: 'deny' }], 'workspace').ok).toBe(false);
  });
});
