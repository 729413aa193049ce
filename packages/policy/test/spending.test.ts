/** What calls spend, by their arguments and by their answers, and what an agent is told of counters it shares. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  budgetsOf,
  checkCapability,
  checkFit,
  checkGuards,
  compilePolicy,
  type Guard,
  type JsonObject,
  type PolicySet,
  settle,
  toldToAgent,
} from '../src/index.ts';

function policy(impact: object, guards: readonly object[] = []): PolicySet {
  const capability = checkCapability({ name: 'pay.out', access: 'write', impact });
  if (!capability.ok) throw new Error(JSON.stringify(capability.problems));
  return {
    revision: 1,
    roles: [{ name: 'payer', description: '', revision: 1, allow: ['pay.out'], guards: guardsOf(guards, 'payer') }],
    workspaceGuards: [],
    capabilities: [capability.value],
  };
}

function guardsOf(guards: readonly object[], origin: string): Guard[] {
  const checked = checkGuards(guards, origin);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

const call = (args: JsonObject) => ({
  workspaceId: 'wsp_1',
  agentId: 'agt_1',
  ownerId: 'per_1',
  roles: ['payer'],
  capability: 'pay.out',
  arguments: args,
});

describe('a batch', () => {
  it('spends exactly what its elements would spend one by one', () => {
    const whole = compilePolicy(policy({ usd: { field: 'items[].amount', currency: 'USD' } }));
    const one = compilePolicy(policy({ usd: { field: 'amount', currency: 'USD' } }));
    const amount = fc.oneof(
      fc.integer({ min: 0, max: 10_000 }).map((cents) => cents / 100),
      fc.constantFrom(-1, 0.001, '5', 'x', null, 2 ** 52),
    );
    fc.assert(
      fc.property(fc.array(amount, { maxLength: 6 }), (amounts) => {
        const alone = amounts.map((each) => one.evaluate(call({ amount: each })));
        const together = whole.evaluate(call({ items: amounts.map((each) => ({ amount: each })) }));
        const sum = alone.reduce((total, { impact }) => total + (impact.usd ?? Number.NaN), 0);
        if (Number.isSafeInteger(sum)) expect(together.impact.usd).toBe(sum);
        else expect(together.impact.usd).toBeUndefined();
        if (alone.some(({ verdict }) => verdict === 'deny')) expect(together.verdict).toBe('deny');
      }),
    );
  });
});

describe('settling', () => {
  const settlement = (impact: object) => {
    const found = compilePolicy(policy(impact)).settlement('pay.out');
    if (found === undefined) throw new Error('nothing settles');
    return found;
  };

  it('reads what was spent from the structured content', () => {
    const usd = {
      field: 'amount',
      currency: 'USD',
      settle: { field: 'receipt.total', currency_field: 'receipt.currency' },
    };
    const spent = settlement({ usd });
    const answer = (content: JsonObject) => spent({ isError: false, content });
    expect(answer({ receipt: { total: 39.99 } })).toEqual({ usd: 3999 });
    expect(answer({ receipt: { total: '39.99', currency: 'usd' } })).toEqual({ usd: 3999 });
    expect(answer({ receipt: { total: 0 } })).toEqual({ usd: 0 });
  });

  it('tells nothing where the content holds no proper amount', () => {
    const usd = { field: 'amount', currency: 'USD', settle: { field: 'total', currency_field: 'currency' } };
    const spent = settlement({ usd });
    for (const content of [
      undefined,
      null,
      [],
      'x',
      {},
      { total: -1 },
      { total: 'free' },
      { total: 0.001 },
      { total: 1, currency: 'EUR' },
      { total: null },
    ])
      expect(spent({ isError: false, content })).toEqual({});
    expect(spent({ isError: true, content: { total: 0 } })).toEqual({});
  });

  it('takes an answered error for nothing spent only where that is declared', () => {
    const spent = settlement({ usd: { field: 'amount', currency: 'USD', settle: { errors: 'release' } }, calls: 1 });
    expect(spent({ isError: true, content: undefined })).toEqual({ usd: 0 });
    expect(spent({ isError: false, content: {} })).toEqual({});
  });

  it('adds up lists, and counts them', () => {
    const spent = settlement({
      usd: { constant: 5000, settle: { field: 'done[].cents', minor: true } },
      rows: { field: 'limit', settle: { length: 'done' } },
    });
    expect(spent({ isError: false, content: { done: [{ cents: 5 }, { cents: 7 }] } })).toEqual({ usd: 12, rows: 2 });
  });

  it('is written and read alike, and refused where it says nothing or too much', () => {
    const usd = { field: 'amount', currency: 'USD' };
    const stored = { kind: 'field', ...usd, settle: { field: 'total', currencyField: 'currency', errors: 'release' } };
    expect(policy({ usd: stored }).capabilities[0]?.impact.usd).toEqual(stored);
    for (const settle of [
      {},
      { field: 'a', length: 'b' },
      { length: 'a' },
      { errors: 'forgive' },
      { field: '' },
      { minor: true },
      { more: 1 },
    ])
      expect(checkCapability({ name: 'pay.out', access: 'write', impact: { usd: { ...usd, settle } } }).ok).toBe(false);
    expect(compilePolicy(policy({ usd })).settlement('pay.out')).toBeUndefined();
  });
});

describe('a shared counter', () => {
  const capped = (scope: string, otherwise = 'deny') =>
    policy({ usd: { field: 'amount', currency: 'USD' } }, [
      { id: 'cap', action: 'pay.out', when: { field: 'sum(usd, 24h)', lte: 500, scope }, effect: 'allow', otherwise },
    ]);

  it('is not told to the agent: neither use nor what is left', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('role', 'owner', 'workspace'),
        fc.constantFrom('deny', 'review'),
        fc.integer({ min: 0, max: 60_000 }),
        fc.integer({ min: 0, max: 60_000 }),
        fc.integer({ min: 1, max: 600 }),
        (scope, otherwise, used, other, amount) => {
          const evaluation = compilePolicy(capped(scope, otherwise)).evaluate(call({ amount }));
          const told = (use: number) => toldToAgent(settle(evaluation, [{ used: use }]));
          const one = told(used);
          // The same words whatever others have used, as long as the call fits, or does not, in both.
          if (one.verdict === told(other).verdict) expect(told(other)).toEqual(one);
          expect(one.remaining).toBeUndefined();
        },
      ),
    );
  });

  it('is told of with the rule and the time', () => {
    const evaluation = compilePolicy(capped('workspace')).evaluate(call({ amount: 40 }));
    const full = settle(evaluation, [{ used: 48_000, freesInSeconds: 90.2 }]);
    expect(full).toMatchObject({
      remaining: 2000,
      remainingUnit: 'usd',
      reason: expect.stringContaining('$480.00 used'),
    });
    expect(toldToAgent(full)).toMatchObject({
      verdict: 'deny',
      reasonClass: 'cap',
      rule: 'cap',
      retryAfterSeconds: 91,
      reason: 'cap: $40.00 does not fit into what is left of $500.00 in any 24 hours per workspace',
    });
    expect(toldToAgent(full).trace[0]?.detail).not.toContain('480');
  });

  it('leaves what is the agent’s own as it is', () => {
    const evaluation = compilePolicy(capped('agent')).evaluate(call({ amount: 40 }));
    const full = settle(evaluation, [{ used: 48_000 }]);
    expect(toldToAgent(full)).toEqual(full);
    expect(full).toMatchObject({ remaining: 2000, remainingUnit: 'usd' });
  });
});

describe('budgets of a subject', () => {
  it('name the counters that its calls demand', () => {
    const guards = ['agent', 'role', 'owner', 'workspace'].flatMap((scope) => [
      { id: scope, action: 'pay.out', when: { field: 'sum(usd, 24h)', lte: 500, scope }, effect: 'allow' },
      {
        id: `${scope}-each`,
        action: 'pay.out',
        when: { field: 'rate.per_hour', lte: 5, scope, per: 'payee' },
        effect: 'allow',
      },
    ]);
    const set = {
      ...policy({ usd: { field: 'amount', currency: 'USD' } }, guards),
      workspaceGuards: guardsOf(guards, 'workspace'),
    };
    const asked = call({ amount: 1, payee: 'a' });
    const budgets = budgetsOf(set, asked);
    const { demands } = compilePolicy(set).evaluate(asked);
    expect(demands).toHaveLength(16);
    expect(budgets.map(({ origin, guard }) => `${origin} ${guard.id}`).sort()).toEqual(
      demands.map(({ origin, guardId }) => `${origin} ${guardId}`).sort(),
    );
    for (const { guard, origin, key } of budgets) {
      const demand = demands.find((each) => each.guardId === guard.id && each.origin === origin);
      expect(guard.id.endsWith('-each') ? demand?.key.startsWith(key) : demand?.key === key).toBe(true);
    }
  });

  it('are none of what is not asked about', () => {
    const set = policy({ usd: { field: 'amount', currency: 'USD' } }, [
      { id: 'cap', action: 'pay.out', when: { field: 'sum(usd, 24h)', lte: 500 }, effect: 'allow' },
    ]);
    expect(budgetsOf(set, { workspaceId: 'w', roles: ['payer'] })).toEqual([]);
    expect(budgetsOf(set, { workspaceId: 'w', agentId: 'a', roles: [] })).toEqual([]);
  });
});

describe('what counters are kept apart by', () => {
  const guard = (per: unknown) => ({
    id: 'g',
    action: 'pay.out',
    when: { field: 'rate.per_hour', lte: 5, per },
    effect: 'allow',
  });

  it('is payee, session, action or an argument', () => {
    for (const per of ['payee', 'session', 'action', 'customer.id', 'args.session', 'items[].sku'])
      expect(guardsOf([guard(per)], 'r')[0]?.when).toMatchObject({ per });
    for (const per of ['', 'amount', 'rate.per_day', 'to.domain', 7, null, 'sum(usd, 1h)'])
      expect(checkGuards([guard(per)], 'r').ok).toBe(false);
  });

  it('has to be an argument of a capability that the guard is for', () => {
    const inputSchema = { type: 'object', properties: { to: { type: 'string' } } };
    const base = { name: 'pay.out', description: '', access: 'write', destructive: false, impact: {} } as const;
    const fit = (per: string) => checkFit(guardsOf([guard(per)], 'r'), [{ ...base, inputSchema }]);
    expect(fit('to')).toEqual([]);
    expect(fit('customer_id')).toMatchObject([{ code: 'unknown_argument', path: expect.stringContaining('per') }]);
  });

  it('by session, takes the stricter branch for a call that has none', () => {
    const compiled = compilePolicy(policy({}, [guard('session')]));
    expect(compiled.evaluate(call({}))).toMatchObject({ verdict: 'deny', rule: 'g' });
    const keys = ['a', 'b'].map((sessionId) => compiled.evaluate({ ...call({}), sessionId }).demands[0]?.key);
    expect(new Set(keys).size).toBe(2);
  });
});
