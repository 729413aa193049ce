/** The worked example of docs/reference/blast-radius.md, from the committed documents. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type BlastRadius,
  blastRadius,
  checkGuards,
  type Guard,
  type OutsideLimit,
  type PolicySet,
  parsePolicyFile,
  radiusChanges,
  roleFromDocument,
  sweep,
} from '../../src/index.ts';

function setFrom(...files: readonly string[]): PolicySet {
  const documents = files.flatMap((file) => {
    const parsed = parsePolicyFile(
      readFileSync(new URL(`../../../../examples/blast-radius/${file}`, import.meta.url), 'utf8'),
    );
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return parsed.value;
  });
  const valid = <T>(
    checked: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: unknown },
  ): T => {
    if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
    return checked.value;
  };
  return {
    revision: 1,
    roles: documents.flatMap((each) => (each.kind === 'Role' ? [valid(roleFromDocument(each, 1))] : [])),
    workspaceGuards: documents.flatMap((each) =>
      each.kind === 'WorkspaceGuards' ? valid(checkGuards(each.guards, 'workspace')) : [],
    ),
    capabilities: documents.flatMap((each) => (each.kind === 'Capability' ? [each.capability] : [])),
  };
}

const EXAMPLE = setFrom('finance-desk.yaml');
const DESK_BOT = { id: 'agt_0029', name: 'desk-bot', ownerId: 'per_1', roles: ['finance-desk'] };
/** 5 minutes to find it and 2 seconds to stop it. */
const CONTAINMENT_SECONDS = 302;

function radiusOf(set: PolicySet, outside: readonly OutsideLimit[] = []): BlastRadius {
  return blastRadius(
    { set, agents: [DESK_BOT], containmentSeconds: CONTAINMENT_SECONDS, outside },
    { kind: 'agent', id: 'agt_0029' },
  );
}

/** Values until contained, in 1 h, 24 h and 7 d; and what binds the largest part of each. */
function row({ cells }: BlastRadius, unit: string, line = 'alone') {
  const found = cells.filter((cell) => cell.unit === unit && cell.line === line);
  return {
    values: found.map(({ amount }) => (amount.kind === 'bounded' ? amount.value : amount.kind)),
    rules: found.map(({ binding }) => binding.map(({ rule }) => rule).join(' ')),
  };
}

function without(set: PolicySet, id: string): PolicySet {
  const keep = (guards: readonly Guard[]) => guards.filter((guard) => guard.id !== id);
  return { ...set, roles: set.roles.map((role) => ({ ...role, guards: keep(role.guards) })) };
}

describe('the worked example', () => {
  it('has exactly its numbers, and says what binds them', () => {
    const radius = radiusOf(EXAMPLE);
    const money = { values: [10_000_00, 10_000_00, 10_000_00, 70_000_00], rules: Array(4).fill('agent-money') };
    expect(row(radius, 'usd')).toEqual(money);
    expect(row(radius, 'usd', 'fooled')).toEqual(money);
    expect(row(radius, 'records_read')).toEqual({
      values: [2_000, 2_000, 2_000, 14_000],
      rules: Array(4).fill('read-day'),
    });
    expect(row(radius, 'records_changed')).toEqual({
      values: [50, 50, 300, 2_100],
      rules: ['update-rate', 'update-rate', 'update-day', 'update-day'],
    });
    expect(row(radius, 'records_deleted')).toEqual({ values: [0, 0, 0, 0], rules: ['', '', '', ''] });
    expect(row(radius, 'messages')).toEqual({
      values: [20, 20, 100, 700],
      rules: ['mail-rate', 'mail-rate', 'mail-day', 'mail-day'],
    });
    expect(radius.capabilities.map(({ capability, reach }) => [capability, reach])).toEqual([
      ['crm.read', 'alone'],
      ['crm.update', 'alone'],
      ['email.send_external', 'alone'],
      ['payments.transfer', 'alone'],
      ['refunds.issue', 'alone'],
    ]);
    expect(radius.escalations).toEqual([]);
  });

  it('reaches nothing that the decision function does not let through: no delete above all', () => {
    const swept = sweep({ set: EXAMPLE, agents: [DESK_BOT] });
    expect(swept.differences).toEqual([]);
    expect(swept.capabilities).toBe(6);
    expect(swept.cells.map(({ capability, asked }) => `${capability} ${asked}`)).toEqual([
      'crm.read alone',
      'crm.update alone',
      'email.send_external alone',
      'payments.transfer alone',
      'refunds.issue alone',
    ]);
    expect(sweep({ set: setFrom('finance-desk.yaml'), agents: [DESK_BOT] }).digest).toBe(swept.digest);
  });

  it('is $10,500 without the limit over all money', () => {
    const { values, rules } = row(radiusOf(without(EXAMPLE, 'agent-money')), 'usd');
    expect(values[2]).toBe(10_500_00);
    expect(rules[2]).toBe('transfer-day refund-day');
  });

  it('is $4,500 with a cumulative gate, and $10,000 where somebody approves whatever is asked', () => {
    const radius = radiusOf(setFrom('finance-desk.yaml', 'cumulative-gate.yaml'));
    expect(row(radius, 'usd').values[2]).toBe(4_500_00);
    expect(row(radius, 'usd').rules[2]).toBe('refund-day unattended-payments');
    expect(row(radius, 'usd', 'fooled').values[2]).toBe(10_000_00);
  });

  it('is the same in 24 hours without the threshold: thresholds pace, caps bind', () => {
    expect(row(radiusOf(without(EXAMPLE, 'transfer-approval')), 'usd')).toEqual(row(radiusOf(EXAMPLE), 'usd'));
  });

  it('has no number where one limit is taken away, and says which', () => {
    const open = radiusOf(without(without(without(EXAMPLE, 'mail-rate'), 'mail-day'), 'read-rate'));
    expect(row(open, 'messages').values).toEqual(Array(4).fill('unbounded'));
    expect(open.cells.find(({ unit, line }) => unit === 'messages' && line === 'alone')?.amount).toEqual({
      kind: 'unbounded',
      reasons: [{ capability: 'email.send_external', sentence: 'email.send_external has no limit on messages' }],
    });
    expect(row(open, 'records_read').values[2]).toBe(2_000);
  });

  it('says in words what a change does to it', () => {
    const changes = radiusChanges(radiusOf(EXAMPLE), radiusOf(without(EXAMPLE, 'agent-money')));
    expect(changes.find(({ horizon, line }) => horizon === '24h' && line === 'alone')?.sentence).toBe(
      'money in 24 h rises from $10,000 to $10,500, bound by transfer-day and refund-day',
    );
    expect(changes.every(({ rises }) => rises)).toBe(true);
    expect(radiusChanges(radiusOf(EXAMPLE), radiusOf(EXAMPLE))).toEqual([]);
    const [first] = radiusChanges(radiusOf(without(without(EXAMPLE, 'mail-rate'), 'mail-day')), radiusOf(EXAMPLE));
    expect(first?.sentence).toBe('messages until contained fall from UNBOUNDED to 20 messages, bound by mail-rate');
  });
});

describe('calendar windows', () => {
  it('cannot be written in a policy', () => {
    const when = (fields: object) =>
      checkGuards([{ id: 'g', action: 'payments.*', effect: 'allow', when: { ...fields, lte: 10 } }], 'r').ok;
    expect(when({ field: 'sum(usd, 24h)' })).toBe(true);
    for (const fields of [
      { field: 'sum(usd, day)' },
      { field: 'sum(usd, today)' },
      { field: 'sum(usd, 1 calendar day)' },
      { field: 'sum(usd, 24h)', window: 'fixed' },
      { field: 'sum(usd, 24h)', resets: 'midnight' },
      { field: 'rate.per_calendar_day' },
      { field: 'rate.per_month' },
    ])
      expect(when(fields), JSON.stringify(fields)).toBe(false);
  });

  it('of a tool let twice as much through as the same sliding ones', () => {
    const DAY = 86_400;
    const limits = (window: OutsideLimit['window']): OutsideLimit[] => [
      {
        id: 'money',
        sentence: '$10,000 a day.',
        over: ['*'],
        unit: 'usd',
        limit: 10_000_00,
        windowSeconds: DAY,
        window,
      },
      {
        id: 'rows',
        sentence: '2,000 rows a day.',
        over: ['crm.read'],
        unit: 'records_read',
        limit: 2_000,
        windowSeconds: DAY,
        window,
      },
      { id: 'mail', sentence: '20 messages an hour.', over: ['email.*'], limit: 20, windowSeconds: 3_600, window },
    ];
    const fixed = radiusOf(EXAMPLE, limits('fixed'));
    expect(row(fixed, 'usd', 'bypassed').values).toEqual([20_000_00, 20_000_00, 20_000_00, 80_000_00]);
    expect(row(fixed, 'records_read', 'bypassed').values[0]).toBe(4_000);
    expect(row(fixed, 'messages', 'bypassed').values[0]).toBe(40);
    const sliding = radiusOf(EXAMPLE, limits('sliding'));
    expect(row(sliding, 'usd', 'bypassed').values).toEqual([10_000_00, 10_000_00, 10_000_00, 70_000_00]);
    expect(row(sliding, 'messages', 'bypassed').values[0]).toBe(20);
    // the credential for crm.read opens crm.delete
    expect(row(fixed, 'records_deleted', 'bypassed').values[0]).toBe('unbounded');
  });
});
