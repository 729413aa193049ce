/** Which held calls are stuck when somebody leaves, against looking at every set of voices. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Candidate, Decided, Question } from '../../src/approvals/eligibility.ts';
import { stuckWithout } from '../../src/approvals/leaver.ts';
import type { PersonId } from '../../src/ids.ts';

const GROUPS = ['finance', 'security'] as const;
const NAMES = ['a', 'b', 'c', 'd'] as const;
const id = (name: string): PersonId => `per_${name}` as PersonId;
const LEAVER = id('a');

function question(change: Partial<Question> = {}): Question {
  return {
    quorum: { people: 1, groups: [] },
    capability: 'payments.pay',
    impact: {},
    owners: new Set(),
    requesters: new Set(),
    authors: new Set(),
    delegations: [],
    ...change,
  };
}
const person = (name: string, change: Partial<Candidate> = {}): Candidate => ({
  id: id(name),
  active: true,
  groups: [],
  authority: null,
  ...change,
});
const finance = { groups: ['finance'] };
const asksFinance = { quorum: { people: 1, groups: ['finance'] } };

describe('a held call when one of them leaves', () => {
  it.each<[string, Question, Decided[], Candidate[], Candidate[], ReturnType<typeof stuckWithout>]>([
    ['waits for others', question(), [], [person('a'), person('b')], [], undefined],
    ['is stuck when they were the only one', question(), [], [person('a')], [], 'nobody_left'],
    ['was stuck before', question(asksFinance), [], [person('a'), person('b')], [], undefined],
    ['is stuck without their group', question(asksFinance), [], [person('a', finance), person('b')], [], 'nobody_left'],
    [
      'has another of the group',
      question(asksFinance),
      [],
      [person('a', finance), person('b', finance)],
      [],
      undefined,
    ],
    [
      'has them as a voice already',
      question({ quorum: { people: 2, groups: [] } }),
      [{ id: LEAVER, groups: [] }],
      [person('b')],
      [],
      'approved_by_leaver',
    ],
    [
      'was approved for them',
      question(),
      [{ id: id('b'), onBehalfOf: LEAVER, groups: [] }],
      [person('b')],
      [],
      'approved_by_leaver',
    ],
    [
      'leaves only its owner',
      question({ owners: new Set([id('b')]) }),
      [],
      [person('a'), person('b')],
      [],
      'nobody_left',
    ],
    [
      'leaves only who wrote the policy',
      question({ authors: new Set([id('b')]) }),
      [],
      [person('a'), person('b')],
      [],
      'nobody_left',
    ],
    [
      'could be decided for them, which ends as well',
      question({ ...asksFinance, delegations: [{ from: LEAVER, to: id('b') }] }),
      [],
      [person('b')],
      [person('a', finance)],
      'nobody_left',
    ],
    [
      'can be decided for another',
      question({ ...asksFinance, delegations: [{ from: id('c'), to: id('b') }] }),
      [],
      [person('a', finance), person('b')],
      [person('c', finance)],
      undefined,
    ],
  ])('%s', (_, asked, decided, able, others, expected) => {
    expect(stuckWithout(LEAVER, asked, decided, { able, others })).toBe(expected);
  });

  const groups = fc.subarray([...GROUPS]);
  const world = fc.record({
    people: fc.integer({ min: 1, max: 3 }),
    asked: groups,
    able: fc.subarray([...NAMES]),
    members: fc.tuple(groups, groups, groups, groups),
    owner: fc.constantFrom(...NAMES),
    heard: fc.subarray(['b', 'c', 'd']),
  });

  /** Some set of further people fills every place, one each. */
  function canBeFilled(asked: Question, heard: readonly Candidate[], free: readonly Candidate[]): boolean {
    const { people, groups: wanted } = asked.quorum;
    const all = [...heard, ...free];
    const seat = (at: number, used: ReadonlySet<number>): boolean => {
      const group = wanted[at];
      if (group === undefined) return all.length >= people;
      return all.some((each, i) => !used.has(i) && each.groups.includes(group) && seat(at + 1, new Set([...used, i])));
    };
    return seat(0, new Set());
  }

  it('is called off exactly when it could be decided with them and cannot without', () => {
    fc.assert(
      fc.property(world, ({ people, asked: wanted, able, members, owner, heard }) => {
        const everybody = NAMES.map((name, i) => person(name, { groups: members[i] ?? [] }));
        const of = (names: readonly string[]): Candidate[] =>
          everybody.filter(({ id: each }) => names.some((name) => id(name) === each));
        const asked = question({
          quorum: { people: Math.max(people, wanted.length), groups: wanted },
          owners: new Set([id(owner)]),
        });
        const decided = of(heard).map((each) => ({ id: each.id, groups: each.groups }));
        const free = of(able).filter(
          (each) =>
            !decided.some(({ id: before }) => before === each.id) && (asked.quorum.people > 1 || each.id !== id(owner)),
        );
        const before = canBeFilled(asked, of(heard), free);
        const after = canBeFilled(
          asked,
          of(heard),
          free.filter(({ id: each }) => each !== LEAVER),
        );
        expect(stuckWithout(LEAVER, asked, decided, { able: of(able), others: [] })).toBe(
          before && !after ? 'nobody_left' : undefined,
        );
      }),
      { numRuns: 500 },
    );
  });
});
