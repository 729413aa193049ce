/** Places, authority and digests, without a database. */
import { policyHash } from '@hivekey/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { barOf, type Candidate, type Decided, type Link, type Question } from '../../src/approvals/eligibility.ts';
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
  delegations: [],
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
    expect(barOf({ by: person }, question, [])).toBe(bar);
  });

  it('each person once', () => {
    const before = [{ id: 'per_a' as PersonId, groups: [] }];
    expect(barOf({ by: candidate('per_a') }, { ...QUESTION, quorum: { people: 2, groups: [] } }, before)).toBe(
      'approver_decided_before',
    );
  });
});

const link = (from: string, to: string): Link => ({ from: from as PersonId, to: to as PersonId });

describe('who may approve for somebody else', () => {
  const two = { people: 2, groups: [] };
  const asked = { ...QUESTION, delegations: [link('per_a', 'per_d')] };
  const tight = [{ capability: 'payments.*', max: { usd: 29_999 } }];
  const said = (id: string, onBehalfOf?: string): Decided => ({
    id: id as PersonId,
    onBehalfOf: onBehalfOf as PersonId | undefined,
    groups: [],
  });

  it.each([
    ['who has a delegation', candidate('per_d'), candidate('per_a'), asked, [], undefined],
    ['not the other way round', candidate('per_a'), candidate('per_d'), asked, [], 'approver_without_delegation'],
    [
      'not what was passed on',
      candidate('per_e'),
      candidate('per_a'),
      { ...asked, delegations: [link('per_a', 'per_d'), link('per_d', 'per_e')] },
      [],
      'approver_without_delegation',
    ],
    ['not when one has left', candidate('per_d'), candidate('per_a', { active: false }), asked, [], 'person_inactive'],
    [
      'within the authority of the delegate',
      candidate('per_d', { authority: tight }),
      candidate('per_a'),
      asked,
      [],
      'approver_over_authority',
    ],
    [
      'within the authority of the delegator',
      candidate('per_d'),
      candidate('per_a', { authority: tight }),
      asked,
      [],
      'approver_over_authority',
    ],
    [
      'with the groups of the delegator',
      candidate('per_d'),
      candidate('per_a', { groups: ['finance'] }),
      { ...asked, quorum: { people: 1, groups: ['finance'] } },
      [],
      undefined,
    ],
    [
      'without their own groups',
      candidate('per_d', { groups: ['finance'] }),
      candidate('per_a'),
      { ...asked, quorum: { people: 1, groups: ['finance'] } },
      [],
      'approver_not_needed',
    ],
    [
      'nobody after deciding in their own name',
      candidate('per_d'),
      candidate('per_a'),
      { ...asked, quorum: two },
      [said('per_d')],
      'approver_decided_before',
    ],
    [
      'nobody for whom who decided already',
      candidate('per_d'),
      candidate('per_a'),
      { ...asked, quorum: two },
      [said('per_a')],
      'approver_same_person',
    ],
    [
      'nobody for whom another delegate decided',
      candidate('per_d'),
      candidate('per_a'),
      { ...asked, delegations: [link('per_a', 'per_d'), link('per_a', 'per_e')], quorum: two },
      [said('per_e', 'per_a')],
      'approver_same_person',
    ],
    ...(['requester', 'author', 'owner'] as const).flatMap((barred) => [
      [
        `not for the ${barred}`,
        candidate('per_d'),
        candidate(`per_${barred}`),
        { ...asked, delegations: [link(`per_${barred}`, 'per_d')] },
        [],
        `approver_is_${barred}`,
      ] as const,
      [
        `not the ${barred} for another`,
        candidate(`per_${barred}`),
        candidate('per_a'),
        { ...asked, delegations: [link('per_a', `per_${barred}`)] },
        [],
        `approver_is_${barred}`,
      ] as const,
    ]),
  ] as const)('%s', (_, by, onBehalfOf, question, before, bar) => {
    expect(barOf({ by, onBehalfOf }, question, before)).toBe(bar);
  });

  it('in their own name not beside whom they decide for', () => {
    const question = { ...asked, quorum: two };
    expect(barOf({ by: candidate('per_d') }, question, [said('per_a')])).toBe('approver_same_person');
    expect(barOf({ by: candidate('per_a') }, question, [said('per_d')])).toBe('approver_same_person');
    expect(barOf({ by: candidate('per_e') }, question, [said('per_d', 'per_a')])).toBeUndefined();
  });

  it('never with fewer humans than asked, whoever hands what to whom', () => {
    const PEOPLE = ['a', 'b', 'c', 'd', 'e', 'f'];
    const anybody = fc.constantFrom(...PEOPLE);
    const world = fc.record({
      groups: fc.dictionary(anybody, fc.subarray(GROUPS)),
      active: fc.dictionary(anybody, fc.boolean(), { maxKeys: 2 }),
      limits: fc.dictionary(anybody, fc.integer({ min: 20_000, max: 60_000 }), { maxKeys: 2 }),
      barred: fc.record({
        owners: fc.subarray(PEOPLE, { maxLength: 2 }),
        requesters: fc.subarray(PEOPLE, { maxLength: 1 }),
        authors: fc.subarray(PEOPLE, { maxLength: 1 }),
      }),
      asked: fc.subarray(GROUPS, { maxLength: 2 }),
      more: fc.integer({ min: 0, max: 2 }),
      // between decisions they come and go
      steps: fc.array(
        fc.record({
          delegations: fc.array(fc.tuple(anybody, anybody), { maxLength: 5 }),
          by: anybody,
          // by one of the delegations, by none that there need be, or in their own name
          onBehalfOf: fc.oneof(fc.nat(), anybody, fc.constant(undefined)),
        }),
        { maxLength: 12 },
      ),
    });
    const granted = { delegated: 0, own: 0 };
    fc.assert(
      fc.property(world, ({ groups, active, limits, barred, asked: wanted, more, steps }) => {
        const person = (id: string): Candidate =>
          candidate(id, {
            active: active[id] ?? true,
            groups: groups[id] ?? [],
            authority: limits[id] === undefined ? null : [{ capability: '*', max: { usd: limits[id] } }],
          });
        const ids = (names: readonly string[]) => new Set(names.map((id) => id as PersonId));
        const quorum = { people: Math.max(1, wanted.length + more), groups: wanted };
        const counted: { readonly by: string; readonly onBehalfOf: string | undefined }[] = [];
        const before: Decided[] = [];
        for (const { delegations, ...step } of steps) {
          const used =
            typeof step.onBehalfOf === 'number' ? delegations[step.onBehalfOf % delegations.length] : undefined;
          const by = used?.[1] ?? step.by;
          const onBehalfOf = typeof step.onBehalfOf === 'number' ? used?.[0] : step.onBehalfOf;
          if (by === onBehalfOf) continue;
          const voice = { by: person(by), onBehalfOf: onBehalfOf === undefined ? undefined : person(onBehalfOf) };
          const question: Question = {
            ...QUESTION,
            quorum,
            owners: ids(barred.owners),
            requesters: ids(barred.requesters),
            authors: ids(barred.authors),
            delegations: delegations.map(([from, to]) => link(from, to)),
          };
          if (barOf(voice, question, before) !== undefined) continue;
          // said again, without the code under test
          const hats = [by, ...(onBehalfOf === undefined ? [] : [onBehalfOf])];
          if (onBehalfOf !== undefined) expect(delegations).toContainEqual([onBehalfOf, by]);
          for (const id of hats) {
            expect(active[id] ?? true).toBe(true);
            expect([...barred.requesters, ...barred.authors]).not.toContain(id);
            if (quorum.people === 1) expect(barred.owners).not.toContain(id);
            expect(limits[id] ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(30_000);
            for (const [from, to] of delegations)
              for (const other of counted.flatMap((each) => [each.by, each.onBehalfOf]))
                expect([from, to].sort()).not.toEqual([id, other].sort());
          }
          counted.push({ by, onBehalfOf });
          before.push({
            id: by as PersonId,
            onBehalfOf: onBehalfOf as PersonId | undefined,
            groups: groups[onBehalfOf ?? by] ?? [],
          });
          if (!isComplete(quorum, before)) continue;
          const humans = counted.flatMap((each) => [each.by, ...(each.onBehalfOf ? [each.onBehalfOf] : [])]);
          expect(new Set(humans).size).toBe(humans.length);
          expect(new Set(counted.map((each) => each.by)).size).toBeGreaterThanOrEqual(quorum.people);
          expect(
            mostSeated(
              wanted,
              quorum.people - wanted.length,
              before.map((each) => each.groups),
            ),
          ).toBe(quorum.people);
          granted[counted.some((each) => each.onBehalfOf !== undefined) ? 'delegated' : 'own'] += 1;
          return;
        }
      }),
      { numRuns: 2_000 },
    );
    // the property is about something
    expect(Math.min(granted.delegated, granted.own)).toBeGreaterThan(20);
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
