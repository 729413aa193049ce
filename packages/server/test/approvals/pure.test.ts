/** Places, authority and digests, without a database. */
import { policyHash } from '@hivekey/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { barOf, type Candidate, type Question } from '../../src/approvals/eligibility.ts';
import { fillPlaces, isComplete } from '../../src/approvals/quorum.ts';
import type { PersonId } from '../../src/ids.ts';
import { appliedPolicy } from '../../src/path/holding.ts';
import { maskSensitive } from '../../src/path/redact.ts';

const GROUPS = ['finance', 'security', 'legal', 'ops'];

/** Every way of seating people, one after the other: as many as can be. */
function mostSeated(groups: readonly string[], free: number, approvers: readonly (readonly string[])[]): number {
  const [first, ...rest] = approvers;
  if (first === undefined) return 0;
  let best = mostSeated(groups, free, rest);
  if (free > 0) best = Math.max(best, 1 + mostSeated(groups, free - 1, rest));
  for (const group of groups)
    if (first.includes(group)) {
      const left = groups.filter((each) => each !== group);
      best = Math.max(best, 1 + mostSeated(left, free, rest));
    }
  return best;
}

describe('places', () => {
  it('are filled as well as they can be, whatever the order', () => {
    const cases = fc.record({
      groups: fc.subarray(GROUPS),
      more: fc.integer({ min: 0, max: 3 }),
      approvers: fc.array(fc.subarray(GROUPS), { maxLength: 6 }),
    });
    fc.assert(
      fc.property(cases, ({ groups, more, approvers }) => {
        const people = Math.max(1, groups.length + more);
        const filled = fillPlaces(
          { people, groups },
          approvers.map((each) => ({ groups: each })),
        );
        expect(filled.places).toBe(mostSeated(groups, people - groups.length, approvers));
        const reversed = approvers.toReversed().map((each) => ({ groups: each }));
        expect(fillPlaces({ people, groups }, reversed).places).toBe(filled.places);
      }),
    );
  });

  it('are complete only with enough different people', () => {
    const quorum = { people: 2, groups: ['finance'] };
    expect(isComplete(quorum, [{ groups: ['finance'] }])).toBe(false);
    expect(isComplete(quorum, [{ groups: [] }, { groups: [] }])).toBe(false);
    expect(isComplete(quorum, [{ groups: [] }, { groups: ['finance'] }])).toBe(true);
  });
});

function candidate(id: string, change: Partial<Candidate> = {}): Candidate {
  return { id: id as PersonId, active: true, groups: [], authority: null, ...change };
}

const QUESTION: Question = {
  quorum: { people: 1, groups: [] },
  capability: 'payments.pay',
  impact: { usd: 30_000 },
  owners: new Set(['per_owner' as PersonId]),
  requesters: new Set(['per_requester' as PersonId]),
  authors: new Set(['per_author' as PersonId]),
};

describe('who may approve', () => {
  it.each([
    ['anybody else', candidate('per_a'), QUESTION, undefined],
    ['nobody who left', candidate('per_a', { active: false }), QUESTION, 'person_inactive'],
    ['not the owner alone', candidate('per_owner'), QUESTION, 'approver_is_owner'],
    ['the owner beside another', candidate('per_owner'), { ...QUESTION, quorum: { people: 2, groups: [] } }, undefined],
    ['not the requester', candidate('per_requester'), QUESTION, 'approver_is_requester'],
    ['not the author', candidate('per_author'), QUESTION, 'approver_is_author'],
    ['not somebody with no authority', candidate('per_a', { authority: [] }), QUESTION, 'approver_over_authority'],
    [
      'somebody with enough',
      candidate('per_a', { authority: [{ capability: 'payments.*', max: { usd: 30_000 } }] }),
      QUESTION,
      undefined,
    ],
    [
      'not with a cent too little',
      candidate('per_a', { authority: [{ capability: 'payments.*', max: { usd: 29_999 } }] }),
      QUESTION,
      'approver_over_authority',
    ],
    [
      'not in another currency',
      candidate('per_a', { authority: [{ capability: '*', max: { eur: 30_000 } }] }),
      QUESTION,
      'approver_over_authority',
    ],
    [
      'not when the amount is not known',
      candidate('per_a', { authority: [{ capability: '*', max: { usd: 30_000 } }] }),
      { ...QUESTION, impact: {} },
      'approver_over_authority',
    ],
    [
      'not for another capability',
      candidate('per_a', { authority: [{ capability: 'mail.*' }] }),
      QUESTION,
      'approver_over_authority',
    ],
    [
      'not without the group',
      candidate('per_a'),
      { ...QUESTION, quorum: { people: 1, groups: ['finance'] } },
      'approver_not_needed',
    ],
  ])('%s', (_, person, question, bar) => {
    expect(barOf(person, question, [])).toBe(bar);
  });

  it('each person once', () => {
    const before = [{ id: 'per_a' as PersonId, groups: [] }];
    expect(barOf(candidate('per_a'), { ...QUESTION, quorum: { people: 2, groups: [] } }, before)).toBe(
      'approver_decided_before',
    );
  });
});

describe('the view', () => {
  it('hides what the schema calls sensitive, and nothing that an agent could write to hide itself', () => {
    const args = {
      password: 'hunter2',
      token: 'Bearer abc',
      long: 'x'.repeat(2000),
      cards: [{ pan: '4111', name: 'Dana' }],
      list: Array.from({ length: 80 }, (_, i) => i),
    };
    expect(maskSensitive(args, ['cards[].pan'])).toEqual({ ...args, cards: [{ pan: '***', name: 'Dana' }] });
  });
});

describe('the policy that applies', () => {
  const guard = (id: string, gte: number) => ({
    id,
    action: 'payments.pay',
    when: { field: 'amount', operator: 'gte' as const, operand: gte },
    effect: 'review' as const,
    otherwise: 'allow' as const,
    origin: 'billing',
    sentence: '',
  });
  const capability = {
    name: 'payments.pay',
    description: '',
    access: 'write' as const,
    destructive: false,
    impact: {},
  };
  const role = (name: string, guards: ReturnType<typeof guard>[] = []) => ({
    name,
    description: '',
    revision: 1,
    allow: ['payments.pay'],
    guards,
  });
  const set = (change: object = {}) => ({
    revision: 1,
    roles: [role('billing', [guard('a', 200)]), role('other')],
    workspaceGuards: [],
    capabilities: [capability],
    ...change,
  });
  const applied = (change: object = {}, roles = ['billing']) => appliedPolicy(set(change), roles, 'payments.pay');

  it.each([
    ['a revision alone', { revision: 2 }, true],
    ['another role', { roles: [role('billing', [guard('a', 200)]), role('other', [guard('b', 1)])] }, true],
    ['a guard of a role worn', { roles: [role('billing', [guard('a', 201)]), role('other')] }, false],
    [
      'who must approve',
      {
        roles: [
          role('billing', [{ ...guard('a', 200), approval: { people: 2, groups: [], withinSeconds: 60 } }] as never),
          role('other'),
        ],
      },
      false,
    ],
    ['a workspace guard', { workspaceGuards: [guard('w', 1)] }, false],
    ['the schema of the capability', { capabilities: [{ ...capability, inputSchema: { type: 'object' } }] }, false],
    ['another capability', { capabilities: [capability, { ...capability, name: 'mail.send' }] }, true],
  ])('%s', (_, change, isSame) => {
    expect(applied(change) === applied()).toBe(isSame);
  });

  it('is another for other roles', () => {
    expect(applied({}, ['billing', 'other'])).not.toBe(applied());
    expect(applied({}, ['other', 'billing', 'billing'])).toBe(applied({}, ['billing', 'other']));
    expect(policyHash(set())).toMatch(/^sha256:/);
  });
});
