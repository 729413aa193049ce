/** Random policies and calls that touch every field and operator that proofs know. */
import fc from 'fast-check';
import {
  type Capability,
  checkGuards,
  type Guard,
  type JsonObject,
  type JsonValue,
  type PolicySet,
  type Role,
  type Verdict,
} from '../../src/index.ts';

const ARGUMENTS: JsonObject = { type: 'object' };
const capability = (name: string, more: Partial<Capability>): Capability => ({
  name,
  description: '',
  access: 'write',
  destructive: false,
  impact: {},
  inputSchema: ARGUMENTS,
  ...more,
});

export const CAPABILITIES: readonly Capability[] = [
  capability('pay.one', {
    impact: { usd: { kind: 'field', field: 'amount', currency: 'USD', currencyField: 'currency' } },
  }),
  capability('pay.many', { impact: { usd: { kind: 'field', field: 'items[].amount', currency: 'USD' } } }),
  capability('pay.cents', {
    impact: {
      usd: { kind: 'field', field: 'cents', currency: 'USD', minor: true },
      rows: { kind: 'constant', amount: 3 },
    },
  }),
  capability('shop.order', {}),
  capability('crm.search', {
    access: 'read',
    impact: { rows: { kind: 'field', field: 'limit' }, tags: { kind: 'length', field: 'tags' } },
  }),
  capability('mail.send', {}),
];
export const NAMES = CAPABILITIES.map(({ name }) => name);

const verdict = fc.constantFrom<Verdict>('allow', 'review', 'deny');
const word = fc.constantFrom('x', 'xy', 'prod', 'Zürich');
const number = fc.constantFrom(0, 1, 2, 2.5, -1);
const money = fc.constantFrom('$1', '$2', '$2.50', '2 EUR');
const order = fc.constantFrom('lt', 'lte', 'gt', 'gte');
const domain = fc.constantFrom('a.com', '*.a.com', 'b.a.com');
const path = fc.constantFrom('/srv', '/srv/reports');
const pattern = fc.constantFrom(
  'x+y?',
  '(?i)prod|x',
  '[a-c]{2,3}',
  '(?s)x.*',
  '\\d+(\\.\\d\\d)?',
  '[^;]*',
  'a|(b|c)*d',
);

const single = fc.constantFrom('f', 'o.f', 'i[].f', 'amount', 'args.amount');
const one = (field: fc.Arbitrary<string>, operator: fc.Arbitrary<string>, operand: fc.Arbitrary<JsonValue>) =>
  fc.tuple(field, operator, operand).map(([name, op, value]): JsonObject => ({ field: name, [op]: value }));
const text = fc.constantFrom('f', 'o.f', 'i[].f');
const list = <T extends JsonValue>(of: fc.Arbitrary<T>) => fc.uniqueArray(of, { minLength: 1, maxLength: 3 });

/** Tests that a guard can be made of; some read the state. */
export const test: fc.Arbitrary<JsonObject> = fc.oneof(
  one(text, fc.constantFrom('eq', 'ne'), fc.oneof(word, number, fc.boolean())),
  one(text, fc.constantFrom('in', 'notIn'), fc.oneof(list(word), list(number))),
  one(text, order, fc.oneof(number, money)),
  one(text, fc.constant('between'), fc.constant([1, 2])),
  one(text, fc.constantFrom('startsWith', 'endsWith'), fc.constantFrom('x', 'y', 'prod')),
  one(text, fc.constant('contains'), fc.oneof(word, number)),
  one(text, fc.constant('matches'), pattern),
  one(text, fc.constant('domainIn'), list(domain)),
  one(text, fc.constant('pathUnder'), list(path)),
  one(single, fc.constant('exists'), fc.boolean()),
  one(fc.constant('amount'), fc.oneof(order, fc.constantFrom('eq', 'ne')), fc.oneof(money, number)),
  one(fc.constant('to.domain'), fc.constantFrom('in', 'notIn'), list(domain)),
  one(fc.constant('to.domain'), fc.constant('exists'), fc.boolean()),
  one(fc.constant('payee'), fc.constantFrom('in', 'notIn'), list(word)),
  one(fc.constant('payee'), fc.constant('exists'), fc.boolean()),
  one(fc.constant('action'), fc.constantFrom('eq', 'ne'), fc.constantFrom(...NAMES)),
  one(fc.constant('provenance'), fc.constantFrom('eq', 'ne'), fc.constantFrom('trusted', 'untrusted')),
  one(fc.constant('risk'), fc.oneof(order, fc.constant('eq')), fc.constantFrom('none', 'low', 'high')),
  one(fc.constantFrom('first_use(payee)', 'first_use(f)'), fc.constant('within'), fc.constant('90d')),
);

const { condition } = fc.letrec<{ condition: JsonObject }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    { weight: 4, arbitrary: test },
    { weight: 1, arbitrary: fc.record({ all: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ any: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ not: tie('condition') }) },
  ),
}));

const window = fc
  .record({
    field: fc.constantFrom('sum(usd, 24h)', 'sum(rows, 1h)', 'rate.per_day', 'sum(usd, 1h)'),
    lte: fc.integer({ min: 0, max: 4 }),
    scope: fc.constantFrom('agent', 'role', 'owner'),
    per: fc.constantFrom(undefined, undefined, 'payee', 'f'),
  })
  .map(({ field, lte, scope, per }): JsonObject => ({ field, lte, scope, ...(per === undefined ? {} : { per }) }));

const action = fc.constantFrom(...NAMES, 'pay.*', '*');
const guard = fc.record({
  action,
  when: fc.oneof({ weight: 4, arbitrary: condition }, { weight: 1, arbitrary: window }),
  effect: verdict,
  otherwise: verdict,
});

export function guardsFrom(documents: readonly object[], origin: string): Guard[] {
  const checked = checkGuards(
    documents.map((document, i) => ({ id: `g${i}`, ...document })),
    origin,
  );
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

const roleOf = (name: string) =>
  fc
    .record({
      allow: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 }),
      guards: fc.array(guard, { minLength: 1, maxLength: 3 }),
    })
    .map(
      ({ allow, guards }): Role => ({ name, description: '', revision: 1, allow, guards: guardsFrom(guards, name) }),
    );

export const policySet: fc.Arbitrary<PolicySet> = fc
  .record({ roles: fc.tuple(roleOf('a'), roleOf('b')), workspace: fc.array(guard, { maxLength: 1 }) })
  .map(({ roles, workspace }) => ({
    revision: 1,
    roles,
    workspaceGuards: guardsFrom(workspace, 'workspace'),
    capabilities: CAPABILITIES,
  }));

const letters = fc.constantFrom(
  'x',
  'X',
  'xy',
  'xxy',
  'prod',
  'ＰＲＯＤ',
  ' prod',
  'zürich',
  'Zürich',
  '',
  'abd',
  'bcbcd',
  'ca',
  '12.50',
  '12',
  '-3',
  'x\ny',
  '\u017f',
);
const address = fc.constantFrom(
  'p@a.com',
  'p@b.a.com',
  'P <p@q.b.a.com>',
  'p@z.net',
  'p@a.com,q@a.com',
  'p@a.com, q@z.net',
  'nobody',
  'https://b.a.com/x?y',
  'a.com',
  'é <p@a.com>',
);
const file = fc.constantFrom('/srv', '/srv/reports/a', '/srv/../etc', '/srvx', '/', 'srv', '/srv/é', '/srv//x');
const amounts = fc.constantFrom<JsonValue>(0, 1, 1.99, 2, 2.5, 2.501, 1e-7, -1, 9e15, '2', '2.50', '-1', 'much');
const plain = fc.oneof<fc.Arbitrary<JsonValue>[]>(letters, address, file, amounts, fc.boolean(), fc.constant(null));
const value = fc.oneof(
  { weight: 4, arbitrary: plain },
  { weight: 1, arbitrary: fc.array(plain, { maxLength: 2 }) },
  { weight: 1, arbitrary: fc.record({ f: plain }) },
);
const currency = fc.constantFrom('USD', 'usd', 'EUR', 'XXX', 3, null);

/** Arguments that guards read, each there or not. */
export const callArguments: fc.Arbitrary<JsonObject> = fc.record(
  {
    f: value,
    o: fc.oneof(fc.record({ f: value }), plain),
    i: fc.oneof(fc.array(fc.record({ f: value }, { requiredKeys: [] }), { maxLength: 2 }), plain),
    amount: fc.oneof(amounts, value),
    cents: amounts,
    limit: amounts,
    tags: fc.oneof(fc.array(letters, { maxLength: 2 }), plain),
    items: fc.array(fc.record({ amount: amounts }), { maxLength: 2 }),
    currency,
    to: fc.oneof(address, fc.array(address, { maxLength: 2 }), letters),
    cc: fc.oneof(address, fc.array(address, { maxLength: 2 })),
    TO: fc.oneof(address, letters),
    payee: fc.oneof(letters, fc.array(letters, { maxLength: 2 })),
  },
  { requiredKeys: [] },
);
