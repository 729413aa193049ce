/** Random policies, agents and calls, small enough that limits are met and bounds are reached. */
import fc from 'fast-check';
import {
  type Capability,
  checkCapability,
  checkGuards,
  type Guard,
  type JsonObject,
  type PolicySet,
  type RadiusAgent,
  type Role,
} from '../../src/index.ts';

function capability(document: object): Capability {
  const checked = checkCapability(document);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

export const CAPABILITIES: readonly Capability[] = [
  {
    name: 'pay.out',
    access: 'write',
    impact: { usd: { field: 'amount', currency: 'USD', currency_field: 'currency' } },
  },
  {
    name: 'pay.refund',
    access: 'write',
    impact: { usd: { field: 'cents', currency: 'USD', minor: true }, letters: 1 },
  },
  { name: 'pay.batch', access: 'write', impact: { usd: { field: 'items[].amount', currency: 'USD' } } },
  {
    name: 'pay.card',
    access: 'write',
    impact: {
      usd: { field: 'amount', currency: 'USD' },
      stamps: { constant: 1, settle: { errors: 'release' } },
    },
  },
  {
    name: 'pay.meter',
    access: 'write',
    impact: { usd: { field: 'amount', currency: 'USD', settle: { field: 'total' } }, letters: 1 },
  },
  { name: 'pay.fare', access: 'write', impact: { usd: { constant: 300, settle: { field: 'total' } } } },
  { name: 'pay.fee', access: 'write', impact: { usd: { constant: 300 } } },
  { name: 'crm.search', access: 'read', impact: { records_read: { field: 'limit' } } },
  { name: 'crm.get', access: 'read', impact: { records_read: 1 } },
  { name: 'crm.list', access: 'read' },
  { name: 'crm.bulk', access: 'write', impact: { records_changed: { length: 'ids' } } },
  { name: 'mail.send', access: 'write', impact: { messages: 1, recipients: { length: 'to' }, letters: 2 } },
  { name: 'shop.order', access: 'write' },
].map(capability);

export const PAYEES = ['a', 'b', 'c'];
/** Windows are short, so that horizons of a few of them stay cheap. */
const LENGTHS = ['10s', '30s', '60s'];
export const HORIZONS = [1, 10, 11, 29, 30, 60, 61, 90, 120];

const dollars = fc.integer({ min: 0, max: 12 });
const verdicts = fc.constantFrom('allow', 'allow', 'review', 'deny');
const outcome = fc.record({ effect: verdicts, otherwise: verdicts });
const limiting = fc.record({
  effect: fc.constant('allow'),
  otherwise: fc.constantFrom('deny', 'deny', 'deny', 'review'),
});
const approval = fc.constantFrom(undefined, undefined, undefined, { people: 2 });

const amountTest = fc.oneof(
  fc
    .tuple(fc.constantFrom('lte', 'lt', 'gt', 'gte'), dollars)
    .map(([operator, bound]) => ({ field: 'amount', [operator]: `$${bound}` })),
  fc.tuple(dollars, dollars).map(([a, b]) => ({ field: 'amount', between: [Math.min(a, b), Math.max(a, b)] })),
);
const test: fc.Arbitrary<JsonObject> = fc.oneof(
  { weight: 4, arbitrary: amountTest },
  {
    weight: 2,
    arbitrary: fc
      .uniqueArray(fc.constantFrom(...PAYEES), { minLength: 1 })
      .map((list) => ({ field: 'payee', in: list })),
  },
  {
    weight: 1,
    arbitrary: fc
      .uniqueArray(fc.constantFrom(...PAYEES), { minLength: 1 })
      .map((list) => ({ field: 'shop', in: list })),
  },
  { weight: 1, arbitrary: fc.constantFrom(...PAYEES).map((one) => ({ field: 'shop', ne: one })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('lte', 'gt'), fc.integer({ min: 0, max: 6 }))
      .map(([operator, bound]) => ({ field: 'limit', [operator]: bound })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('lte', 'gt', 'eq'), fc.integer({ min: 0, max: 900 }))
      .map(([operator, bound]) => ({ field: 'cents', [operator]: bound })),
  },
  { weight: 1, arbitrary: fc.constantFrom('pay.out', 'crm.get').map((action) => ({ field: 'action', eq: action })) },
  { weight: 1, arbitrary: fc.constant({ field: 'provenance', eq: 'trusted' }) },
  { weight: 1, arbitrary: fc.constant({ field: 'cc', exists: false }) },
);
const condition: fc.Arbitrary<JsonObject> = fc.oneof(
  { weight: 6, arbitrary: test },
  { weight: 1, arbitrary: fc.array(test, { minLength: 1, maxLength: 3 }).map((all) => ({ all })) },
  { weight: 1, arbitrary: fc.array(test, { minLength: 1, maxLength: 3 }).map((any) => ({ any })) },
  { weight: 1, arbitrary: test.map((not) => ({ not })) },
);
const ACTIONS = [
  'pay.out',
  'pay.refund',
  'pay.batch',
  'pay.fee',
  'pay.*',
  'crm.search',
  'crm.*',
  'crm.bulk',
  'mail.send',
  '*',
];
const action = fc.constantFrom(...ACTIONS, 'pay.*', '*');

const conditionGuard = fc
  .record({ action, when: condition, verdicts: fc.oneof(outcome, limiting, limiting), approval })
  .map(({ verdicts: { effect, otherwise }, approval: people, ...guard }) => ({
    ...guard,
    effect,
    otherwise,
    ...(people !== undefined && (effect === 'review' || otherwise === 'review') ? { approval: people } : {}),
  }));
const scope = fc.constantFrom('agent', 'agent', 'role', 'owner', 'workspace');
const per = fc.constantFrom(undefined, undefined, undefined, 'payee', 'shop', 'action', 'session');
const window = fc.oneof(
  fc.record({
    of: fc.constantFrom('usd', 'usd', 'records_read', 'records_changed', 'recipients', 'letters', 'stamps', 'messages'),
    length: fc.constantFrom(...LENGTHS),
    limit: fc.integer({ min: 0, max: 15 }),
  }),
  fc.record({ of: fc.constant('count'), length: fc.constantFrom(...LENGTHS), limit: fc.integer({ min: 0, max: 5 }) }),
);
const windowGuard = fc
  .record({
    action,
    window,
    scope,
    per,
    verdicts: fc.oneof(limiting, limiting, limiting, limiting, outcome),
    unattended: fc.constantFrom(false, false, false, true),
  })
  .map(
    ({
      action: covered,
      window: { of, length, limit },
      scope: shared,
      per: apart,
      verdicts: { effect, otherwise },
      unattended,
    }) => ({
      action: covered,
      when: {
        field: of === 'count' ? `count(${length})` : `sum(${of}, ${length})`,
        lte: limit,
        scope: shared,
        ...(apart === undefined ? {} : { per: apart }),
        ...(unattended ? { unattended: true } : {}),
      },
      ...(unattended ? { effect: 'allow', otherwise: 'review' } : { effect, otherwise }),
    }),
  );
const guardDocument = fc
  .tuple(
    fc.oneof({ weight: 2, arbitrary: conditionGuard }, { weight: 3, arbitrary: windowGuard }),
    fc.constantFrom(false, false, false, false, false, false, true),
  )
  .map(([guard, isShadow]) => (isShadow ? { ...guard, mode: 'shadow' } : guard));

export function guardsFrom(documents: readonly object[], origin: string): Guard[] {
  const checked = checkGuards(
    documents.map((document, i) => ({ id: `g${i}`, ...document })),
    origin,
  );
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

const ROLES = ['r', 's', 't'];
/** What nobody has declared leaves no number at all: it is rare, so that there are numbers to pass. */
const grants = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.uniqueArray(
      fc.constantFrom('pay.out', 'pay.refund', 'pay.batch', 'pay.fee', 'pay.card', 'pay.meter', 'pay.fare'),
      { minLength: 1 },
    ),
  },
  {
    weight: 5,
    arbitrary: fc.uniqueArray(fc.constantFrom('pay.fee', 'crm.search', 'crm.get', 'crm.bulk', 'mail.send'), {
      minLength: 1,
      maxLength: 4,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.uniqueArray(fc.constantFrom('pay.out', 'crm.list', 'shop.order', 'not.declared'), { minLength: 1 }),
  },
);

/** Limits that most workspaces have; what else there is of guards is over them, or beside them. */
const limits = fc
  .record({
    money: fc.record({
      length: fc.constantFrom(...LENGTHS),
      limit: fc.integer({ min: 1, max: 20 }),
      scope,
      action: fc.constantFrom('pay.*', 'pay.*', '*'),
    }),
    calls: fc.record({
      length: fc.constantFrom(...LENGTHS),
      limit: fc.integer({ min: 1, max: 6 }),
      scope,
      action: fc.constantFrom('pay.*', 'crm.*', 'mail.send', '*'),
    }),
    cap: fc.integer({ min: 1, max: 9 }),
    rows: fc.record({
      of: fc.constantFrom(
        ['crm.search', 'records_read'],
        ['crm.*', 'records_read'],
        ['crm.bulk', 'records_changed'],
        ['mail.send', 'recipients'],
      ),
      length: fc.constantFrom(...LENGTHS),
      limit: fc.integer({ min: 1, max: 12 }),
      scope,
    }),
    which: fc.subarray(['money', 'calls', 'cap', 'rows'], { minLength: 1 }),
  })
  .map(({ money, calls, cap, rows, which }) => {
    const denied = { effect: 'allow', otherwise: 'deny' };
    const all = {
      money: {
        id: 'money',
        action: money.action,
        when: { field: `sum(usd, ${money.length})`, lte: money.limit, scope: money.scope },
        ...denied,
      },
      calls: {
        id: 'calls',
        action: calls.action,
        when: { field: `count(${calls.length})`, lte: calls.limit, scope: calls.scope },
        ...denied,
      },
      cap: { id: 'cap', action: 'pay.*', when: { field: 'amount', lte: `$${cap}` }, ...denied },
      rows: {
        id: 'rows',
        action: rows.of[0],
        when: { field: `sum(${rows.of[1]}, ${rows.length})`, lte: rows.limit, scope: rows.scope },
        ...denied,
      },
    };
    return Object.entries(all).flatMap(([name, guard]) => (which.includes(name) ? [guard] : []));
  });

export interface RandomWorld {
  readonly set: PolicySet;
  readonly agents: readonly RadiusAgent[];
}

export const randomWorld: fc.Arbitrary<RandomWorld> = fc
  .record({
    roles: fc.tuple(
      ...ROLES.map((name) =>
        fc.record({
          name: fc.constant(name),
          allow: grants,
          guards: fc.array(guardDocument, { maxLength: 2 }),
          own: fc.oneof(limits, fc.constant([])),
        }),
      ),
    ),
    workspace: fc.array(guardDocument, { maxLength: 1 }),
    shared: fc.oneof(limits, limits, fc.constant([])),
    agents: fc.array(
      fc.record({
        owner: fc.constantFrom('p', 'q'),
        roles: fc.oneof(fc.constantFrom(['r'], ['s']), fc.subarray(ROLES, { minLength: 1, maxLength: 2 })),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ roles, workspace, shared, agents }) => ({
    set: {
      revision: 1,
      roles: roles.map(
        ({ name, allow, guards, own }): Role => ({
          name,
          description: '',
          revision: 1,
          allow,
          guards: guardsFrom([...own, ...guards], name),
        }),
      ),
      workspaceGuards: guardsFrom([...shared, ...workspace], 'workspace'),
      capabilities: CAPABILITIES,
    },
    agents: agents.map(({ owner, roles: worn }, i) => ({ id: `a${i}`, name: `a${i}`, ownerId: owner, roles: worn })),
  }));
