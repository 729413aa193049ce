/** Replay against an oracle that knows the full arguments: what is told is right, and what is not known is not told. */
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
  Replay,
  type ReplayedCall,
  type Role,
  settle,
  type UsedValue,
  type Verdict,
  type WindowCharge,
  type WindowDemand,
} from '../src/index.ts';

const CAPABILITIES: readonly Capability[] = [
  {
    name: 'pay.one',
    description: '',
    access: 'write',
    destructive: false,
    impact: { usd: { kind: 'field', field: 'amount', currency: 'USD', settle: { field: 'total' } } },
  },
  { name: 'pay.two', description: '', access: 'write', destructive: false, impact: {} },
  { name: 'crm.read', description: '', access: 'read', destructive: false, impact: {} },
];
const NAMES = CAPABILITIES.map(({ name }) => name);
const START = Date.parse('2026-03-01T00:00:00.000Z');

function guardsFrom(documents: readonly object[], origin: string): Guard[] {
  const checked = checkGuards(
    documents.map((document, i) => ({ id: `g${i}`, ...document })),
    origin,
  );
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

interface Made {
  readonly roles: readonly string[];
  readonly agent: string;
  readonly capability: string;
  readonly arguments: JsonObject;
  /** Arguments that are masked on the log. */
  readonly masked: readonly string[];
  readonly afterSeconds: number;
  readonly outcome: 'success' | 'not_attempted' | 'unknown' | 'none';
  /** In major units. */
  readonly spent: number | undefined;
  /** People would approve it. */
  readonly isApproved: boolean;
  readonly entrance: 'mcp' | 'actions';
}

/** What the log has of a call's decision. */
interface Decided {
  readonly verdict: Verdict;
  readonly isReleased: boolean;
}

/** Windows as they are: every entry, looked through each time. */
class TrueWindows {
  readonly #entries: { key: string; atMs: number; amount: number; call: number; unit: string | undefined }[] = [];

  used({ key, windowSeconds }: WindowDemand, nowMs: number): number {
    const inside = this.#entries.filter((entry) => entry.key === key && entry.atMs > nowMs - windowSeconds * 1_000);
    return inside.reduce((sum, { amount }) => sum + amount, 0);
  }

  charge(charges: readonly WindowCharge[], atMs: number, call: number): void {
    for (const { key, amount, unit } of charges) this.#entries.push({ key, atMs, amount, call, unit });
  }

  settle(call: number, { outcome, spent }: Made): void {
    for (const entry of this.#entries) {
      if (entry.call !== call) continue;
      if (outcome === 'not_attempted') entry.amount = 0;
      else if (outcome === 'success' && spent !== undefined && entry.unit === 'usd') entry.amount = spent * 100;
    }
  }
}

/**
 * The decisions on the full arguments; results come right after their calls. `log`: what people released, where another
 * policy held it.
 */
function trueDecisions(set: PolicySet, made: readonly Made[], log?: readonly Decided[]): readonly Decided[] {
  const policy = compilePolicy(set);
  const windows = new TrueWindows();
  const used = new Map<string, UsedValue>();
  let now = START;
  return made.map((call, i) => {
    now += call.afterSeconds * 1_000;
    const request: DecisionRequest = {
      workspaceId: 'w',
      agentId: call.agent,
      ownerId: 'dana@acme.example',
      roles: call.roles,
      capability: call.capability,
      arguments: call.arguments,
    };
    const evaluation = policy.evaluate(request, { atMs: now, used: [...used.values()] });
    const decision = settle(
      evaluation,
      evaluation.demands.map((demand) => ({ used: windows.used(demand, now) })),
    );
    const isReleased =
      log === undefined ? decision.verdict === 'review' && call.isApproved : log[i]?.isReleased === true;
    const verdict = decision.verdict === 'review' && isReleased ? 'allow' : decision.verdict;
    if (verdict === 'allow') {
      const charges = evaluation.charges.filter(({ unattended }) => !unattended || !isReleased);
      windows.charge(charges, now, i);
      windows.settle(i, call);
      if (call.outcome === 'success' && (call.entrance === 'mcp' || isReleased))
        for (const key of evaluation.leaves ?? []) used.set(key, { key, eventId: `evt_${i}`, usedAtMs: now });
    }
    return { verdict, isReleased: isReleased && verdict === 'allow' };
  });
}

function trueVerdicts(set: PolicySet, made: readonly Made[]): readonly Verdict[] {
  return trueDecisions(set, made).map(({ verdict }) => verdict);
}

/** What the log has of it, under the policy of that time. */
function logOf(decided: readonly (Verdict | Decided)[], made: readonly Made[]): JsonObject[] {
  let now = START;
  return made.flatMap((call, i): JsonObject[] => {
    now += call.afterSeconds * 1_000;
    const ts = new Date(now).toISOString();
    const args = Object.fromEntries(
      Object.entries(call.arguments).map(([name, value]) => [name, call.masked.includes(name) ? '***' : value]),
    );
    const of = decided[i] ?? 'deny';
    const { verdict, isReleased } = typeof of === 'string' ? { verdict: of, isReleased: false } : of;
    const record: JsonObject = {
      kind: 'tool.call',
      entrance: call.entrance,
      ...(isReleased ? { approval_id: `apr_${i}` } : {}),
      event_id: `evt_${i}`,
      ts,
      workspace: 'w',
      agent: call.agent,
      agent_id: call.agent,
      owner: 'dana@acme.example',
      roles: call.roles,
      action: call.capability,
      args,
      verdict,
      reason_class: 'guard',
      reason: '',
    };
    // whatever the policy of that time said, the fate of the call is on the log
    const result: JsonObject = {
      kind: 'tool.result',
      call_event_id: `evt_${i}`,
      ts,
      outcome: call.outcome,
      ...(call.outcome === 'success' && call.spent !== undefined ? { spent: { usd: call.spent * 100 } } : {}),
    };
    return call.outcome === 'none' ? [record] : [record, result];
  });
}

function replay(set: PolicySet, records: readonly JsonObject[], isFromStart = true): ReplayedCall[] {
  const calls: ReplayedCall[] = [];
  const run = new Replay({ set, isFromStart, onCall: (call) => calls.push(call) });
  for (const [i, record] of records.entries()) run.add(record, i + 1);
  return calls;
}

const verdict = fc.constantFrom<Verdict>('allow', 'review', 'deny');
const when = fc.oneof(
  fc.constantFrom('x', 'y').map((eq) => ({ field: 'f', eq })),
  fc.constantFrom('$1', '$3', '2 EUR', 2).map((gt) => ({ field: 'amount', gt })),
  fc.record({
    field: fc.constantFrom('sum(usd, 24h)', 'sum(usd, 1h)'),
    lte: fc.constantFrom('$2', '$9', '$20'),
    scope: fc.constantFrom('agent', 'role', 'owner'),
  }),
  fc.record({ field: fc.constantFrom('rate.per_hour', 'count(24h)'), lte: fc.integer({ min: 1, max: 6 }) }),
  fc.constantFrom(2, 4).map((lte) => ({ field: 'rate.per_hour', lte, per: 'f' })),
);
const guard = fc.record({
  action: fc.constantFrom(...NAMES, 'pay.*', '*'),
  when,
  effect: fc.constantFrom<Verdict>('allow', 'allow', 'review'),
  otherwise: verdict,
});
const roleOf = (name: string) =>
  fc
    .record({ allow: fc.uniqueArray(fc.constantFrom(...NAMES)), guards: fc.array(guard, { maxLength: 3 }) })
    .map(
      ({ allow, guards }): Role => ({ name, description: '', revision: 1, allow, guards: guardsFrom(guards, name) }),
    );
const policySet: fc.Arbitrary<PolicySet> = fc
  .record({ roles: fc.tuple(roleOf('a'), roleOf('b')), workspace: fc.array(guard, { maxLength: 2 }) })
  .map(({ roles, workspace }) => ({
    revision: 1,
    roles,
    workspaceGuards: guardsFrom(workspace, 'workspace'),
    capabilities: CAPABILITIES,
  }));
const call: fc.Arbitrary<Made> = fc.record({
  roles: fc.constantFrom(['a'], ['a', 'b']).map((roles): readonly string[] => roles),
  agent: fc.constantFrom('agt_1', 'agt_2'),
  capability: fc.constantFrom(...NAMES),
  arguments: fc.record(
    { f: fc.constantFrom('x', 'y', 'z'), amount: fc.constantFrom(0, 1, 2, 4.5, -1, 8) },
    { requiredKeys: [] },
  ),
  masked: fc.subarray(['f', 'amount'], { minLength: 0 }),
  // never within a second of an edge
  afterSeconds: fc.constantFrom(0, 7, 611, 4_001, 90_011),
  outcome: fc.constantFrom<Made['outcome']>('success', 'success', 'not_attempted', 'unknown', 'none'),
  spent: fc.constantFrom(undefined, 0, 0.5, 3),
  isApproved: fc.constant(false),
  entrance: fc.constant<Made['entrance']>('mcp'),
});
const calls = fc.array(call, { minLength: 1, maxLength: 30 });

describe('replay', () => {
  it('gives every verdict again where the log holds the arguments', () => {
    fc.assert(
      fc.property(policySet, calls, (set, made) => {
        const open = made.map((each) => ({ ...each, masked: [] }));
        const verdicts = trueVerdicts(set, open);
        const replayed = replay(set, logOf(verdicts, open));
        expect(replayed.map(({ before }) => before.verdict)).toEqual(verdicts);
        expect(replayed.map(({ after }) => ('verdict' in after ? after.verdict : after))).toEqual(verdicts);
      }),
      { numRuns: 600 },
    );
  });

  it('tells of another policy what it would have decided, and nothing where masked arguments have a say', () => {
    let told = 0;
    let untold = 0;
    fc.assert(
      fc.property(policySet, policySet, calls, (then, candidate, made) => {
        const truth = trueVerdicts(candidate, made);
        const replayed = replay(candidate, logOf(trueVerdicts(then, made), made));
        expect(replayed).toHaveLength(made.length);
        for (const [i, { after }] of replayed.entries()) {
          if ('verdict' in after) {
            told += 1;
            expect(after.verdict).toBe(truth[i]);
          } else untold += 1;
        }
      }),
      { numRuns: 800 },
    );
    // it does not fall silent either
    expect(told).toBeGreaterThan(untold);
    expect(untold).toBeGreaterThan(100);
  });

  it('says nothing of windows that reach behind the beginning of the log', () => {
    let told = 0;
    fc.assert(
      fc.property(policySet, calls, fc.nat(20), (set, made, cut) => {
        const open = made.map((each) => ({ ...each, masked: [] }));
        const verdicts = trueVerdicts(set, open);
        const records = logOf(verdicts, open);
        const rest = records.slice(cut);
        const replayed = replay(set, rest, cut === 0);
        for (const { eventId, after } of replayed) {
          if (!('verdict' in after)) continue;
          told += 1;
          expect(after.verdict).toBe(verdicts[Number(eventId.slice(4))]);
        }
      }),
      { numRuns: 500 },
    );
    expect(told).toBeGreaterThan(500);
  });

  it('a changed cap yields exactly the calls that no longer fit, and those that fit again for it', () => {
    const setOf = (cap: string): PolicySet => {
      const guards = guardsFrom(
        [{ action: 'pay.one', when: { field: 'sum(usd, 24h)', lte: cap }, effect: 'allow' }],
        'a',
      );
      const role: Role = { name: 'a', description: '', revision: 1, allow: ['pay.one'], guards };
      return { revision: 1, roles: [role], workspaceGuards: [], capabilities: CAPABILITIES };
    };
    const pay = (amount: number, afterSeconds: number): Made => ({
      roles: ['a'],
      agent: 'agt_1',
      capability: 'pay.one',
      arguments: { amount },
      masked: [],
      afterSeconds,
      outcome: 'success',
      spent: undefined,
      isApproved: false,
      entrance: 'mcp',
    });
    // $5, $4, then $2 that no longer fits in $9; a day later $5
    const made = [pay(5, 0), pay(4, 60), pay(2, 60), pay(5, 86_500)];
    const verdicts = trueVerdicts(setOf('$10'), made);
    expect(verdicts).toEqual(['allow', 'allow', 'deny', 'allow']);
    const changes = replay(setOf('$8'), logOf(verdicts, made)).flatMap(({ seq, before, after }) =>
      'verdict' in after && after.verdict !== before.verdict ? [[seq, before.verdict, after.verdict, after.rule]] : [],
    );
    // the $4 are refused, and so the $2 fit
    expect(changes).toEqual([
      [3, 'allow', 'deny', 'g0'],
      [5, 'deny', 'allow', undefined],
    ]);
  });

  it('leaves refusals that no policy decides as they are', () => {
    const guards = guardsFrom([], 'a');
    const role: Role = { name: 'a', description: '', revision: 1, allow: NAMES, guards };
    const set: PolicySet = { revision: 1, roles: [role], workspaceGuards: [], capabilities: CAPABILITIES };
    const base = {
      kind: 'tool.call',
      ts: '2026-03-01T00:00:00.000Z',
      roles: ['a'],
      action: 'pay.one',
      args: { amount: 1 },
      verdict: 'deny',
    };
    const kept = [
      { reason_class: 'containment', reason: 'containment: the agent is revoked' },
      { reason_class: 'guard', rule: 'input schema', reason: 'The arguments do not fit the schema' },
      { reason_class: 'scope', reason: 'scope: no such tool' },
      { reason_class: 'guard', approval_id: 'apr_1', reason: 'approval: the arguments changed' },
    ];
    for (const each of kept) {
      const [call] = replay(set, [{ ...base, ...each }]);
      expect(call?.after).toMatchObject({ verdict: 'deny' });
    }
    const [freed] = replay(set, [{ ...base, reason_class: 'guard', rule: 'old', reason: 'guard: old' }]);
    expect(freed?.after).toMatchObject({ verdict: 'allow' });
  });

  it('takes what people released for released, unless it would be denied now', () => {
    const gate = { action: 'pay.one', when: { field: 'amount', gt: 1 }, effect: 'review' };
    const record = {
      ...{ kind: 'tool.call', ts: '2026-03-01T00:00:00.000Z', roles: ['a'], action: 'pay.one', args: { amount: 2 } },
      ...{ verdict: 'allow', reason_class: 'granted', approval_id: 'apr_1', reason: '' },
    };
    const setOf = (effect: string): PolicySet => {
      const guards = guardsFrom([{ ...gate, effect }], 'a');
      const role: Role = { name: 'a', description: '', revision: 1, allow: ['pay.one'], guards };
      return { revision: 1, roles: [role], workspaceGuards: [], capabilities: CAPABILITIES };
    };
    expect(replay(setOf('review'), [record])[0]?.after).toMatchObject({ verdict: 'allow' });
    expect(replay(setOf('deny'), [record])[0]?.after).toMatchObject({ verdict: 'deny' });
  });
});

describe('replay of what approvals and results leave', () => {
  const remembering = fc.record({
    action: fc.constantFrom(...NAMES, 'pay.*', '*'),
    when: fc.record({
      field: fc.constantFrom('first_use(f)', 'first_use(action)'),
      within: fc.constantFrom('1h', '1d', '7d'),
      scope: fc.constantFrom('agent', 'role', 'owner'),
    }),
    effect: fc.constantFrom<Verdict>('review', 'review', 'deny'),
    otherwise: fc.constant<Verdict>('allow'),
  });
  const unattended = fc.record({
    action: fc.constantFrom('pay.one', 'pay.*'),
    when: fc.record({
      field: fc.constantFrom('sum(usd, 24h)', 'sum(usd, 1h)'),
      lte: fc.constantFrom('$2', '$9'),
      scope: fc.constantFrom('agent', 'role', 'owner'),
      unattended: fc.constant(true),
    }),
    effect: fc.constant<Verdict>('allow'),
    otherwise: fc.constant<Verdict>('review'),
  });
  const anyGuard = fc.oneof(remembering, unattended, guard);
  const withMemory = fc
    .record({
      allow: fc.constantFrom(NAMES, ['pay.one']),
      guards: fc.array(anyGuard, { minLength: 1, maxLength: 3 }),
      workspace: fc.array(anyGuard, { maxLength: 2 }),
    })
    .map(({ allow, guards, workspace }): PolicySet => {
      const roles = [
        { name: 'a', description: '', revision: 1, allow, guards: guardsFrom(guards, 'a') },
        { name: 'b', description: '', revision: 1, allow: NAMES, guards: [] },
      ];
      return { revision: 1, roles, workspaceGuards: guardsFrom(workspace, 'workspace'), capabilities: CAPABILITIES };
    });
  const remembered = fc.array(
    fc
      .record({ made: call, isApproved: fc.boolean(), entrance: fc.constantFrom('mcp' as const, 'actions' as const) })
      .map(
        // the time of a result is known to a second
        ({ made, ...more }): Made => ({ ...made, ...more, afterSeconds: Math.max(3, made.afterSeconds) }),
      ),
    { minLength: 4, maxLength: 30 },
  );

  it('gives every verdict again where the log holds the arguments', () => {
    let released = 0;
    fc.assert(
      fc.property(withMemory, remembered, (set, made) => {
        const open = made.map((each) => ({ ...each, masked: [] }));
        const decided = trueDecisions(set, open);
        released += decided.filter(({ isReleased }) => isReleased).length;
        const replayed = replay(set, logOf(decided, open));
        expect(replayed.map(({ after }) => ('verdict' in after ? after.verdict : after))).toEqual(
          decided.map(({ verdict }) => verdict),
        );
      }),
      { numRuns: 400 },
    );
    expect(released).toBeGreaterThan(200);
  });

  it('tells of another policy what it would have decided, and nothing where it cannot know', () => {
    let told = 0;
    let untold = 0;
    fc.assert(
      fc.property(withMemory, withMemory, remembered, fc.constantFrom(0, 0, 3, 9), (then, candidate, made, cut) => {
        const log = trueDecisions(then, made);
        const truth = trueDecisions(candidate, made, log);
        for (const { eventId, after } of replay(candidate, logOf(log, made).slice(cut), cut === 0)) {
          if ('verdict' in after) {
            told += 1;
            expect(after.verdict).toBe(truth[Number(eventId.slice(4))]?.verdict);
          } else untold += 1;
        }
      }),
      { numRuns: 600 },
    );
    expect(told).toBeGreaterThan(untold);
    expect(untold).toBeGreaterThan(100);
  });
});

describe('replay of what depends on state', () => {
  const TOOLS: readonly Capability[] = ['review', 'deploy'].map((name) => ({
    name,
    description: '',
    access: 'write',
    destructive: false,
    impact: {},
  }));
  const setOf = (when: object): PolicySet => {
    const guards = guardsFrom([{ action: 'deploy', when, effect: 'allow', otherwise: 'deny' }], 'a');
    const role: Role = { name: 'a', description: '', revision: 1, allow: ['review', 'deploy'], guards };
    return { revision: 1, roles: [role], workspaceGuards: [], capabilities: TOOLS };
  };
  const call = (n: number, action: string, more: JsonObject = {}): JsonObject => ({
    kind: 'tool.call',
    entrance: 'mcp',
    event_id: `evt_${n}`,
    ts: new Date(START + n * 60_000).toISOString(),
    ...{ workspace: 'w', agent_id: 'agt_1', owner: 'o', roles: ['a'], session_id: 's', action },
    ...{ args: { build: 42 }, verdict: 'allow', reason_class: 'granted', reason: '' },
    ...more,
  });
  const done = (n: number): JsonObject => ({
    kind: 'tool.result',
    call_event_id: `evt_${n}`,
    ts: new Date(START + n * 60_000 + 1_000).toISOString(),
    outcome: 'success',
  });
  const afterOf = (set: PolicySet, records: readonly JsonObject[], isFromStart = true) =>
    replay(set, records, isFromStart).map(({ after }) => ('verdict' in after ? after.verdict : after.unreplayable));

  it('rebuilds prerequisites: done before, used once, of the same build', () => {
    const needs = setOf({ field: 'done(review)', within: '1h', bind: { build: 'build' } });
    const records = [call(1, 'deploy'), call(2, 'review'), done(2), call(3, 'deploy'), done(3), call(4, 'deploy')];
    expect(afterOf(needs, records)).toEqual(['deny', 'allow', 'allow', 'deny']);
    const other = [call(1, 'review'), done(1), call(2, 'deploy', { args: { build: 43 } })];
    expect(afterOf(needs, other)).toEqual(['allow', 'deny']);
    // what an agent says of its own tool is no proof
    const own = [call(1, 'review', { entrance: 'actions' }), done(1), call(2, 'deploy')];
    expect(afterOf(needs, own)).toEqual(['allow', 'deny']);
    // before the log begins, there may have been a review
    expect(afterOf(needs, [call(1, 'deploy')], false)).toEqual(['state']);
  });

  it('takes provenance and risk from the record, and says so where it has none', () => {
    const trusted = setOf({ field: 'provenance', eq: 'trusted' });
    expect(afterOf(trusted, [call(1, 'deploy', { state: { provenance: 'trusted' } })])).toEqual(['allow']);
    expect(afterOf(trusted, [call(1, 'deploy', { state: { provenance: 'untrusted' } })])).toEqual(['deny']);
    expect(afterOf(trusted, [call(1, 'deploy')])).toEqual(['state']);
    const calm = setOf({ field: 'risk', lt: 'high' });
    const at = new Date(START).toISOString();
    const until = new Date(START + 86_400_000).toISOString();
    const risks = [{ id: 'rsk_1', level: 'high', until }];
    expect(afterOf(calm, [call(1, 'deploy', { state: { at, risks } })])).toEqual(['deny']);
    expect(afterOf(calm, [call(1, 'deploy', { state: { at, risks: [] } })])).toEqual(['allow']);
    expect(afterOf(calm, [call(1, 'deploy')])).toEqual(['state']);
  });
});
