/** `approval` of guards: read, written back, hashed, spoken, and taken together. */
import { describe, expect, it } from 'vitest';
import { approvalRequirement, checkGuards, type PolicySet, policyHash, type TraceStep } from '../src/index.ts';

const GUARD = { id: 'large', action: 'payments.pay', when: { field: 'amount', gt: '$500' }, effect: 'review' };

function read(approval: unknown, change: object = {}) {
  return checkGuards([{ ...GUARD, approval, ...change }], 'billing');
}

function requirementOf(approval: unknown) {
  const checked = read(approval);
  return checked.ok ? checked.value[0]?.approval : checked.problems.map(({ code }) => code);
}

describe('who must approve', () => {
  it.each([
    [{}, { people: 1, groups: [], withinSeconds: 3600 }],
    [{ people: 3 }, { people: 3, groups: [], withinSeconds: 3600 }],
    [{ groups: ['security', 'finance'] }, { people: 2, groups: ['finance', 'security'], withinSeconds: 3600 }],
    [
      { people: 3, groups: ['finance'], within: '15m' },
      { people: 3, groups: ['finance'], withinSeconds: 900 },
    ],
    [{ people: 0 }, ['range']],
    [{ people: 11 }, ['range']],
    [{ people: 1.5 }, ['range']],
    [{ people: '2' }, ['range']],
    [{ people: 1, groups: ['a', 'b'] }, ['fewer_people_than_groups']],
    [{ groups: [] }, ['empty']],
    [{ groups: ['a', 'a'] }, ['duplicate']],
    [{ groups: ['a b'] }, ['group_name']],
    [{ within: '59s' }, ['duration']],
    [{ within: '31d' }, ['duration']],
    [{ within: 60 }, ['duration']],
    [{ person: 1 }, ['unknown_field']],
    ['two', ['type']],
  ])('%j', (approval, expected) => {
    expect(requirementOf(approval)).toEqual(expected);
  });

  it('is asked only where a call can be held', () => {
    const never = read({ people: 2 }, { effect: 'deny' });
    expect(never.ok ? [] : never.problems.map(({ code }) => code)).toEqual(['approval_without_review']);
    expect(read({ people: 2 }, { effect: 'allow', otherwise: 'review' }).ok).toBe(true);
  });

  it('is part of the sentence', () => {
    const sentence = (approval: unknown) => {
      const checked = read(approval);
      return checked.ok ? checked.value[0]?.sentence : undefined;
    };
    const subject = 'payments.pay: when amount is more than $500.00,';
    expect(sentence(undefined)).toBe(`${subject} a person must approve.`);
    expect(sentence({ groups: ['finance'] })).toBe(`${subject} a person of finance must approve.`);
    expect(sentence({ people: 2, groups: ['finance', 'security'], within: '4h' })).toBe(
      `${subject} 2 people must approve within 4 hours, finance and security among them.`,
    );
  });

  it('changes the policy hash, and its absence does not', () => {
    const hash = (approval: unknown) => {
      const checked = read(approval);
      if (!checked.ok) throw new Error('the guard is not valid');
      return policyHash({ revision: 1, roles: [], workspaceGuards: checked.value, capabilities: [] });
    };
    expect(hash({ people: 2 })).not.toBe(hash(undefined));
    expect(hash({ people: 2 })).not.toBe(hash({ people: 3 }));
  });
});

describe('what several guards ask', () => {
  const guards = [
    { ...GUARD, id: 'one', approval: { people: 3, within: '1d' } },
    { ...GUARD, id: 'two', approval: { groups: ['finance', 'legal'], within: '10m' } },
    { ...GUARD, id: 'plain' },
  ];
  const checked = checkGuards(guards, 'billing');
  const set: Pick<PolicySet, 'roles' | 'workspaceGuards'> = {
    roles: [{ name: 'billing', description: '', revision: 1, allow: [], guards: checked.ok ? checked.value : [] }],
    workspaceGuards: [],
  };
  const step = (rule: string, result: TraceStep['result'], origin = 'billing'): TraceStep => ({
    rule,
    origin,
    sentence: '',
    result,
    detail: '',
  });

  it.each([
    ['one', [step('one', 'review')], { people: 3, groups: [], withinSeconds: 86_400 }],
    [
      'all of it together',
      [step('one', 'review'), step('two', 'review')],
      { people: 3, groups: ['finance', 'legal'], withinSeconds: 600 },
    ],
    [
      'only of those that hold',
      [step('one', 'allow'), step('two', 'review')],
      { people: 2, groups: ['finance', 'legal'], withinSeconds: 600 },
    ],
    [
      'the default beside another',
      [step('one', 'review'), step('plain', 'review')],
      { people: 3, groups: [], withinSeconds: 3600 },
    ],
    [
      'the default of what is no guard',
      [step('a signal', 'review', 'risk')],
      { people: 1, groups: [], withinSeconds: 3600 },
    ],
  ])('%s', (_, trace, expected) => {
    expect(approvalRequirement(set, trace)).toEqual(expected);
  });
});
