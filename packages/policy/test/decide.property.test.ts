/** What must hold for every policy and every call. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Capability,
  checkGuards,
  compilePolicy,
  type DecisionRequest,
  type Guard,
  type JsonObject,
  type PolicySet,
  policyHash,
  quarantineMark,
  type Role,
  settle,
  type Verdict,
} from '../src/index.ts';
import { naiveVerdict, type UsageOf } from './naive.ts';

const RANK: Readonly<Record<Verdict, number>> = { allow: 0, review: 1, deny: 2 };
const SPENDING = ['pay.one', 'pay.two'];
const READING = ['crm.read', 'crm.search', 'deploy'];
const CAPABILITIES: readonly Capability[] = [
  ...SPENDING.map(
    (name): Capability => ({
      name,
      description: '',
      access: 'write',
      destructive: false,
      impact: { usd: { kind: 'field', field: 'amount', currency: 'USD' } },
    }),
  ),
  ...READING.map((name): Capability => ({ name, description: '', access: 'read', destructive: false, impact: {} })),
];
/** A write that declares nothing. */
const NAMES = [...SPENDING, ...READING, 'shop.order'];
const ROLE_NAMES = ['a', 'b', 'c'];

const verdict = fc.constantFrom<Verdict>('allow', 'review', 'deny');
const word = fc.constantFrom('x', 'y', 'X', 'yy', '');
const number = fc.constantFrom(-1, 0, 1, 2, 2.5);
const test = fc
  .oneof(
    fc.record({ field: fc.constantFrom('f', 'g'), operand: word, operator: fc.constantFrom('eq', 'ne') }),
    fc.record({
      field: fc.constantFrom('f', 'g'),
      operand: fc.uniqueArray(word, { minLength: 1 }),
      operator: fc.constantFrom('in', 'notIn'),
    }),
    fc.record({ field: fc.constantFrom('f', 'g'), operand: number, operator: fc.constantFrom('eq', 'lt', 'gte') }),
    fc.record({
      field: fc.constantFrom('f', 'g'),
      operand: fc.constantFrom('x', 'y'),
      operator: fc.constant('startsWith'),
    }),
  )
  .map(({ field, operator, operand }): JsonObject => ({ field, [operator]: operand }));
const amountTest = fc.constantFrom('$1', '$3.99', '$200').map((gt): JsonObject => ({ field: 'amount', gt }));
const { condition } = fc.letrec<{ condition: JsonObject }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    test,
    amountTest,
    fc.record({ all: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('condition') }),
  ),
}));
const scope = fc.constantFrom('agent', 'role', 'owner', 'workspace');
/** Of some windows, what their counters are kept apart by. */
const per = { per: fc.constantFrom(undefined, undefined, 'f', 'action') };
const guardDocument = fc.oneof(
  fc.record({
    action: fc.constantFrom(...NAMES, 'pay.*', 'crm.*', 'shop.*', '*'),
    when: condition,
    effect: verdict,
    otherwise: verdict,
  }),
  fc.record({
    action: fc.constantFrom('pay.*', 'pay.one', 'shop.*', 'shop.order', 'crm.*', 'deploy', '*'),
    when: fc.record({
      field: fc.constantFrom('sum(usd, 24h)', 'sum(usd, 1h)'),
      lte: fc.integer({ min: 0, max: 20 }),
      scope,
      ...per,
    }),
    effect: verdict,
    otherwise: verdict,
  }),
  fc.record({
    action: fc.constantFrom('crm.*', 'deploy', '*'),
    when: fc.record({
      field: fc.constantFrom('rate.per_day', 'count(10m)'),
      lte: fc.integer({ min: 0, max: 5 }),
      scope,
      ...per,
    }),
    effect: verdict,
    otherwise: verdict,
  }),
);

function guardsFrom(documents: readonly object[], origin: string): Guard[] {
  const checked = checkGuards(
    documents.map((document, i) => ({ id: `g${i}`, ...document })),
    origin,
  );
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

const roleOf = (name: string) =>
  fc
    .record({ allow: fc.uniqueArray(fc.constantFrom(...NAMES)), guards: fc.array(guardDocument, { maxLength: 3 }) })
    .map(
      ({ allow, guards }): Role => ({ name, description: '', revision: 1, allow, guards: guardsFrom(guards, name) }),
    );
const policySet: fc.Arbitrary<PolicySet> = fc
  .record({ roles: fc.tuple(...ROLE_NAMES.map(roleOf)), workspace: fc.array(guardDocument, { maxLength: 2 }) })
  .map(({ roles, workspace }) => ({
    revision: 1,
    roles,
    workspaceGuards: guardsFrom(workspace, 'workspace'),
    capabilities: CAPABILITIES,
  }));

const value = fc.oneof(
  word,
  number,
  fc.constant(null),
  fc.boolean(),
  fc.array(fc.oneof(word, number), { maxLength: 3 }),
);
const request: fc.Arbitrary<DecisionRequest> = fc.record({
  workspaceId: fc.constant('w'),
  agentId: fc.constantFrom('a1', 'a2'),
  ownerId: fc.constant('o'),
  roles: fc.subarray([...ROLE_NAMES, 'unknown']),
  capability: fc.constantFrom(...NAMES, 'other.thing'),
  arguments: fc.record(
    { f: value, g: value, amount: fc.oneof(fc.constantFrom(0, 1, 5, 10.5, -2, 3.999, 1e15), value) },
    { requiredKeys: [] },
  ),
});
const usage: fc.Arbitrary<UsageOf> = fc
  .array(fc.integer({ min: 0, max: 1500 }), { minLength: 8, maxLength: 8 })
  .map((amounts) => {
    // a key always has the same usage
    return (key) =>
      amounts[[...key].reduce((sum, character) => sum + character.charCodeAt(0), 0) % amounts.length] ?? 0;
  });

function decide(set: PolicySet, call: DecisionRequest, usageOf: UsageOf) {
  const evaluation = compilePolicy(set).evaluate(call);
  return settle(
    evaluation,
    evaluation.demands.map(({ key }) => ({ used: usageOf(key) })),
  );
}

describe('decisions', () => {
  it('are those of the naive interpreter', () => {
    fc.assert(
      fc.property(policySet, fc.array(request, { minLength: 1, maxLength: 8 }), usage, (set, calls, usageOf) => {
        const compiled = compilePolicy(set);
        for (const call of calls) {
          const evaluation = compiled.evaluate(call);
          const decision = settle(
            evaluation,
            evaluation.demands.map(({ key }) => ({ used: usageOf(key) })),
          );
          expect(decision.verdict).toBe(naiveVerdict(set, call, usageOf));
          expect(decision.policyHash).toBe(policyHash(set));
        }
      }),
      { numRuns: 600 },
    );
  });

  it('are the strictest of their trace, and name the rule that decided', () => {
    fc.assert(
      fc.property(policySet, request, usage, (set, call, usageOf) => {
        const decision = decide(set, call, usageOf);
        if (decision.reasonClass === 'scope') {
          expect(decision).toMatchObject({ verdict: 'deny', trace: [] });
          return;
        }
        const strictest = Math.max(0, ...decision.trace.map(({ result }) => RANK[result]));
        expect(RANK[decision.verdict]).toBe(strictest);
        if (decision.verdict === 'allow') expect(decision.rule).toBeUndefined();
        else expect(decision.trace.find(({ result }) => result === decision.verdict)?.rule).toBeDefined();
        if (decision.rule !== undefined)
          expect(decision.trace.some(({ rule, result }) => rule === decision.rule && result === decision.verdict)).toBe(
            true,
          );
      }),
    );
  });

  it('never become laxer by one more guard', () => {
    fc.assert(
      fc.property(
        policySet,
        guardDocument,
        fc.constantFrom('workspace', ...ROLE_NAMES),
        request,
        usage,
        (set, extra, origin, call, usageOf) => {
          const [guard] = guardsFrom([extra], origin);
          if (guard === undefined) throw new Error('no guard');
          const stricter: PolicySet =
            origin === 'workspace'
              ? { ...set, workspaceGuards: [...set.workspaceGuards, guard] }
              : {
                  ...set,
                  roles: set.roles.map((role) =>
                    role.name === origin ? { ...role, guards: [...role.guards, guard] } : role,
                  ),
                };
          const before = decide(set, call, usageOf);
          const after = decide(stricter, call, usageOf);
          expect(RANK[after.verdict]).toBeGreaterThanOrEqual(RANK[before.verdict]);
        },
      ),
    );
  });

  it('never lose a grant by one more role', () => {
    fc.assert(
      fc.property(policySet, fc.subarray(ROLE_NAMES), fc.constantFrom(...ROLE_NAMES), (set, roles, more) => {
        const compiled = compilePolicy(set);
        const before = compiled.granted(roles);
        const after = compiled.granted([...roles, more]);
        for (const capability of before) expect(after.has(capability)).toBe(true);
        for (const name of NAMES) {
          const call = { workspaceId: 'w', agentId: 'a', ownerId: 'o', roles, capability: name, arguments: {} };
          // the tool list and the call agree
          expect(compiled.evaluate(call).reasonClass === 'scope').toBe(!before.has(name));
        }
      }),
    );
  });

  it('in quarantine are never laxer, and grant no more than harmless reads of what was granted', () => {
    const mark = fc.constantFrom(undefined, ...ROLE_NAMES, 'gone').map(quarantineMark);
    const reads = new Set(CAPABILITIES.filter(({ access }) => access === 'read').map(({ name }) => name));
    fc.assert(
      fc.property(policySet, request, usage, mark, (set, call, usageOf, worn) => {
        const compiled = compilePolicy(set);
        const free = compiled.granted(call.roles);
        const bound = set.roles.find(({ name }) => quarantineMark(name) === worn);
        const left = compiled.granted([...call.roles, worn]);
        for (const name of left) expect(free.has(name) && reads.has(name)).toBe(true);
        if (bound !== undefined) for (const name of left) expect(bound.allow).toContain(name);
        if (worn === quarantineMark()) expect([...left]).toEqual([...free].filter((name) => reads.has(name)));
        if (worn === quarantineMark('gone')) expect(left.size).toBe(0);
        const confined = decide(set, { ...call, roles: [...call.roles, worn] }, usageOf);
        expect(RANK[confined.verdict]).toBeGreaterThanOrEqual(RANK[decide(set, call, usageOf).verdict]);
        // The tool list and the call agree.
        expect(confined.reasonClass === 'scope').toBe(!left.has(call.capability));
      }),
    );
  });

  it('do not depend on the order of roles, grants and guards, nor on what was asked before', () => {
    fc.assert(
      fc.property(policySet, fc.array(request, { minLength: 2, maxLength: 10 }), usage, (set, calls, usageOf) => {
        const turned: PolicySet = {
          ...set,
          roles: set.roles
            .map((role) => ({ ...role, allow: [...role.allow].reverse(), guards: [...role.guards].reverse() }))
            .reverse(),
          workspaceGuards: [...set.workspaceGuards].reverse(),
        };
        const warm = compilePolicy(turned);
        for (const call of calls) {
          const evaluation = warm.evaluate({ ...call, roles: [...call.roles].reverse() });
          const again = settle(
            evaluation,
            evaluation.demands.map(({ key }) => ({ used: usageOf(key) })),
          );
          expect(again.verdict).toBe(decide(set, call, usageOf).verdict);
        }
      }),
    );
  });

  it('charge every counter that they demand', () => {
    fc.assert(
      fc.property(policySet, request, (set, call) => {
        const { demands, charges } = compilePolicy(set).evaluate(call);
        for (const demand of demands) {
          const charge = charges.find(({ key }) => key === demand.key);
          expect(charge?.amount).toBe(demand.amount);
          expect(charge?.keepSeconds ?? 0).toBeGreaterThanOrEqual(demand.windowSeconds);
        }
        expect(new Set(charges.map(({ key }) => key)).size).toBe(charges.length);
        for (const { amount } of charges) expect(Number.isSafeInteger(amount) && amount > 0).toBe(true);
      }),
    );
  });
});

describe('totality', () => {
  const anything = compilePolicy({
    revision: 1,
    roles: [
      {
        name: 'r',
        description: '',
        revision: 1,
        allow: ['pay.one', 'mail.send'],
        guards: guardsFrom(
          [
            { action: '*', when: { field: 'to.domain', in: ['acme.com', '*.acme.io'] }, effect: 'allow' },
            { action: '*', when: { field: 'payee', in: ['a'] }, effect: 'allow' },
            { action: '*', when: { field: 'amount', gt: '$200' }, effect: 'review' },
            { action: '*', when: { field: 'amount', lte: 200 }, effect: 'allow' },
            { action: '*', when: { field: 'x', pathUnder: '/srv' }, effect: 'allow' },
            { action: '*', when: { field: 'x', domainIn: 'acme.com' }, effect: 'allow' },
            { action: '*', when: { field: 'x', matches: '[a-z]*' }, effect: 'allow' },
            { action: '*', when: { field: 'x.y', contains: 'a' }, effect: 'deny' },
            { action: '*', when: { field: 'x[].y', startsWith: 'a' }, effect: 'deny' },
            { action: '*', when: { field: 'x', ne: 'a' }, effect: 'deny' },
            { action: '*', when: { field: 'x', between: [1, 2] }, effect: 'deny' },
            { action: '*', when: { field: 'x', exists: true }, effect: 'review' },
            { action: 'pay.*', when: { field: 'sum(pay, 24h)', lte: '$5' }, effect: 'allow' },
          ],
          'r',
        ),
      },
    ],
    workspaceGuards: [],
    capabilities: CAPABILITIES,
  });
  const keys = fc.constantFrom(
    'to',
    'cc',
    'Bcc',
    'payee',
    'amount',
    'currency',
    'x',
    'y',
    '__proto__',
    'constructor',
    'toString',
  );
  const args = fc.dictionary(keys, fc.oneof(fc.jsonValue({ maxDepth: 4 }), fc.string(), fc.double()), { maxKeys: 6 });

  it('holds for any arguments, without an internal error', () => {
    fc.assert(
      fc.property(args, fc.constantFrom('pay.one', 'mail.send'), (given, capability) => {
        const call = {
          workspaceId: 'w',
          agentId: 'a',
          ownerId: 'o',
          roles: ['r'],
          capability,
          arguments: JSON.parse(JSON.stringify(given)),
        };
        const evaluation = anything.evaluate(call);
        expect(evaluation.reasonClass).not.toBe('error');
        const decision = settle(
          evaluation,
          evaluation.demands.map(() => ({ used: 0 })),
        );
        expect(['allow', 'review', 'deny']).toContain(decision.verdict);
        for (const amount of Object.values(decision.impact))
          expect(Number.isSafeInteger(amount) && amount >= 0).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('denies what is no request at all', () => {
    const thrower = {
      get x() {
        throw new Error('no');
      },
    };
    const request = (given: unknown) =>
      Object.assign(Object.create(null), { roles: ['r'], capability: 'pay.one', arguments: given });
    expect(anything.evaluate(request(7)).verdict).toBe('deny');
    for (const given of [null, undefined, thrower])
      expect(anything.evaluate(request(given))).toMatchObject({ verdict: 'deny', reasonClass: 'error', demands: [] });
    expect(anything.evaluate(JSON.parse('{}'))).toMatchObject({ verdict: 'deny', reasonClass: 'error' });
  });

  it('denies as an error what the counters cannot tell', () => {
    const call = {
      workspaceId: 'w',
      agentId: 'a',
      ownerId: 'o',
      roles: ['r'],
      capability: 'pay.one',
      arguments: { amount: 1, to: 'a@acme.com', x: 'a' },
    };
    const free = compilePolicy({
      revision: 1,
      roles: [
        {
          name: 'r',
          description: '',
          revision: 1,
          allow: ['pay.one'],
          guards: guardsFrom([{ action: 'pay.*', when: { field: 'sum(pay, 24h)', lte: '$5' }, effect: 'allow' }], 'r'),
        },
      ],
      workspaceGuards: [],
      capabilities: CAPABILITIES,
    });
    const evaluation = free.evaluate(call);
    expect(evaluation.demands).toHaveLength(1);
    expect(settle(evaluation, [{ used: 0 }]).verdict).toBe('allow');
    for (const usages of [
      [],
      [{ used: Number.NaN }],
      [{ used: -1 }],
      [{ used: 0.5 }],
      [{ used: Number.POSITIVE_INFINITY }],
    ])
      expect(settle(evaluation, usages)).toMatchObject({ verdict: 'deny', reasonClass: 'error' });
    expect(settle(evaluation, [{ used: Number.MAX_SAFE_INTEGER }])).toMatchObject({
      verdict: 'deny',
      reasonClass: 'cap',
    });
  });

  it('keeps an outsider out of any list of recipients', () => {
    const inside = fc.constantFrom('a@acme.com', 'B <b@x.acme.io>', 'c@ACME.com', 'd@acme.com, e@acme.com');
    const outside = fc.oneof(
      fc.constantFrom(
        'x@evil.example',
        'a@acme.com.evil.example',
        'a@acme.com@evil.example',
        'a@evilacme.com',
        '',
        ' ',
        'a@acme.com,',
      ),
      fc.string(),
      fc.tuple(fc.string(), fc.string()).map(([a, b]) => `${a}@evil.example${b}`),
      fc.jsonValue(),
    );
    const compiled = compilePolicy({
      revision: 1,
      roles: [
        {
          name: 'r',
          description: '',
          revision: 1,
          allow: ['mail.send'],
          guards: guardsFrom(
            [{ action: 'mail.send', when: { field: 'to.domain', in: ['acme.com', '*.acme.io'] }, effect: 'allow' }],
            'r',
          ),
        },
      ],
      workspaceGuards: [],
      capabilities: [],
    });
    fc.assert(
      fc.property(fc.array(inside), outside, fc.nat(), fc.constantFrom('to', 'cc', 'BCC'), (good, bad, at, key) => {
        if (key !== 'to' && (bad === '' || bad === null || (Array.isArray(bad) && bad.length === 0))) return;
        const list: unknown[] = [...good];
        list.splice(at % (list.length + 1), 0, bad);
        const call = {
          workspaceId: 'w',
          agentId: 'a',
          ownerId: 'o',
          roles: ['r'],
          capability: 'mail.send',
          arguments: JSON.parse(JSON.stringify({ to: 'a@acme.com', [key]: list })),
        };
        expect(compiled.evaluate(call).verdict).toBe('deny');
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the policy hash', () => {
  it('stays when nothing that can change a verdict changes', () => {
    fc.assert(
      fc.property(policySet, fc.string(), (set, text) => {
        const same: PolicySet = {
          revision: set.revision + 1,
          roles: set.roles
            .map((role) => ({
              ...role,
              description: text,
              revision: role.revision + 1,
              allow: [...role.allow].reverse(),
              guards: role.guards.map((guard, i) => ({ ...guard, id: `n${i}`, sentence: text })).reverse(),
            }))
            .reverse(),
          workspaceGuards: [...set.workspaceGuards].reverse(),
          capabilities: set.capabilities
            .map((capability) => ({ ...capability, description: text, destructive: !capability.destructive }))
            .reverse(),
        };
        expect(policyHash(same)).toBe(policyHash(set));
      }),
    );
  });

  it('changes with everything that can change a verdict', () => {
    const base: PolicySet = {
      revision: 1,
      roles: [
        {
          name: 'r',
          description: '',
          revision: 1,
          allow: ['pay.one'],
          guards: guardsFrom(
            [
              { action: 'pay.one', when: { field: 'f', in: ['a', 'b'] }, effect: 'allow' },
              { action: 'pay.*', when: { field: 'sum(pay, 24h)', lte: '$5' }, effect: 'allow' },
            ],
            'r',
          ),
        },
      ],
      workspaceGuards: [],
      capabilities: CAPABILITIES,
    };
    const [role] = base.roles;
    if (role === undefined) throw new Error('no role');
    const withGuards = (...documents: object[]) => ({
      ...base,
      roles: [{ ...role, guards: guardsFrom(documents, 'r') }],
    });
    const list = { action: 'pay.one', when: { field: 'f', in: ['a', 'b'] }, effect: 'allow' };
    const cap = { action: 'pay.*', when: { field: 'sum(pay, 24h)', lte: '$5' }, effect: 'allow' };
    const others: PolicySet[] = [
      { ...base, roles: [] },
      { ...base, roles: [{ ...role, name: 's' }] },
      { ...base, roles: [{ ...role, allow: [] }] },
      { ...base, roles: [{ ...role, allow: ['pay.one', 'pay.two'] }] },
      { ...base, workspaceGuards: guardsFrom([list], 'workspace') },
      { ...base, capabilities: [] },
      { ...base, capabilities: CAPABILITIES.map((capability) => ({ ...capability, impact: {} })) },
      { ...base, capabilities: CAPABILITIES.map((capability): Capability => ({ ...capability, access: 'write' })) },
      withGuards(list),
      withGuards(list, { ...cap, when: { ...cap.when, lte: '$6' } }),
      withGuards(list, { ...cap, when: { ...cap.when, field: 'sum(pay, 1h)' } }),
      withGuards(list, { ...cap, when: { ...cap.when, scope: 'owner' } }),
      withGuards(list, { ...cap, when: { ...cap.when, over: ['*'] } }),
      withGuards(list, { ...cap, action: 'pay.one' }),
      withGuards(list, { ...cap, otherwise: 'review' }),
      withGuards({ ...list, when: { field: 'f', in: ['a'] } }, cap),
      withGuards({ ...list, when: { field: 'g', in: ['a', 'b'] } }, cap),
      withGuards({ ...list, when: { field: 'f', notIn: ['a', 'b'] } }, cap),
      withGuards({ ...list, when: { not: { field: 'f', in: ['a', 'b'] } } }, cap),
      withGuards({ ...list, effect: 'review' }, cap),
    ];
    const hashes = [base, ...others].map(policyHash);
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hashes[0]).toMatch(/^sha256:[0-9a-f]{64}$/);
    // another spelling of the same
    expect(
      policyHash(
        withGuards(
          { ...list, when: { field: 'f', in: ['b', 'a'] } },
          { ...cap, otherwise: 'block', when: { field: 'sum(pay,24h)', lte: 'USD 5.00' } },
        ),
      ),
    ).toBe(hashes[0]);
  });
});

describe('compiling', () => {
  it('refuses two roles of one name', () => {
    const role: Role = { name: 'r', description: '', revision: 1, allow: [], guards: [] };
    expect(() => compilePolicy({ revision: 1, roles: [role, role], workspaceGuards: [], capabilities: [] })).toThrow(
      TypeError,
    );
  });

  it('keeps role names apart whatever they hold', () => {
    const role = (name: string, allow: string[]): Role => ({ name, description: '', revision: 1, allow, guards: [] });
    const compiled = compilePolicy({
      revision: 1,
      roles: [role('a', ['x']), role('b', ['y'])],
      workspaceGuards: [],
      capabilities: [],
    });
    expect([...compiled.granted(['a', 'b'])]).toEqual(['x', 'y']);
    expect([...compiled.granted(['a\0b'])]).toEqual([]);
    expect([...compiled.granted(['b', 'a', 'b'])]).toEqual(['x', 'y']);
  });
});
