/** The form of a rule says what the document says, or leaves it to the document. */
import { checkGuards, policyHash } from '@hivekey/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { documentOf, formOf } from '../src/rooms/roles/builder/rule-form.ts';
import { parseGuards, replaceGuard, writeGuards } from '../src/rooms/roles/guards-text.ts';
import { inOrder } from '../src/rooms/roles/role-file.ts';

const verdict = fc.constantFrom('allow' as const, 'deny' as const, 'review' as const);
const operand = fc.constantFrom(0, 2, 10.5, true, 'staging', '2', 'true', '$200', '0x10', '1e3', ' padded ');
const test = fc.oneof(
  fc.tuple(fc.constantFrom('eq', 'ne'), operand),
  fc.tuple(fc.constantFrom('in', 'notIn'), fc.array(fc.constantFrom('a', '2', 'true', 'c d'), { minLength: 1 })),
  fc.tuple(fc.constantFrom('in', 'notIn'), fc.array(fc.integer(), { minLength: 1 })),
  fc.tuple(fc.constantFrom('lt', 'lte', 'gt', 'gte'), fc.constantFrom(1, 250.5, '$200', 'EUR 5')),
  fc.tuple(fc.constant('exists'), fc.boolean()),
  fc.tuple(fc.constant('pathUnder'), fc.constantFrom('/srv', ['/srv', '/tmp'])),
);
const when = fc.oneof(
  fc
    .tuple(fc.constantFrom('target', 'args.rows', 'items[].sku'), test)
    .map(([field, [name, value]]) => ({ field, [name]: value })),
  fc
    .record({
      field: fc.constantFrom('sum(usd, 24h)', 'count(90m)', 'rate.per_day', 'count(1h)', 'sum(usd, 7d)'),
      lte: fc.constantFrom(20, 500),
      scope: fc.option(fc.constantFrom('agent', 'role', 'owner', 'workspace'), { nil: undefined }),
      per: fc.option(fc.constant('customer'), { nil: undefined }),
    })
    .map((each) => Object.fromEntries(Object.entries(each).filter(([, value]) => value !== undefined))),
);
const approval = fc.constantFrom(undefined, { people: 2 }, { groups: ['finance'], within: '4h' });
const guard = fc
  .record({
    when,
    effect: verdict,
    otherwise: fc.option(verdict, { nil: undefined }),
    approval,
    isShadow: fc.boolean(),
  })
  .map(({ when: condition, effect, otherwise, approval: asked, isShadow }) => ({
    id: 'rule',
    action: 'payments.pay',
    when: condition,
    effect,
    ...(otherwise === undefined ? {} : { otherwise }),
    ...(asked === undefined || (effect !== 'review' && otherwise !== 'review') ? {} : { approval: asked }),
    ...(isShadow ? { mode: 'shadow' as const } : {}),
  }));

function meaningOf(document: unknown) {
  const checked = checkGuards([document], 'workspace');
  if (!checked.ok) throw new Error(checked.problems.map(({ message }) => message).join());
  const set = { revision: 1, roles: [], capabilities: [], workspaceGuards: checked.value };
  return [policyHash(set), checked.value.map(({ mode, sentence }) => [mode, sentence])];
}

describe('a rule in a form', () => {
  it('means what its document meant', () => {
    fc.assert(
      fc.property(guard, (document) => {
        fc.pre(checkGuards([document], 'workspace').ok);
        const form = formOf(document);
        if (form === undefined) throw new Error('this shape has a form');
        expect(meaningOf(documentOf(form))).toEqual(meaningOf(document));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['nested', { all: [{ field: 'a', eq: 1 }] }],
    ['what was done before', { field: 'done(tests.run)', within: '1h' }],
    ['a first use', { field: 'first_use(payee)', within: '90d' }],
    ['a rate with its window', { field: 'tool.calls', lte: '20/hour/agent' }],
    ['two bounds', { field: 'rows', between: [1, 5] }],
    ['a window from below', { field: 'rate.per_hour', gt: 20 }],
  ])('%s is left to the document', (_, condition) => {
    expect(formOf({ id: 'rule', action: '*', when: condition, effect: 'deny' })).toBeUndefined();
  });

  it('is left to the document where that has more than a form shows', () => {
    expect(formOf({ id: 'rule', action: '*', when: { field: 'a', eq: 1 }, effect: 'deny', note: 'x' })).toBeUndefined();
    expect(formOf('payments: amount > $200 needs approval')).toBeUndefined();
  });
});

describe('a rule replaced in the text', () => {
  const first = {
    id: 'first',
    action: 'mail.send',
    when: { field: 'to.domain', in: ['acme.com'] },
    effect: 'allow',
  } as const;
  const second = { ...first, id: 'second' };

  it('leaves comments of the others', () => {
    const text = `# whom we may write to\n${writeGuards([first], 'yaml')}# the second\n${writeGuards([second], 'yaml')}`;
    const next = replaceGuard(text, 'yaml', 1, { ...second, effect: 'deny' });
    expect(next).toContain('# whom we may write to');
    expect(parseGuards(next, 'yaml')).toEqual({ ok: true, guards: [first, { ...second, effect: 'deny' }] });
    expect(parseGuards(replaceGuard(next, 'yaml', 0, undefined), 'yaml')).toMatchObject({ guards: [{ id: 'second' }] });
    expect(replaceGuard(writeGuards([first], 'yaml'), 'yaml', 0, undefined)).toBe('');
  });

  it('works on JSON alike', () => {
    const text = writeGuards([first, second], 'json');
    expect(parseGuards(replaceGuard(text, 'json', 0, undefined), 'json')).toEqual({ ok: true, guards: [second] });
  });
});

it('a role file that is opened keeps who must approve, and what is in shadow', () => {
  const guard = {
    id: 'large',
    action: 'payments.pay',
    when: { field: 'amount', gt: '$200' },
    effect: 'review',
    approval: { people: 2, groups: ['finance'] },
    mode: 'shadow',
  } as const;
  expect(inOrder(guard)).toEqual(guard);
});
