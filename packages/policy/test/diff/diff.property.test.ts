/** What must hold of every difference: it leaves nothing out, and what it calls narrower is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compilePolicy,
  type DecisionRequest,
  matrixCells,
  matrixDifference,
  type PolicySet,
  policyDiff,
  policyHash,
  type StateView,
  settle,
  type Verdict,
} from '../../src/index.ts';
import { edited, request, usage } from './arbitrary.ts';

const RANK: Readonly<Record<Verdict, number>> = { allow: 0, review: 1, deny: 2 };
const AT_MS = Date.UTC(2026, 5, 1);
const state: fc.Arbitrary<StateView> = fc.record({
  atMs: fc.constant(AT_MS),
  provenance: fc.constantFrom('trusted' as const, 'untrusted' as const),
  risks: fc.constantFrom([], [{ id: 'r', level: 'high' as const, untilMs: AT_MS + 1_000 }]),
});

function decider(set: PolicySet) {
  const policy = compilePolicy(set);
  return (call: DecisionRequest, view: StateView, used: (key: string, windowSeconds: number) => number): Verdict => {
    const evaluation = policy.evaluate(call, view);
    const usages = evaluation.demands.map(({ key, windowSeconds }) => ({ used: used(key, windowSeconds) }));
    return settle(evaluation, usages).verdict;
  };
}

describe('a difference', () => {
  it('is empty of a policy and itself, and decides where the hashes differ, and only there', () => {
    fc.assert(
      fc.property(edited, ({ before, after }) => {
        expect(policyDiff(before, before)).toMatchObject({ items: [], direction: 'neutral' });
        const { items, direction } = policyDiff(before, after);
        const isSame = policyHash(before) === policyHash(after);
        expect(direction === 'neutral').toBe(isSame);
        expect(items.every((item) => item.direction === 'neutral')).toBe(isSame);
      }),
      { numRuns: 300 },
    );
  });

  it('that narrows lets no call pass more easily, in no state', () => {
    let narrowed = 0;
    let stricter = 0;
    fc.assert(
      fc.property(
        edited,
        fc.array(fc.tuple(request, state, usage), { minLength: 12, maxLength: 24 }),
        ({ before, after }, calls) => {
          for (const [old, now] of [
            [before, after],
            [after, before],
          ] as const) {
            const { direction } = policyDiff(old, now);
            if (direction !== 'narrows') continue;
            narrowed += 1;
            const [then, later] = [decider(old), decider(now)];
            for (const [call, view, used] of calls) {
              const [was, is] = [RANK[then(call, view, used)], RANK[later(call, view, used)]];
              expect(is).toBeGreaterThanOrEqual(was);
              if (is > was) stricter += 1;
            }
          }
        },
      ),
      { numRuns: 1_000 },
    );
    // the generator finds what the property is about
    expect(narrowed).toBeGreaterThan(100);
    expect(stricter).toBeGreaterThan(100);
  });
});

describe('the matrix', () => {
  it('ends when whoever asks for it has no more time', () => {
    let left = 3;
    const beforeEach = () => {
      left -= 1;
      if (left < 0) throw new RangeError('no more time');
    };
    const [{ before } = { before: undefined }] = fc.sample(
      edited.filter(({ before: { roles } }) => roles.some(({ allow }) => allow.length > 0)),
      { numRuns: 1, seed: 1 },
    );
    if (before === undefined) throw new Error('there is no sample');
    expect(() => matrixCells(before, { atMs: AT_MS, beforeEach })).toThrow('no more time');
  });

  it('calls nothing refused that a call gets through', () => {
    let refused = 0;
    fc.assert(
      fc.property(edited, fc.array(fc.tuple(request, state), { minLength: 10, maxLength: 20 }), ({ before }, calls) => {
        const cells = new Map(
          matrixCells(before, { atMs: AT_MS }).map((cell) => [`${cell.role} ${cell.capability}`, cell.mark]),
        );
        const decide = decider(before);
        for (const [call, view] of calls)
          for (const role of ['a', 'b']) {
            const mark = cells.get(`${role} ${call.capability}`);
            if (mark !== '—' && mark !== 'H') continue;
            refused += 1;
            const answer = decide({ ...call, roles: [role] }, view, () => 0);
            expect(answer === 'allow' || (mark === '—' && answer === 'review')).toBe(false);
          }
      }),
      { numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(100);
  });

  it('differs only where policies do', () => {
    fc.assert(
      fc.property(edited, ({ before, after }) => {
        expect(matrixDifference(before, before, { atMs: AT_MS })).toEqual([]);
        const changed = matrixDifference(before, after, { atMs: AT_MS });
        if (policyHash(before) === policyHash(after)) expect(changed).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});
