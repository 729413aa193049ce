import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkGuards,
  compilePolicy,
  type DecisionRequest,
  type Guard,
  type JsonObject,
  type JsonValue,
  type PolicySet,
  policyHash,
  type Role,
  type UsedValue,
  type Verdict,
} from '../src/index.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-06-01T12:00:00Z');
const TOOLS = ['pay.one', 'pay.two', 'crm.note'];

function guards(...written: (string | JsonObject)[]): Guard[] {
  const read = checkGuards(written, 'workspace');
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.value;
}

function set(workspaceGuards: Guard[], roles: readonly Role[] = [roleOf('ops', TOOLS)]): PolicySet {
  return { revision: 1, roles, workspaceGuards, capabilities: [] };
}

function roleOf(name: string, allow: readonly string[], of: readonly JsonObject[] = []): Role {
  const read = checkGuards(of, name);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return { name, description: '', revision: 1, allow, guards: read.value };
}

function request(args: JsonObject, change: Partial<DecisionRequest> = {}): DecisionRequest {
  return {
    workspaceId: 'w',
    agentId: 'a',
    ownerId: 'o',
    roles: ['ops'],
    capability: 'pay.one',
    arguments: args,
    ...change,
  };
}

const HOLD = { id: 'new-payee', action: 'pay.*', when: { field: 'first_use(payee)', within: '90d' }, effect: 'review' };

/** What a call leaves when it was carried out. */
function left(policy: PolicySet, of: DecisionRequest, usedAtMs = NOW - DAY): UsedValue[] {
  const { leaves = [] } = compilePolicy(policy).evaluate(of, { atMs: usedAtMs, used: [] });
  return leaves.map((key) => ({ key, eventId: 'evt_1', usedAtMs }));
}

describe('first use of a payee', () => {
  const policy = set(guards(HOLD));
  const compiled = compilePolicy(policy);
  const used = left(policy, request({ to: 'acme' }));
  const verdictOf = (args: JsonObject, state: readonly UsedValue[] | undefined = used, change = {}, atMs = NOW) =>
    compiled.evaluate(request(args, change), { atMs, ...(state === undefined ? {} : { used: state }) }).verdict;

  it('is held, then known, and says what it read and until when that holds', () => {
    expect(verdictOf({ to: 'acme' }, [])).toBe('review');
    const known = compiled.evaluate(request({ to: 'acme' }), { atMs: NOW, used });
    expect(known).toMatchObject({
      verdict: 'allow',
      read: { atMs: NOW, used },
      holds: { untilMs: NOW + 89 * DAY },
      trace: [{ rule: 'new-payee', result: 'allow', detail: 'payee was used in the last 90 days by this agent' }],
    });
    expect(compiled.usedValues(request({ to: 'acme' }))).toEqual([used[0]?.key]);
    expect(compiled.usedValues(request({ to: 'acme' }, { capability: 'crm.note' }))).toEqual([]);
  });

  it.each<[string, JsonObject, object?, number?]>([
    ['another payee', { to: 'other' }],
    ['one of several is new', { to: ['acme', 'other'] }],
    ['one in another argument is new', { to: 'acme', recipient: 'other' }],
    ['another case', { to: 'Acme' }],
    ['space around it', { to: 'acme ' }],
    ['invisible characters in it', { to: 'ac​me' }],
    ['full width', { to: 'ａcme' }],
    ['a name before the address', { to: 'Acme <acme>' }],
    ['another type', { to: 7 }],
    ['another agent', { to: 'acme' }, { agentId: 'b' }],
    ['another workspace', { to: 'acme' }, { workspaceId: 'v' }],
    ['no payee', { amount: 1 }],
    ['an empty payee', { to: '' }],
    ['a payee that is no plain value', { to: { iban: 'acme' } }],
    [
      'more payees than can be told apart',
      { to: Array.from({ length: 101 }, () => 'acme').map((each, i) => each + i) },
    ],
    ['it is over', { to: 'acme' }, {}, NOW + 89 * DAY],
  ])('is what it is held as: %s', (_, args, change = {}, atMs = NOW) => {
    expect(verdictOf(args, used, change, atMs)).toBe('review');
    expect(verdictOf({ to: 'acme' }, used, {}, NOW + 89 * DAY - 1)).toBe('allow');
  });

  it('takes the stricter branch where nothing is known of the state, whichever that is', () => {
    expect(verdictOf({ to: 'acme' }, undefined)).toBe('allow');
    expect(compiled.evaluate(request({ to: 'acme' }), { atMs: NOW }).verdict).toBe('review');
    expect(compiled.evaluate(request({ to: 'acme' }), { used }).verdict).toBe('review');
    expect(compiled.evaluate(request({ to: 'acme' })).verdict).toBe('review');
    const only = compilePolicy(set(guards({ ...HOLD, when: { not: HOLD.when }, effect: 'allow', otherwise: 'deny' })));
    expect(only.evaluate(request({ to: 'acme' })).verdict).toBe('deny');
    expect(only.evaluate(request({ to: 'acme' }), { atMs: NOW, used }).verdict).toBe('allow');
    expect(only.evaluate(request({ to: 'new' }), { atMs: NOW, used }).verdict).toBe('deny');
  });

  it('holds until the first of several known values is over', () => {
    const both = [...used, ...left(policy, request({ to: 'other' }), NOW - 30 * DAY)];
    const { verdict, holds, read } = compiled.evaluate(request({ to: ['acme', 'other'] }), { atMs: NOW, used: both });
    expect(verdict).toBe('allow');
    expect(holds?.untilMs).toBe(NOW + 60 * DAY);
    expect(read?.used).toHaveLength(2);
  });

  it('leaves nothing of a call that is denied, or whose payee cannot be told', () => {
    const denied = set([
      ...guards(HOLD),
      ...guards({ ...HOLD, id: 'no', when: { field: 'to', eq: 'x' }, effect: 'deny' }),
    ]);
    expect(left(denied, request({ to: 'x' }))).toEqual([]);
    expect(left(denied, request({ to: 'y' }))).toHaveLength(1);
    expect(left(policy, request({}))).toEqual([]);
  });

  it('is asked of any argument, of elements of lists, and of the tool itself', () => {
    for (const [field, args] of [
      ['first_use(account.iban)', { account: { iban: 'DE1' } }],
      ['first_use(items[].sku)', { items: [{ sku: 'a' }, { sku: 'b' }] }],
      ['first_use( action )', {}],
    ] as const) {
      const of = set(guards({ ...HOLD, when: { field, within: '1h' } }));
      const state = left(of, request(args), NOW - 60_000);
      expect(state.length).toBeGreaterThan(0);
      expect(compilePolicy(of).evaluate(request(args), { atMs: NOW, used: [] }).verdict).toBe('review');
      expect(compilePolicy(of).evaluate(request(args), { atMs: NOW, used: state }).verdict).toBe('allow');
    }
  });

  it('in shadow leaves what it would, and is in no hash', () => {
    const shadow = set(guards({ ...HOLD, mode: 'shadow' }));
    expect(left(shadow, request({ to: 'acme' }))).toEqual(used);
    expect(compilePolicy(shadow).evaluate(request({ to: 'acme' }), { atMs: NOW, used: [] })).toMatchObject({
      verdict: 'allow',
      shadow: [{ rule: 'new-payee', result: 'review' }],
    });
    expect(policyHash(shadow)).toBe(policyHash(set([])));
  });
});

describe('the notation', () => {
  it('is the same in a console rule, and spoken', () => {
    const [plain] = guards({ ...HOLD, id: 'R1', when: { ...HOLD.when, scope: 'owner' } });
    expect(guards('pay: first_use(payee) by this owner require approval')).toEqual([plain]);
    expect(guards('pay: first_use(payee, 90d) by this owner → require approval')).toEqual([plain]);
    expect(plain?.sentence).toBe(
      "pay.*: when payee was not used in the last 90 days by this owner's agents, a person must approve.",
    );
  });

  it('means the same however it is written, and something else when it is something else', () => {
    const hash = (when: JsonObject) => policyHash(set(guards({ ...HOLD, when })));
    const base = hash(HOLD.when);
    expect(hash({ ...HOLD.when, scope: 'agent', over: ['pay.*'] })).toBe(base);
    expect(hash({ field: 'first_use(payee)', within: '2160h' })).toBe(base);
    const others = [
      { ...HOLD.when, within: '91d' },
      { ...HOLD.when, scope: 'workspace' },
      { ...HOLD.when, over: ['pay.*', 'crm.note'] },
      { ...HOLD.when, field: 'first_use(args.payee)' },
    ].map(hash);
    expect(new Set([base, ...others]).size).toBe(5);
  });

  it.each<[string, JsonObject, string]>([
    ['no time', { field: 'first_use(payee)', eq: true }, 'bad_operator'],
    ['no span', { field: 'first_use(payee)', within: 'long' }, 'bad_operator'],
    ['more than a year', { field: 'first_use(payee)', within: '367d' }, 'bad_operator'],
    ['no scope', { field: 'first_use(payee)', within: '1d', scope: 'session' }, 'bad_scope'],
    [
      'what the guard is for is not among it',
      { field: 'first_use(payee)', within: '1d', over: ['crm.note'] },
      'not_counted',
    ],
    ['nothing counts', { field: 'first_use(payee)', within: '1d', over: [] }, 'empty'],
    ['no argument', { field: 'first_use(amount)', within: '1d' }, 'bad_field'],
    ['a window', { field: 'first_use(rate.per_day)', within: '1d' }, 'bad_field'],
    ['per', { field: 'first_use(payee)', within: '1d', per: 'payee' }, 'unknown_field'],
    ['within beside something else', { field: 'payee', within: '1d' }, 'bad_operator'],
  ])('is refused: %s', (_, when, code) => {
    const read = checkGuards([{ ...HOLD, when }], 'workspace');
    expect(read.ok ? [] : read.problems.map((problem) => problem.code)).toContain(code);
  });
});

describe('against a search of all that was done', () => {
  interface Done {
    readonly of: DecisionRequest;
    readonly granting: readonly string[];
    readonly atMs: number;
  }
  const payee: fc.Arbitrary<JsonValue> = fc.constantFrom<JsonValue>('x', 'x', 'x', 'y', 'y', 'X', 1, '1', '', null, {
    a: 1,
  });
  const args = fc.record(
    { to: fc.oneof(payee, fc.array(payee, { maxLength: 2 })), payee, ref: fc.constantFrom('r', 's', 's ') },
    { requiredKeys: [] },
  );
  const guard = fc.record({
    action: fc.constantFrom('pay.one', 'pay.*', '*'),
    field: fc.constantFrom('payee', 'ref', 'action'),
    within: fc.constantFrom(1, 2, 5),
    scope: fc.constantFrom('agent', 'role', 'owner', 'workspace'),
    over: fc.constantFrom(undefined, ['*'], ['pay.*', '*']),
    negated: fc.boolean(),
    effect: fc.constantFrom<Verdict>('allow', 'review', 'deny'),
    otherwise: fc.constantFrom<Verdict>('allow', 'review'),
  });
  const call = fc.record({
    agentId: fc.constantFrom('a', 'b', 'c'),
    roles: fc.constantFrom(['r'], ['s'], ['r', 's']).map((roles): readonly string[] => roles),
    capability: fc.constantFrom(...TOOLS),
    arguments: args,
    afterDays: fc.constantFrom(0, 0, 1, 3),
    isCarriedOut: fc.constantFrom(true, true, false),
  });
  const RANK: Readonly<Record<Verdict, number>> = { allow: 0, review: 1, deny: 2 };

  /** The values that the field names; undefined when they cannot be told. */
  function valuesOf(field: string, { arguments: given, capability }: DecisionRequest): JsonValue[] | undefined {
    if (field === 'action') return [capability];
    const found = field === 'ref' ? [given.ref] : [given.to, given.payee];
    const there = found.flatMap((each) => (each === undefined || each === null ? [] : each)) as JsonValue[];
    return there.length > 0 && there.every((each) => each !== '' && each !== null && typeof each !== 'object')
      ? there
      : undefined;
  }

  const covers = (pattern: string, name: string) =>
    pattern === '*' || pattern === name || (pattern === 'pay.*' && name.startsWith('pay.'));

  it('every verdict is that of the search', () => {
    let firsts = 0;
    let known = 0;
    fc.assert(
      fc.property(
        fc.array(guard, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.array(call, { minLength: 10, maxLength: 24 }),
        (written, inRole, calls) => {
          const documents = written.map(({ field, within, scope, over, negated, ...rest }, i) => {
            const when = { field: `first_use(${field})`, within: `${within}d`, scope, ...(over && { over }) };
            return { id: `g${i}`, ...rest, when: negated ? { not: when } : when };
          });
          const policy = set(inRole ? [] : guards(...documents), [
            roleOf('r', TOOLS, inRole ? documents : []),
            roleOf('s', ['pay.one', 'crm.note']),
          ]);
          const compiled = compilePolicy(policy);
          const origin = inRole ? 'r' : 'workspace';
          const history: Done[] = [];
          const used = new Map<string, UsedValue>();
          let atMs = NOW;
          for (const { afterDays, isCarriedOut, ...rest } of calls) {
            atMs += afterDays * DAY;
            const of = request({}, { ...rest, ownerId: rest.agentId === 'c' ? 'p' : 'o' });
            const granting = of.roles.filter((name) => name === 'r' || of.capability !== 'pay.two');
            const wanted = new Set(compiled.usedValues(of));
            const state = { atMs, used: [...used.values()].filter(({ key }) => wanted.has(key)) };
            const evaluation = compiled.evaluate(of, state);

            /** Whether somebody who shares it was seen with the value, in one of the roles or in this one. */
            const wasUsed = (
              value: JsonValue,
              { field, scope, over, within, action }: (typeof written)[number],
              role?: string,
            ) =>
              history.some((done) => {
                if (done.atMs <= atMs - within * DAY) return false;
                if (!(over ?? [action]).some((pattern) => covers(pattern, done.of.capability))) return false;
                if (!(valuesOf(field, done.of) ?? []).includes(value)) return false;
                if (scope === 'agent') return done.of.agentId === of.agentId;
                if (scope === 'owner') return done.of.ownerId === of.ownerId;
                if (scope === 'workspace') return true;
                return inRole ? done.of.roles.includes('r') : done.granting.includes(role ?? '');
              });
            const verdicts = written.flatMap((each): Verdict[] => {
              if (!covers(each.action, of.capability) || (origin === 'r' && !of.roles.includes('r'))) return [];
              const stricter = RANK[each.effect] > RANK[each.otherwise] ? each.effect : each.otherwise;
              const values = valuesOf(each.field, of);
              if (values === undefined) return [stricter];
              const roles = each.scope === 'role' && !inRole ? granting : [undefined];
              const isFirst = !values.every((value) => roles.every((role) => wasUsed(value, each, role)));
              if (isFirst) firsts += 1;
              else known += 1;
              return [isFirst !== each.negated ? each.effect : each.otherwise];
            });
            const isGranted = granting.length > 0;
            const expected = verdicts.reduce((a, b) => (RANK[a] >= RANK[b] ? a : b), 'allow');
            expect(evaluation.verdict).toBe(isGranted ? expected : 'deny');
            // with what it says that it read, it comes out the same
            if (evaluation.read !== undefined)
              expect(compiled.evaluate(of, { ...evaluation.read, used: evaluation.read.used ?? [] }).verdict).toBe(
                evaluation.verdict,
              );
            if (evaluation.verdict === 'deny' || !isCarriedOut) continue;
            history.push({ of, granting, atMs });
            for (const key of evaluation.leaves ?? []) used.set(key, { key, eventId: 'evt', usedAtMs: atMs });
          }
        },
      ),
      { numRuns: 600 },
    );
    expect(Math.min(firsts, known)).toBeGreaterThan(300);
  });
});
