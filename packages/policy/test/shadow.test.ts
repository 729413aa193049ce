/** Shadow: what it would have been, and that it never is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Capability,
  checkGuards,
  compilePolicy,
  type DecisionRequest,
  type Guard,
  type PolicySet,
  policyHash,
  type Role,
  settle,
  toldToAgent,
  type Verdict,
} from '../src/index.ts';
import { MemoryWindows } from '../src/testing/memory-windows.ts';

const PAY: Capability = {
  name: 'payments.pay',
  description: '',
  access: 'write',
  destructive: false,
  impact: { usd: { kind: 'field', field: 'amount', currency: 'USD' } },
};
const ORDER: Capability = { name: 'shop.order', description: '', access: 'write', destructive: false, impact: {} };

function guardsOf(documents: readonly object[], origin = 'clerk'): Guard[] {
  const checked = checkGuards(
    documents.map((document, i) => ({ id: `g${i}`, ...document })),
    origin,
  );
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

function roleOf(guards: readonly Guard[], allow: readonly string[] = ['payments.pay', 'shop.order']): Role {
  return { name: 'clerk', description: '', revision: 3, allow, guards };
}

function setOf(guards: readonly Guard[], more: Partial<PolicySet> = {}): PolicySet {
  return { revision: 1, roles: [roleOf(guards)], workspaceGuards: [], capabilities: [PAY, ORDER], ...more };
}

interface Paid {
  readonly capability: string;
  readonly amount: number;
  readonly afterSeconds: number;
}

/** The decisions of the payments, one after the other. */
function decide(set: PolicySet, payments: readonly Paid[]) {
  const policy = compilePolicy(set);
  const windows = new MemoryWindows();
  let now = 0;
  return payments.map(({ capability, amount, afterSeconds }) => {
    now += afterSeconds;
    const request: DecisionRequest = {
      workspaceId: 'w',
      agentId: 'agent',
      ownerId: 'owner',
      roles: ['clerk'],
      capability,
      arguments: { amount },
    };
    const evaluation = policy.evaluate(request);
    const usages = evaluation.demands.map((demand) => windows.usage(demand, now));
    const decision = settle(evaluation, usages);
    if (decision.verdict === 'allow') windows.charge(evaluation.charges, now);
    return decision;
  });
}

const pay = (amount: number, afterSeconds = 60): Paid => ({ capability: 'payments.pay', amount, afterSeconds });
const CAP = { action: 'payments.pay', when: { field: 'sum(payments, 24h)', lte: '$500' }, effect: 'allow' };

const verdict = fc.constantFrom<Verdict>('allow', 'review', 'deny');
const guard = fc.record({
  action: fc.constantFrom('payments.pay', 'shop.order', '*'),
  when: fc.oneof(
    fc.constantFrom('$1', '$3', '2 EUR', 2).map((gt) => ({ field: 'amount', gt })),
    fc.constantFrom('$2', '$9').map((lte) => ({ field: 'sum(usd, 24h)', lte })),
    fc.constantFrom(1, 3).map((lte) => ({ field: 'rate.per_hour', lte })),
  ),
  effect: verdict,
  otherwise: verdict,
});
const payments = fc.array(
  fc.record({
    capability: fc.constantFrom('payments.pay', 'shop.order'),
    amount: fc.constantFrom(-1, 0, 1, 1.001, 2, 4, 8),
    afterSeconds: fc.constantFrom(0, 60, 4_000, 90_000),
  }),
  { minLength: 1, maxLength: 20 },
);

describe('shadow', () => {
  it('tells what a guard would have refused, and lets it pass', () => {
    const [first, second, third] = decide(setOf(guardsOf([{ ...CAP, mode: 'shadow' }])), [pay(300), pay(200), pay(1)]);
    expect(first).not.toHaveProperty('shadow');
    expect(second).toMatchObject({ verdict: 'allow' });
    expect(third).toMatchObject({ verdict: 'allow', trace: [], shadow: [{ rule: 'g0', result: 'deny' }] });
    expect(third?.shadow?.[0]?.detail).toBe('$500.00 used + $1.00 > $500.00 in any 24 hours');
    expect(third?.shadow?.[0]?.sentence).toMatch(/^In shadow: /);
  });

  it('says nothing where the decision is as strict', () => {
    const guards = guardsOf([CAP, { ...CAP, otherwise: 'review', mode: 'shadow' }]);
    expect(decide(setOf(guards), [pay(501)])[0]).toMatchObject({ verdict: 'deny' });
    expect(decide(setOf(guards), [pay(501)])[0]).not.toHaveProperty('shadow');
  });

  it('is not told to agents', () => {
    const [decision] = decide(setOf(guardsOf([{ ...CAP, mode: 'shadow' }])), [pay(501)]);
    expect(decision).toHaveProperty('shadow');
    expect(decision && toldToAgent(decision)).not.toHaveProperty('shadow');
  });

  it('does not change which impossible amount is named first', () => {
    const euro = { action: 'shop.order', when: { field: 'amount', gt: '2 EUR' }, effect: 'allow', otherwise: 'review' };
    const dollar = { ...euro, when: { field: 'amount', gt: '$1' } };
    const negative = [{ capability: 'shop.order', amount: -1, afterSeconds: 0 }];
    const alone = decide(setOf(guardsOf([euro, dollar])), negative);
    expect(decide(setOf(guardsOf([{ ...dollar, mode: 'shadow' }, euro, dollar])), negative)).toMatchObject(
      alone.map(({ reason }) => ({ verdict: 'deny', reason })),
    );
  });

  it('changes neither a verdict, its reason nor the policy hash, whatever is in shadow', () => {
    fc.assert(
      fc.property(
        fc.array(guard, { maxLength: 3 }),
        fc.array(guard, { maxLength: 3 }),
        payments,
        (real, tried, made) => {
          const enforced = guardsOf(real);
          const shadows = guardsOf(tried).map((each): Guard => ({ ...each, id: `s-${each.id}`, mode: 'shadow' }));
          const candidate = roleOf(guardsOf(tried), ['payments.pay']);
          const alone = setOf(enforced);
          const decisions = decide(alone, made);
          for (const set of [setOf([...shadows, ...enforced]), setOf(enforced, { candidates: [candidate] })]) {
            expect(policyHash(set)).toBe(policyHash(alone));
            const beside = decide(set, made);
            expect(beside.map(({ shadow: _, ...decision }) => decision)).toEqual(decisions);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('would have been what the enforced guard is, while nothing was refused yet', () => {
    const RANK = { allow: 0, review: 1, deny: 2 };
    fc.assert(
      fc.property(fc.array(guard, { minLength: 1, maxLength: 3 }), payments, (tried, made) => {
        const guards = guardsOf(tried);
        const shadow = decide(setOf(guards.map((each): Guard => ({ ...each, mode: 'shadow' }))), made);
        const enforced = decide(setOf(guards), made);
        for (const [i, decision] of enforced.entries()) {
          // an impossible amount is refused by whoever reads it, and a guard in shadow refuses nothing
          if (decision.rule?.startsWith('impact.') === true) return;
          const would = Math.max(0, ...(shadow[i]?.shadow ?? []).map(({ result }) => RANK[result]));
          if (shadow[i]?.verdict === 'allow') expect(would).toBe(RANK[decision.verdict]);
          // from here on the two have different windows
          if (decision.verdict !== 'allow') return;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('of a role tells what its candidate would hold back and refuse', () => {
    const candidate = roleOf(
      guardsOf([{ action: 'payments.pay', when: { field: 'amount', gt: 5 }, effect: 'review' }]),
      ['payments.pay'],
    );
    const set = setOf([], { candidates: [candidate] });
    const [paid, ordered] = decide(set, [pay(6), { capability: 'shop.order', amount: 1, afterSeconds: 0 }]);
    expect(paid).toMatchObject({ verdict: 'allow', shadow: [{ rule: 'g0', origin: 'clerk', result: 'review' }] });
    expect(ordered).toMatchObject({ verdict: 'allow', shadow: [{ rule: 'scope', origin: 'clerk', result: 'deny' }] });
  });
});
