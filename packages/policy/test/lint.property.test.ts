/** What lint says of a rule holds for every call: judged by the engine on random policies and random calls. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Capability,
  checkGuards,
  compilePolicy,
  type DecisionRequest,
  type Finding,
  type Guard,
  type JsonObject,
  lintPolicy,
  type PolicySet,
  type Role,
  settle,
  type Verdict,
} from '../src/index.ts';
import { MemoryWindows } from '../src/testing/memory-windows.ts';

const CAPABILITIES: readonly Capability[] = [
  {
    name: 'pay.one',
    description: '',
    access: 'write',
    destructive: false,
    impact: { usd: { kind: 'field', field: 'amount', currency: 'USD' } },
  },
  { name: 'pay.two', description: '', access: 'write', destructive: false, impact: {} },
  { name: 'crm.read', description: '', access: 'read', destructive: false, impact: {} },
  { name: 'crm.delete', description: '', access: 'write', destructive: true, impact: {} },
];
const NAMES = CAPABILITIES.map(({ name }) => name);

const verdict = fc.constantFrom<Verdict>('allow', 'review', 'deny');
const word = fc.constantFrom('x', 'y', 'X', 'xy');
const number = fc.constantFrom(0, 1, 2, 2.5);
const money = fc.constantFrom('$1', '$2', '$3', 1, 2, '2 EUR');
const order = fc.constantFrom('lt', 'lte', 'gt', 'gte');
const domain = fc.constantFrom('a.com', '*.a.com', 'b.a.com', '*.b.a.com', 'c.org');
const test: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.tuple(fc.constantFrom('f', 'g.h', 'i[].j'), fc.constantFrom('eq', 'ne'), fc.oneof(word, number)).map(pair),
  fc.tuple(fc.constant('f'), fc.constantFrom('in', 'notIn'), fc.uniqueArray(word, { minLength: 1 })).map(pair),
  fc.tuple(fc.constant('f'), order, number).map(pair),
  fc.tuple(fc.constant('f'), fc.constantFrom('startsWith', 'contains'), word).map(pair),
  fc.tuple(fc.constant('f'), fc.constant('exists'), fc.boolean()).map(pair),
  fc.tuple(fc.constant('amount'), fc.oneof(order, fc.constantFrom('eq', 'ne')), money).map(pair),
  fc.tuple(fc.constant('amount'), fc.constant('exists'), fc.boolean()).map(pair),
  fc
    .tuple(fc.constant('to.domain'), fc.constantFrom('in', 'notIn'), fc.uniqueArray(domain, { minLength: 1 }))
    .map(pair),
  fc.tuple(fc.constant('payee'), fc.constantFrom('in', 'notIn'), fc.uniqueArray(word, { minLength: 1 })).map(pair),
  fc.tuple(fc.constant('action'), fc.constantFrom('eq', 'ne'), fc.constantFrom(...NAMES)).map(pair),
);
function pair([field, operator, operand]: [string, string, JsonObject[string]]): JsonObject {
  return { field, [operator]: operand };
}
const { condition } = fc.letrec<{ condition: JsonObject }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    test,
    fc.record({ all: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('condition') }),
  ),
}));
const action = fc.constantFrom(...NAMES, 'pay.*', 'crm.*', '*', 'none.such');
const window = fc.record({
  field: fc.constantFrom('sum(usd, 24h)', 'sum(usd, 1h)'),
  lte: fc.integer({ min: 0, max: 5 }).map((limit) => `$${limit}`),
  scope: fc.constantFrom('agent', 'role', 'owner'),
});
const rate = fc.record({ field: fc.constantFrom('rate.per_day', 'count(10m)'), lte: fc.integer({ min: 0, max: 4 }) });
const guard = fc.oneof(
  { weight: 4, arbitrary: fc.record({ action, when: condition, effect: verdict, otherwise: verdict }) },
  { weight: 2, arbitrary: fc.record({ action, when: fc.oneof(window, rate), effect: verdict, otherwise: verdict }) },
  // the shapes people write: thresholds and caps
  {
    weight: 3,
    arbitrary: fc.record({
      action: fc.constantFrom('pay.one', 'pay.two', 'pay.*'),
      when: fc.oneof(fc.tuple(fc.constant('amount'), order, money).map(pair), window),
      effect: fc.constantFrom<Verdict>('allow', 'review'),
      otherwise: fc.constantFrom<Verdict>('deny', 'review', 'allow'),
    }),
  },
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
    .record({ allow: fc.uniqueArray(fc.constantFrom(...NAMES)), guards: fc.array(guard, { maxLength: 5 }) })
    .map(
      ({ allow, guards }): Role => ({ name, description: '', revision: 1, allow, guards: guardsFrom(guards, name) }),
    );
const policySet: fc.Arbitrary<PolicySet> = fc
  .record({ roles: fc.tuple(roleOf('a'), roleOf('b')), workspace: fc.array(guard, { maxLength: 3 }) })
  .map(({ roles, workspace }) => ({
    revision: 1,
    roles,
    workspaceGuards: guardsFrom(workspace, 'workspace'),
    capabilities: CAPABILITIES,
  }));

const value = fc.oneof(word, fc.constantFrom(-1, 0, 0.5, 1, 2, 2.5, 3), fc.constant(null), fc.boolean());
const values = fc.oneof(value, fc.array(value, { maxLength: 3 }));
const address = fc.constantFrom('p@a.com', 'p@b.a.com', 'p@q.b.a.com', 'p@c.org', 'p@z.net', 'nobody', 'x', 'y');
interface Call {
  readonly roles: readonly string[];
  readonly capability: string;
  readonly arguments: JsonObject;
  readonly afterSeconds: number;
}
const call: fc.Arbitrary<Call> = fc.record({
  roles: fc.constantFrom(['a'], ['b'], ['a', 'b']),
  capability: fc.constantFrom(...NAMES),
  arguments: fc.record(
    {
      f: values,
      g: fc.record({ h: value }),
      i: fc.array(fc.record({ j: value }), { maxLength: 2 }),
      amount: fc.oneof(fc.constantFrom(0, 0.5, 1, 1.01, 2, 3, 4.5, 6, -1, 1.001, '2'), value),
      currency: fc.constantFrom('USD', 'EUR', 'XXX'),
      to: fc.oneof(address, fc.array(address, { maxLength: 2 })),
    },
    { requiredKeys: [] },
  ),
  afterSeconds: fc.constantFrom(0, 60, 700, 4_000, 50_000),
});
const calls = fc.array(call, { minLength: 1, maxLength: 25 });

/** The verdicts of the calls one after the other, with the windows that they fill. */
function verdictsUnder(set: PolicySet, made: readonly Call[]) {
  const policy = compilePolicy(set);
  const windows = new MemoryWindows();
  let now = 0;
  return made.map(({ afterSeconds, ...asked }) => {
    now += afterSeconds;
    const request: DecisionRequest = { workspaceId: 'w', agentId: 'agent', ownerId: 'owner', ...asked };
    const evaluation = policy.evaluate(request);
    const decision = settle(
      evaluation,
      evaluation.demands.map((demand) => windows.usage(demand, now)),
    );
    if (decision.verdict === 'allow') windows.charge(evaluation.charges, now);
    return decision;
  });
}

function without(set: PolicySet, removed: readonly Finding[]): PolicySet {
  const gone = new Set(removed.map(({ origin, guard: id }) => `${origin} ${id}`));
  const stays = ({ origin, id }: Guard) => !gone.has(`${origin} ${id}`);
  return {
    ...set,
    roles: set.roles.map((role) => ({ ...role, guards: role.guards.filter(stays) })),
    workspaceGuards: set.workspaceGuards.filter(stays),
  };
}

describe('lint', () => {
  it('calls unreachable or dead only what can be removed, one by one and together, without changing a verdict', () => {
    let reported = 0;
    fc.assert(
      fc.property(policySet, calls, (set, made) => {
        const removable = lintPolicy(set).filter(({ code }) => code === 'unreachable' || code === 'dead');
        reported += removable.length;
        if (removable.length === 0) return;
        const before = verdictsUnder(set, made).map(({ verdict }) => verdict);
        for (const some of [...removable.map((each) => [each]), removable])
          expect(verdictsUnder(without(set, some), made).map(({ verdict }) => verdict)).toEqual(before);
      }),
      { numRuns: 800 },
    );
    expect(reported).toBeGreaterThan(100);
  });

  it('tells a threshold that a cap makes dead from one that it does not', () => {
    let reported = 0;
    const capOrThreshold = fc.record({
      action: fc.constantFrom('pay.one', 'pay.*'),
      when: fc.oneof(window, rate, fc.tuple(fc.constant('amount'), order, money).map(pair)),
      effect: fc.constantFrom<Verdict>('allow', 'review'),
      otherwise: fc.constantFrom<Verdict>('deny', 'review'),
    });
    const paying = fc.record({
      amount: fc.constantFrom(0, 0.5, 1, 1.01, 2, 3, 4, 5, 6),
      afterSeconds: fc.constantFrom(0, 60, 700, 4_000, 50_000),
    });
    const few = { minLength: 2, maxLength: 4 };
    const many = { minLength: 5, maxLength: 25 };
    fc.assert(
      fc.property(fc.array(capOrThreshold, few), fc.array(paying, many), (documents, paid) => {
        const role = {
          name: 'a',
          description: '',
          revision: 1,
          allow: ['pay.one'],
          guards: guardsFrom(documents, 'a'),
        };
        const set: PolicySet = { revision: 1, roles: [role], workspaceGuards: [], capabilities: CAPABILITIES };
        const dead = lintPolicy(set).filter(({ code }) => code === 'dead');
        reported += dead.length;
        if (dead.length === 0) return;
        const made = paid.map(
          ({ amount, afterSeconds }): Call => ({
            roles: ['a'],
            capability: 'pay.one',
            arguments: { amount },
            afterSeconds,
          }),
        );
        const before = verdictsUnder(set, made).map(({ verdict }) => verdict);
        expect(verdictsUnder(without(set, dead), made).map(({ verdict }) => verdict)).toEqual(before);
      }),
      { numRuns: 3_000 },
    );
    expect(reported).toBeGreaterThan(100);
  });

  it('calls a rule always-allow, never or always met, a contradiction or a refused grant only where the engine agrees', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(policySet, calls, (set, made) => {
        const findings = lintPolicy(set);
        const decisions = verdictsUnder(set, made);
        for (const { code, origin, guard: id, path } of findings) {
          seen.set(code, (seen.get(code) ?? 0) + 1);
          const guards = [...set.workspaceGuards, ...set.roles.flatMap((role) => role.guards)];
          const named = guards.find((each) => each.origin === origin && each.id === id);
          for (const [i, { trace, verdict: given }] of decisions.entries()) {
            const step = trace.find((each) => each.origin === origin && each.rule === id);
            const asked = made[i];
            if (asked === undefined) continue;
            if (code === 'always_allow' && step !== undefined) expect(step.result).toBe('allow');
            if (code === 'never_holds' && step !== undefined) expect(step.result).not.toBe(onlyWhen(named, 'effect'));
            if (code === 'always_holds' && step !== undefined)
              expect(step.result).not.toBe(onlyWhen(named, 'otherwise'));
            if (code === 'grant_refused' && asked.roles.includes(origin)) {
              const granted = set.roles.find(({ name }) => name === origin)?.allow[Number(path[2])];
              if (asked.capability === granted) expect(given).toBe('deny');
            }
          }
        }
      }),
      { numRuns: 600 },
    );
    for (const code of ['always_allow', 'never_holds', 'always_holds', 'grant_refused'])
      expect(seen.get(code) ?? 0, code).toBeGreaterThan(5);
  });

  it('calls two guards a contradiction only where together they deny every call', () => {
    let reported = 0;
    const pairOf = fc.array(fc.record({ when: condition, effect: verdict, otherwise: verdict }), {
      minLength: 2,
      maxLength: 2,
    });
    fc.assert(
      fc.property(pairOf, calls, (documents, made) => {
        const guards = guardsFrom(
          documents.map((document) => ({ action: 'pay.one', ...document })),
          'a',
        );
        const role: Role = { name: 'a', description: '', revision: 1, allow: ['pay.one'], guards };
        const set: PolicySet = { revision: 1, roles: [role], workspaceGuards: [], capabilities: CAPABILITIES };
        if (!lintPolicy(set).some(({ code }) => code === 'contradiction')) return;
        reported += 1;
        const asked = made.map((each) => ({ ...each, roles: ['a'], capability: 'pay.one' }));
        for (const { verdict: given } of verdictsUnder(set, asked)) expect(given).toBe('deny');
      }),
      { numRuns: 1_500 },
    );
    expect(reported).toBeGreaterThan(5);
  });
});

/** The verdict that shows which branch was taken: undefined where the stricter branch looks the same. */
function onlyWhen(guard: Guard | undefined, branch: 'effect' | 'otherwise'): Verdict | undefined {
  if (guard === undefined) return undefined;
  const rank = { allow: 0, review: 1, deny: 2 };
  const [own, other] = branch === 'effect' ? [guard.effect, guard.otherwise] : [guard.otherwise, guard.effect];
  return rank[own] < rank[other] ? own : undefined;
}
