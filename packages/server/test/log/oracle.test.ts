/**
 * Random policies of caps, rates and unattended sums, on random agents, amounts, clocks and two writers, against an
 * oracle that knows no counters: it looks through all calls that were ever allowed, by what the guards say.
 */
import {
  type Capability,
  type CompiledPolicy,
  checkGuards,
  compilePolicy,
  type Decision,
  type DecisionRequest,
  type JsonObject,
  type PolicySet,
  type Verdict,
} from '@hivekey/policy';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gate, RunningLog } from '../../src/log/index.ts';
import type { Intent, Outcome, Principal } from '../../src/path/types.ts';
import { createFixture, type Fixture, intent, permitOf, type Recorded, record } from './fixture.ts';

let fixture: Fixture;
let one: RunningLog;
let two: RunningLog;
let principals: Principal[];

beforeAll(async () => {
  fixture = await createFixture();
  one = await fixture.open();
  two = await fixture.open();
  principals = await Promise.all(['a', 'b', 'c'].map((handle) => fixture.addAgent(handle)));
});
afterAll(() => fixture.close());

const CAPABILITIES: readonly Capability[] = ['pay.one', 'pay.two', 'crm.note'].map((name) => ({
  name,
  description: '',
  access: 'write',
  destructive: false,
  impact: name === 'crm.note' ? {} : { usd: { kind: 'field', field: 'cents', currency: 'USD', minor: true } },
}));
/** The roles that grant a capability. */
const GRANTS: Readonly<Record<string, readonly string[]>> = {
  r: ['pay.one', 'pay.two', 'crm.note'],
  s: ['pay.one', 'crm.note'],
};
/** Two of one owner; two in each role. */
const AGENTS = [
  { owner: 'o', roles: ['r'] },
  { owner: 'o', roles: ['r', 's'] },
  { owner: 'p', roles: ['s'] },
] as const;

interface Rule {
  readonly origin: 'workspace' | 'r';
  readonly action: string;
  readonly kind: 'sum' | 'count';
  readonly seconds: number;
  readonly limit: number;
  readonly scope: 'agent' | 'role' | 'owner' | 'workspace';
  readonly over: readonly string[] | undefined;
  readonly isPerPayee: boolean;
  readonly otherwise: 'deny' | 'review';
  readonly isUnattended: boolean;
}

interface Asked {
  readonly agent: number;
  readonly capability: string;
  readonly cents: number;
  readonly payees: readonly string[];
  readonly isApproved: boolean;
  readonly writer: boolean;
}

/** An allowed call, with what it spent in the end. */
interface Past {
  readonly asked: Asked;
  readonly atSeconds: number;
  readonly round: number;
  readonly log: RunningLog;
  readonly call: Intent;
  readonly recorded: Recorded;
  cents: number;
  count: number;
  isEnded: boolean;
}

// Steps of 100 s against windows of n · 100 + 50 s: no run comes near an edge by its own duration.
const rule: fc.Arbitrary<Rule> = fc
  .record({
    origin: fc.constantFrom('workspace' as const, 'r' as const),
    action: fc.constantFrom('pay.one', 'pay.*', '*'),
    kind: fc.constantFrom('sum' as const, 'sum' as const, 'count' as const),
    seconds: fc.constantFrom(50, 150, 450, 1_050),
    limit: fc.integer({ min: 0, max: 30 }),
    scope: fc.constantFrom('agent' as const, 'role' as const, 'owner' as const, 'workspace' as const),
    over: fc.constantFrom(undefined, undefined, ['*']),
    isPerPayee: fc.constantFrom(false, false, true),
    otherwise: fc.constantFrom('deny' as const, 'review' as const),
    isUnattended: fc.boolean(),
  })
  .map((each) => ({
    ...each,
    limit: each.kind === 'count' ? Math.ceil(each.limit / 5) : each.limit,
    isUnattended: each.isUnattended && each.otherwise === 'review',
  }));
const asked: fc.Arbitrary<Asked> = fc.record({
  agent: fc.nat({ max: 2 }),
  capability: fc.constantFrom('pay.one', 'pay.one', 'pay.two', 'crm.note'),
  cents: fc.oneof({ weight: 8, arbitrary: fc.nat({ max: 9 }) }, { weight: 1, arbitrary: fc.constant(-3) }),
  payees: fc.constantFrom(['x'], ['X '], ['y'], ['x', 'y'], ['x', 'X'], []),
  isApproved: fc.boolean(),
  writer: fc.boolean(),
});
const ending = fc.record({
  which: fc.nat({ max: 20 }),
  how: fc.constantFrom<Outcome>(
    { result: 'not_attempted' },
    { result: 'unknown', errorCode: 'permit_expired' },
    { result: 'error' },
    { result: 'success' },
    { result: 'success', spent: { usd: 2 } },
    { result: 'success', spent: { usd: 15 } },
  ),
  by: fc.constantFrom('one', 'other', 'both'),
});
const round = fc.record({
  passSteps: fc.constantFrom(0, 0, 1, 4, 9),
  endings: fc.array(ending, { maxLength: 4 }),
  calls: fc.array(asked, { minLength: 1, maxLength: 8 }),
  /** On both writers at once: then nobody but the database knows the order. */
  isConcurrent: fc.boolean(),
});

function covers(pattern: string, capability: string): boolean {
  return pattern === '*' || pattern === capability || (pattern === 'pay.*' && capability.startsWith('pay.'));
}

function policyOf(rules: readonly Rule[]): CompiledPolicy {
  const guardsOf = (origin: Rule['origin']) => {
    const documents = rules.flatMap((each, i): JsonObject[] => {
      if (each.origin !== origin) return [];
      const { action, kind, seconds, limit, scope, over, isPerPayee, otherwise, isUnattended } = each;
      const when: JsonObject = {
        field: kind === 'sum' ? `sum(usd, ${seconds}s)` : `count(${seconds}s)`,
        lte: kind === 'sum' ? limit / 100 : limit,
        scope,
        ...(over && { over }),
        ...(isPerPayee && { per: 'payee' }),
        ...(isUnattended && { unattended: true }),
      };
      return [{ id: `g${i}`, action, when, effect: 'allow', otherwise }];
    });
    const checked = checkGuards(documents, origin);
    if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
    return checked.value;
  };
  const roles = Object.entries(GRANTS).map(([name, allow]) => {
    return { name, description: '', revision: 1, allow, guards: name === 'r' ? guardsOf('r') : [] };
  });
  const set: PolicySet = { revision: 1, roles, workspaceGuards: guardsOf('workspace'), capabilities: CAPABILITIES };
  return compilePolicy(set);
}

/** Whether it may refuse the call, or hold it for good. */
function binds(each: Rule, call: Asked): boolean {
  return appliesTo(each, call) && (each.otherwise === 'deny' || !call.isApproved);
}

function appliesTo({ origin, action }: Rule, call: Asked): boolean {
  return covers(action, call.capability) && (origin === 'workspace' || rolesOf(call).includes('r'));
}

function rolesOf({ agent }: Asked): readonly string[] {
  return AGENTS[agent]?.roles ?? [];
}

function grantingOf(call: Asked): readonly string[] {
  return rolesOf(call).filter((role) => GRANTS[role]?.includes(call.capability));
}

function payeesOf({ payees }: Asked): readonly string[] {
  return [...new Set(payees.map((payee) => payee.trim().toLowerCase()))];
}

/** A window that the call is under: what it would add, what may be in it, and what is. */
interface Place {
  readonly rule: Rule;
  readonly adds: number;
  used(past: readonly Past[], nowSeconds: number): number;
}

/** Undefined where the verdict is known without a look at the past. */
function placesOf(call: Asked, rules: readonly Rule[]): readonly Place[] | Verdict {
  if (grantingOf(call).length === 0) return 'deny';
  const isPayment = call.capability !== 'crm.note';
  if (isPayment && call.cents < 0) return 'deny';
  const applicable = rules.filter((each) => appliesTo(each, call));
  const places: Place[] = [];
  let without: Verdict = 'allow';
  for (const each of applicable) {
    const adds = each.kind === 'count' ? 1 : isPayment ? call.cents : 0;
    if (adds === 0) continue;
    const payees = payeesOf(call);
    if (each.isPerPayee && payees.length === 0) {
      without = without === 'deny' ? 'deny' : each.otherwise;
      continue;
    }
    const sharedBy = each.scope === 'role' ? (each.origin === 'r' ? ['r'] : grantingOf(call)) : [''];
    for (const payee of each.isPerPayee ? payees : [undefined])
      for (const role of sharedBy) places.push({ rule: each, adds, used: usedBy(call, each, payee, role) });
  }
  // what cannot be told apart is as one that does not fit
  if (without === 'deny') return 'deny';
  return without === 'allow' ? places : [...places, { rule: { ...NEVER, otherwise: without }, adds: 1, used: () => 0 }];
}

const NEVER: Rule = {
  ...{ origin: 'workspace', action: '*', kind: 'count', seconds: 1, limit: 0, scope: 'agent', over: undefined },
  ...{ isPerPayee: false, otherwise: 'review', isUnattended: false },
};

function usedBy(
  call: Asked,
  { action, kind, seconds, scope, origin, over, isUnattended }: Rule,
  payee: string | undefined,
  role: string,
) {
  return (past: readonly Past[], nowSeconds: number): number => {
    const counted = past.filter(({ asked: other, atSeconds }) => {
      if (atSeconds <= nowSeconds - seconds || !(over ?? [action]).some((pattern) => covers(pattern, other.capability)))
        return false;
      if (payee !== undefined && !payeesOf(other).includes(payee)) return false;
      if (isUnattended && other.isApproved) return false;
      if (scope === 'agent') return other.agent === call.agent;
      if (scope === 'owner') return AGENTS[other.agent]?.owner === AGENTS[call.agent]?.owner;
      return scope === 'workspace' || (origin === 'r' ? rolesOf(other) : grantingOf(other)).includes(role);
    });
    return counted.reduce((sum, each) => sum + (kind === 'count' ? each.count : each.cents), 0);
  };
}

function fits(place: Place, past: readonly Past[], nowSeconds: number): boolean {
  return place.used(past, nowSeconds) + place.adds <= place.rule.limit;
}

function verdictOf(call: Asked, rules: readonly Rule[], past: readonly Past[], nowSeconds: number): Verdict {
  const places = placesOf(call, rules);
  if (typeof places === 'string') return places;
  const short = places.filter((place) => !fits(place, past, nowSeconds)).map(({ rule: { otherwise } }) => otherwise);
  if (short.includes('deny')) return 'deny';
  return short.length > 0 && !call.isApproved ? 'review' : 'allow';
}

/** What an approval does to the decision; the real gate is tested with approvals. */
function releases(name: string): Gate {
  return {
    key: `release ${name}`,
    concerns: () => true,
    read: async () => undefined,
    rule: (decision: Decision) => ({
      kind: 'ruled',
      decision: decision.verdict === 'review' ? { ...decision, verdict: 'allow' } : decision,
      approvalId: name,
      records: [],
    }),
    write: async () => undefined,
  };
}

let runs = 0;

/** One policy with its agents and counters. */
class World {
  readonly past: Past[] = [];
  nowSeconds = 0;
  readonly #policy: CompiledPolicy;
  readonly #run: number;
  readonly #keys = new Set<string>();
  #calls = 0;

  constructor(rules: readonly Rule[]) {
    runs += 1;
    this.#run = runs;
    this.#policy = policyOf(rules);
  }

  /** The call as it goes to the log, its counters named for this run alone. */
  intentOf(call: Asked): Intent {
    const principal = principals[call.agent];
    if (principal === undefined) throw new Error('there is no such agent');
    const request: DecisionRequest = {
      workspaceId: `w${this.#run}`,
      agentId: `${principal.agentId}-${this.#run}`,
      ownerId: `${AGENTS[call.agent]?.owner}-${this.#run}`,
      roles: rolesOf(call),
      capability: call.capability,
      arguments: { cents: call.cents, ...(call.payees.length === 0 ? {} : { payee: call.payees }) },
    };
    const decided = this.#policy.evaluate(request);
    // counters of roles bear the role's name alone
    const own = <T extends { readonly key: string }>(each: T): T => ({ ...each, key: `${this.#run} ${each.key}` });
    const evaluation = { ...decided, demands: decided.demands.map(own), charges: decided.charges.map(own) };
    for (const { key } of [...evaluation.demands, ...evaluation.charges]) this.#keys.add(key);
    const made = intent(principal, {
      evaluation,
      action: { capability: call.capability, arguments: request.arguments },
    });
    this.#calls += 1;
    return call.isApproved ? { ...made, gate: releases(`apr_${this.#run}_${this.#calls}`) } : made;
  }

  async pass(seconds: number): Promise<void> {
    if (seconds === 0) return;
    const { pool } = fixture.database;
    const values = [seconds * 1_000_000, [...this.#keys]];
    await pool.query('UPDATE window_entries SET at_us = at_us - $1 WHERE at_us > 0 AND key = ANY($2)', values);
    await pool.query(
      'UPDATE window_counters SET version = version + 1, last_at_us = last_at_us - $1 WHERE key = ANY($2)',
      values,
    );
    this.nowSeconds += seconds;
  }

  async end({ which, how, by }: { which: number; how: Outcome; by: string }): Promise<void> {
    const chosen = this.past[which];
    if (chosen === undefined || chosen.isEnded) return;
    const other = chosen.log === one ? two : one;
    const writers = by === 'both' ? [one, two] : [by === 'one' ? chosen.log : other];
    const permit = permitOf(chosen.call, chosen.recorded);
    const movedUs = (this.nowSeconds - chosen.atSeconds) * 1_000_000;
    const reservations = (permit.reservations ?? []).map((each) => ({ ...each, sinceUs: each.sinceUs - movedUs }));
    await Promise.all(writers.map((log) => log.recordOutcome({ ...permit, reservations }, how)));
    if (how.result === 'not_attempted') chosen.cents = 0;
    // what was reserved as nothing has no entry to settle
    else if (chosen.cents > 0) chosen.cents = how.spent?.usd ?? chosen.cents;
    if (how.result === 'not_attempted') chosen.count = 0;
    chosen.isEnded = how.result !== 'unknown';
  }

  async ask(call: Asked, at: number): Promise<Decision> {
    const log = call.writer ? one : two;
    const made = this.intentOf(call);
    const recorded = await record(log, made);
    if (recorded.decision.verdict === 'allow') {
      const cents = call.capability === 'crm.note' ? 0 : call.cents;
      const { nowSeconds: atSeconds } = this;
      this.past.push({ asked: call, atSeconds, round: at, log, call: made, recorded, cents, count: 1, isEnded: false });
    }
    return recorded.decision;
  }
}

test('every decision is that of the oracle, and at once on two nodes none that it could not have made', async () => {
  const seen: Record<Verdict, number> = { allow: 0, review: 0, deny: 0 };
  let released = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(rule, { minLength: 1, maxLength: 5 }),
      fc.array(round, { minLength: 2, maxLength: 8 }),
      async (rules, rounds) => {
        const world = new World(rules);
        for (const [at, { passSteps, endings, calls, isConcurrent }] of rounds.entries()) {
          await world.pass(passSteps * 100);
          for (const each of endings) await world.end(each);
          const before = [...world.past];
          if (!isConcurrent) {
            // One after the other on each writer, in the order in which they are sent.
            for (const writer of [true, false]) {
              const sent = calls.filter((call) => call.writer === writer);
              const known = [...world.past];
              const decisions = await Promise.all(sent.map((call) => world.ask(call, at)));
              const made = world.past.splice(known.length);
              for (const [i, call] of sent.entries()) {
                const decision = decisions[i];
                expect(decision?.verdict).toBe(verdictOf(call, rules, [...known], world.nowSeconds));
                if (decision === undefined) continue;
                seen[decision.verdict] += 1;
                const entered = made.find((each) => each.recorded.decision === decision);
                if (entered !== undefined) known.push(entered);
              }
              world.past.push(...known.slice(world.past.length));
            }
            continue;
          }
          const decisions = await Promise.all(calls.map((call) => world.ask(call, at)));
          const { past, nowSeconds } = world;
          for (const [i, call] of calls.entries()) {
            const verdict = decisions[i]?.verdict ?? 'deny';
            seen[verdict] += 1;
            const places = placesOf(call, rules);
            if (typeof places === 'string') {
              expect(verdict).toBe(places);
              continue;
            }
            const full = places.filter((place) => place.used(past, nowSeconds) + place.adds > place.rule.limit);
            if (verdict !== 'allow') {
              // what did not fit then does not fit now: nothing has left since
              const worst = full.map(({ rule: { otherwise } }) => otherwise);
              expect(worst).toContain(verdict);
              continue;
            }
            if (call.isApproved) released += 1;
            for (const { rule: each, used } of places) {
              if (!binds(each, call)) continue;
              // calls that it counts and does not bind, or that people let through, may have come after
              const counted = past.filter((other) => other.round < at || binds(each, other.asked));
              expect(used(counted, nowSeconds)).toBeLessThanOrEqual(each.limit);
            }
            // before the round began, there was room
            expect(verdictOf(call, rules, before, nowSeconds)).toBe('allow');
          }
        }
      },
    ),
    { numRuns: 40 },
  );
  expect(Math.min(seen.allow, seen.deny, seen.review, released)).toBeGreaterThan(20);
  expect((await one.compareBudgets(fixture.workspaceId)).differences).toEqual([]);
});

test('a greedy adversary, on every agent and node at once, fills what binds it to the last unit and nothing beyond', async () => {
  const greedy = fc.record({
    rules: fc.array(
      // of the workspace, so that it binds everybody whose calls it counts
      rule.map((each): Rule => ({ ...each, origin: 'workspace', seconds: 1_050, limit: each.limit + 1 })),
      { minLength: 1, maxLength: 4 },
    ),
    capability: fc.constantFrom('pay.one', 'pay.two'),
  });
  await fc.assert(
    fc.asyncProperty(greedy, async ({ rules, capability }) => {
      const world = new World(rules);
      const call = (agent: number, writer: boolean): Asked => {
        return { agent, capability, cents: 1, payees: ['x'], isApproved: false, writer };
      };
      const everywhere = [0, 1, 2].flatMap((agent) => [call(agent, true), call(agent, false)]);
      const isUnbound = ({ agent }: Asked) => {
        const places = placesOf(call(agent, true), rules);
        return typeof places === 'string' || places.length === 0;
      };
      let open = everywhere.filter((each) => !isUnbound(each));
      while (open.length > 0) {
        const decisions = await Promise.all(open.map((each) => world.ask(each, 0)));
        open = open.filter((_, i) => decisions[i]?.verdict === 'allow');
      }
      const { past, nowSeconds } = world;
      for (const each of everywhere) {
        const places = placesOf(each, rules);
        if (typeof places === 'string' || places.length === 0) continue;
        const usedOfBound = places.map(({ rule: { limit }, used }) => used(past, nowSeconds) / limit);
        // used/bound: exactly 1 where it binds, and nowhere more
        expect(Math.max(...usedOfBound)).toBe(1);
      }
    }),
    { numRuns: 12 },
  );
});
