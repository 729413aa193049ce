/** What is proved is contradicted by no call, and every counter-example is one: judged by the engine alone. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  compilePolicy,
  type DecisionRequest,
  type Outcome,
  prove,
  type Question,
  type QuestionTest,
  type StateView,
  settle,
} from '../../src/index.ts';
import { answers, isAsked } from '../../src/proofs/replay.ts';
import { callArguments, guardsFrom, policySet, test } from './arbitraries.ts';
import { startSolver, type TestSolver } from './solver.ts';

let solver: TestSolver;
beforeAll(async () => {
  solver = await startSolver();
});
afterAll(() => solver.close());

const AT_MS = Date.parse('2026-03-02T12:00:00Z');
const NOTHING_BEFORE: StateView = { atMs: AT_MS, prerequisites: [], used: [] };
const STATES: readonly StateView[] = [
  { ...NOTHING_BEFORE, provenance: 'trusted', risks: [] },
  { ...NOTHING_BEFORE, provenance: 'untrusted', risks: [{ id: 'r', level: 'high', untilMs: AT_MS + 1_000 }] },
];

const asked: fc.Arbitrary<QuestionTest> = test.map((when) => {
  const [guard] = guardsFrom([{ action: '*', when, effect: 'review', otherwise: 'allow' }], 'workspace');
  if (guard === undefined || 'kind' in guard.when) throw new Error('a test is a condition');
  return { kind: 'condition', condition: guard.when };
});
const CASES = fc.sample(
  fc.record({
    set: policySet,
    where: fc.array(asked, { maxLength: 2 }),
    outcome: fc.constantFrom<Outcome>('allow', 'allow', 'reach', 'review'),
    isAny: fc.boolean(),
    role: fc.constantFrom('a', 'b'),
    calls: fc.array(callArguments, { minLength: 150, maxLength: 150 }),
  }),
  { numRuns: 12, seed: 20_261_126 },
);

it('never proves what a call contradicts, and shows calls that are decided so', async () => {
  const found = { proved: 0, 'counter-example': 0, unknown: 0 };
  for (const { set, where, outcome, isAny, role, calls } of CASES) {
    const question: Question = {
      subject: isAny && outcome !== 'review' ? { kind: 'any' } : { kind: 'roles', roles: [role] },
      action: '*',
      where,
      outcome,
    };
    const report = await prove(set, question, { solve: solver.solve, atMs: AT_MS });
    found[report.verdict] += 1;
    const policy = compilePolicy(set);
    const declaredAs = (name: string) => set.capabilities.find((each) => each.name === name);
    const requestOf = (roles: readonly string[], capability: string, args: DecisionRequest['arguments']) => ({
      workspaceId: 'workspace',
      agentId: 'agent',
      ownerId: 'owner',
      sessionId: 'session',
      roles,
      capability,
      arguments: args,
    });
    for (const { roles, capability, answer } of report.cases) {
      if (answer !== 'proved') continue;
      for (const args of calls)
        for (const state of STATES) {
          const request = requestOf(roles, capability, args);
          const evaluation = policy.evaluate(request, state);
          for (const isFull of [false, true]) {
            const used = evaluation.demands.map(({ limit }) => ({ used: isFull ? limit : 0 }));
            const { verdict } = settle(evaluation, used);
            const isOne =
              answers(verdict, outcome) && where.every((each) => isAsked(each, request, declaredAs(capability), state));
            expect(isOne, JSON.stringify({ args, set, question })).toBe(false);
          }
        }
    }
    if (report.counterExample !== undefined) {
      const { roles, capability, arguments: args, decision, when } = report.counterExample;
      expect(answers(decision.verdict, outcome)).toBe(true);
      if (when.length > 0) continue;
      const evaluation = policy.evaluate(requestOf(roles, capability, args), NOTHING_BEFORE);
      const again = settle(
        evaluation,
        evaluation.demands.map(() => ({ used: 0 })),
      );
      expect(again.verdict).toBe(decision.verdict);
    }
  }
  // each kind of answer comes up, and little is left unknown
  expect(found.proved).toBeGreaterThan(0);
  expect(found['counter-example']).toBeGreaterThan(3);
  expect(found.unknown).toBeLessThan(4);
}, 300_000);
