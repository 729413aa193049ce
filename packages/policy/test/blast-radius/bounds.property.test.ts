/** The bound against the production decision function: never passed, and reached. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blastRadius, type OutsideLimit, type PolicySet } from '../../src/index.ts';
import { anyCase, attack } from './cases.ts';
import { MUTANTS } from './mutants.ts';
import { mostPossible } from './oracle.ts';
import { CAPABILITIES, guardsFrom } from './worlds.ts';

describe('the bound', () => {
  it('is not passed, and most are reached exactly', () => {
    let bounded = 0;
    let reached = 0;
    fc.assert(
      fc.property(anyCase, (each) => {
        for (const { unit, bound, used } of attack(each)) {
          if (bound === undefined) continue;
          expect(used, unit).toBeLessThanOrEqual(bound);
          if (bound > 0) bounded += 1;
          if (bound > 0 && used === bound) reached += 1;
        }
      }),
      { numRuns: 100 },
    );
    expect(reached / bounded).toBeGreaterThan(0.6);
  });

  for (const [name, mutant] of Object.entries(MUTANTS))
    it(`would be passed if ${name}`, () => {
      const holds = fc.property(anyCase, (each) =>
        attack(each, mutant).every(({ used, bound = Number.POSITIVE_INFINITY }) => used <= bound),
      );
      expect(fc.check(holds, { numRuns: 1_000, seed: 4, endOnFailure: true }).failed).toBe(true);
    });
});

describe('against everything that can be tried', () => {
  const limit = fc.record({ seconds: fc.constantFrom(2, 3), limit: fc.integer({ min: 1, max: 4 }) });
  const small = fc.record({
    cap: fc.integer({ min: 1, max: 3 }),
    count: fc.option(fc.record({ seconds: fc.constantFrom(2, 3), limit: fc.integer({ min: 1, max: 2 }) })),
    sum: fc.option(limit),
    horizon: fc.integer({ min: 1, max: 5 }),
  });
  const radiusOf = (set: PolicySet, seconds: number): number | undefined => {
    const agent = { id: 'a', name: 'a', ownerId: 'o', roles: ['r'] };
    const { cells } = blastRadius(
      { set, agents: [agent] },
      { kind: 'agent', id: 'a' },
      { horizons: [{ id: 'h', seconds }] },
    );
    const amount = cells.find(({ unit, line }) => unit === 'usd' && line === 'alone')?.amount;
    return amount?.kind === 'bounded' ? amount.value : undefined;
  };
  const setOf = (allow: readonly string[], guards: readonly object[]): PolicySet => ({
    revision: 1,
    roles: [{ name: 'r', description: '', revision: 1, allow, guards: guardsFrom(guards, 'r') }],
    workspaceGuards: [],
    capabilities: CAPABILITIES,
  });
  const window = (field: string, lte: number | string, action: string) => ({
    action,
    when: { field, lte },
    effect: 'allow',
    otherwise: 'deny',
  });
  const cents = (amount: number) => `$0.0${amount}`;

  it('the bound of one capability is exact where its windows are of one length, and never too small', () => {
    fc.assert(
      fc.property(small, ({ cap, count, sum, horizon }) => {
        fc.pre(count !== null || sum !== null);
        const set = setOf(
          ['pay.out'],
          [
            window('amount', cents(cap), 'pay.out'),
            ...(count === null ? [] : [window(`count(${count.seconds}s)`, count.limit, 'pay.out')]),
            ...(sum === null ? [] : [window(`sum(usd, ${sum.seconds}s)`, cents(sum.limit), 'pay.out')]),
          ],
        );
        const bound = radiusOf(set, horizon);
        const most = mostPossible(set, ['r'], ['pay.out'], [1, 2, 3], horizon);
        if (count === null || sum === null || count.seconds === sum.seconds) expect(bound).toBe(most);
        expect(bound).toBeGreaterThanOrEqual(most);
      }),
      { numRuns: 40 },
    );
  });

  it('the bound of two under a limit of both is exact where each has a sum of its own', () => {
    const cent = fc.integer({ min: 1, max: 3 });
    fc.assert(
      fc.property(cent, cent, cent, fc.integer({ min: 1, max: 3 }), (one, other, both, horizon) => {
        const set = setOf(
          ['pay.out', 'pay.fine'],
          [
            window('sum(usd, 2s)', cents(one), 'pay.out'),
            window('sum(usd, 2s)', cents(other), 'pay.fine'),
            window('sum(usd, 2s)', cents(both), 'pay.*'),
          ],
        );
        const fine = CAPABILITIES.flatMap((each) => (each.name === 'pay.out' ? [{ ...each, name: 'pay.fine' }] : []));
        const whole = { ...set, capabilities: [...CAPABILITIES, ...fine] };
        expect(radiusOf(whole, horizon)).toBe(mostPossible(whole, ['r'], ['pay.out', 'pay.fine'], [1, 2, 3], horizon));
      }),
      { numRuns: 25 },
    );
  });
});

describe('a limit of the tool itself', () => {
  const set: PolicySet = {
    revision: 1,
    roles: [{ name: 'r', description: '', revision: 1, allow: ['pay.out'], guards: [] }],
    workspaceGuards: [],
    capabilities: CAPABILITIES,
  };
  const bound = (limit: OutsideLimit, seconds: number): number | undefined => {
    const agent = { id: 'a', name: 'a', ownerId: 'o', roles: ['r'] };
    const { cells } = blastRadius(
      { set, agents: [agent], outside: [limit] },
      { kind: 'agent', id: 'a' },
      { horizons: [{ id: 'h', seconds }] },
    );
    const amount = cells.find(({ unit, line }) => unit === 'usd' && line === 'bypassed')?.amount;
    return amount?.kind === 'bounded' ? amount.value : undefined;
  };
  /** The most in any interval of calendar windows that begin at multiples of their length, each spent at one moment. */
  const spentAround = (limit: number, windowSeconds: number, seconds: number): number => {
    // the interval begins with the last second of one window
    const first = windowSeconds - 1;
    const touched = Math.floor((first + seconds - 1) / windowSeconds) - Math.floor(first / windowSeconds) + 1;
    return touched * limit;
  };
  const world = fc.record({
    limit: fc.integer({ min: 1, max: 1_000 }),
    windowSeconds: fc.integer({ min: 2, max: 50 }),
    seconds: fc.integer({ min: 2, max: 200 }),
  });
  const limitOf = (limit: number, windowSeconds: number, window: OutsideLimit['window']): OutsideLimit => ({
    id: 'bank',
    sentence: 'Daily limit at the bank.',
    over: ['pay.*'],
    unit: 'usd',
    limit,
    windowSeconds,
    window,
  });

  it('by the calendar lets one window more through, and no more', () => {
    fc.assert(
      fc.property(world, ({ limit, windowSeconds, seconds }) => {
        const most = bound(limitOf(limit, windowSeconds, 'fixed'), seconds);
        expect(most).toBeGreaterThanOrEqual(spentAround(limit, windowSeconds, seconds));
        if (seconds % windowSeconds !== 1) expect(most).toBe(spentAround(limit, windowSeconds, seconds));
      }),
      { numRuns: 50 },
    );
  });

  it('would be passed if calendar windows were counted once', () => {
    const holds = fc.property(
      world,
      ({ limit, windowSeconds, seconds }) =>
        spentAround(limit, windowSeconds, seconds) <= (bound(limitOf(limit, windowSeconds, 'sliding'), seconds) ?? 0),
    );
    expect(fc.check(holds, { numRuns: 100, seed: 1 }).failed).toBe(true);
  });
});
