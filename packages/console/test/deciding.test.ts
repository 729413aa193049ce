/** What is decided together, what caps bound, and authorities as text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Approval, Budget } from '../src/api/types.ts';
import { boundsOf } from '../src/rooms/approvals/bounds.ts';
import { bulkBar, leftOutWords, MOST_AT_ONCE } from '../src/rooms/approvals/bulk.ts';
import { authorityText, authorityWords, readAuthority } from '../src/rooms/people/authority-text.ts';
import { impactWords } from '../src/ui/format.ts';

function approval(id: string, change: object = {}): Approval {
  const given: Partial<Approval> = {
    id,
    agent_id: 'agt_a',
    action: 'billing.pay',
    destructive: false,
    requirement: { people: 1, groups: [] },
    ...change,
  };
  return given as Approval;
}

describe('deciding together', () => {
  const first = approval('apr_1');
  it.each([
    ['one like it', approval('apr_2'), undefined],
    ['itself', first, undefined],
    ['one of another agent', approval('apr_2', { agent_id: 'agt_b' }), 'is of another agent or capability'],
    ['one of another capability', approval('apr_2', { action: 'deploy' }), 'is of another agent or capability'],
    ['one that takes two', approval('apr_2', { requirement: { people: 2, groups: [] } }), 'takes 2 people'],
    ['a destructive one', approval('apr_2', { destructive: true }), 'is destructive'],
  ])('%s', (_, each, bar) => {
    expect(bulkBar(each, [first])).toBe(bar);
  });

  it('is of a number that can have been read', () => {
    const many = Array.from({ length: MOST_AT_ONCE }, (_, i) => approval(`apr_${i}`));
    expect(bulkBar(approval('apr_x'), many)).toBe('is one more than 20');
    expect(bulkBar(approval('apr_0'), many)).toBeUndefined();
  });

  it('says what is left out, and why', () => {
    const all = [
      first,
      approval('apr_2', { agent_id: 'agt_b' }),
      approval('apr_3', { agent_id: 'agt_b' }),
      approval('apr_4', { destructive: true }),
    ];
    expect(leftOutWords(all, [first])).toBe('2 are of another agent or capability, 1 is destructive');
    expect(leftOutWords([first], [first])).toBeUndefined();
  });
});

function cap(change: object): Budget {
  const given: Partial<Budget> = {
    action: 'payments.pay',
    kind: 'sum',
    unit: 'usd',
    per: null,
    unattended: false,
    left: 20_000,
    otherwise: 'deny',
    ...change,
  };
  return given as Budget;
}

describe('what an agent can still do', () => {
  const UNBOUNDED = 'unbounded: no cap bounds it';
  it.each([
    ['nothing bounds', [], UNBOUNDED],
    ['the tightest cap bounds', [cap({}), cap({ left: 5_000, action: '*' })], 'at most $50.00'],
    ['a cap of a namespace bounds', [cap({ action: 'payments.*' })], 'at most $200.00'],
    ['a cap over other calls does not', [cap({ action: 'mail.*' })], UNBOUNDED],
    ['a cap behind which people are asked does not', [cap({ otherwise: 'review' })], UNBOUNDED],
    ['a cap for each payee does not', [cap({ per: { by: 'payee', value: 'x' } })], UNBOUNDED],
    ['a cap of what nobody approved does not', [cap({ unattended: true })], UNBOUNDED],
  ])('%s', (_, budgets, expected) => {
    expect(Object.fromEntries(boundsOf(budgets, 'payments.pay', ['usd']))).toEqual({
      usd: expected,
      Calls: 'unbounded: no cap or rate bounds them',
    });
  });

  it('counts calls where a rate bounds them, and names units that the call does not spend', () => {
    const budgets = [cap({ kind: 'count', unit: null, left: 3 }), cap({ unit: 'records' })];
    expect(boundsOf(budgets, 'payments.pay', [])).toEqual([
      ['records', 'at most 20,000 records'],
      ['Calls', 'at most 3 calls'],
    ]);
  });
});

describe('an authority', () => {
  it('is written as it is read', () => {
    const name = fc.constantFrom('payments.*', 'payments.pay', 'deploy', '*');
    const max = fc.dictionary(fc.constantFrom('usd', 'eur', 'records_read'), fc.nat());
    const authority = fc.array(fc.oneof(fc.record({ capability: name }), fc.record({ capability: name, max })));
    fc.assert(
      fc.property(authority, (each) => {
        expect(readAuthority(authorityText(each))).toEqual(each.map((one) => ({ ...one })));
      }),
    );
  });

  it.each([
    ['payments.* usd', 'Line 1: "usd" is not'],
    ['deploy\npayments.* usd=$5', 'Line 2: "usd=$5" is not'],
    ['payments.* usd=5.50', 'Line 1: "usd=5.50" is not'],
  ])('%j is told what is wrong', (text, fault) => {
    expect(readAuthority(text)).toEqual({ fault: expect.stringContaining(fault) });
  });

  it('is told in words', () => {
    expect(authorityWords(null, impactWords)).toBe('anything');
    expect(authorityWords([], impactWords)).toBe('nothing');
    expect(
      authorityWords([{ capability: 'deploy' }, { capability: 'payments.*', max: { usd: 5_000 } }], impactWords),
    ).toBe('deploy · payments.* up to $50.00');
  });
});
