/** What rules remember: bounds, edges, and how far a bounded memory may be off. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Baseline,
  type BaselineSettings,
  deviationsOf,
  NEW_BASELINE,
  withAmount,
} from '../src/windows/baseline.ts';
import { EntryWindow } from '../src/windows/entries.ts';
import { Keyed } from '../src/windows/keyed.ts';
import { SeenBefore } from '../src/windows/seen.ts';

const LENGTH = 60_000;

function totals(entries: readonly { readonly count: number; readonly sum: number }[]) {
  return entries.reduce((all, { count, sum }) => ({ count: all.count + count, sum: all.sum + sum }), {
    count: 0,
    sum: 0,
  });
}

describe('a sliding window', () => {
  it('never holds more than it may, and is at most a sixtieth of its length off above that', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 50 })), {
          maxLength: 400,
          size: 'max',
        }),
        (steps) => {
          const window = new EntryWindow(LENGTH, 100);
          const all: { at: number; sum: number }[] = [];
          let at = 0;
          for (const [i, [by, sum]] of steps.entries()) {
            at += by;
            all.push({ at, sum });
            window.add(at, sum, `e${i}`, false);
            expect(window.size).toBeLessThanOrEqual(50 + 61);
            const between = (length: number) =>
              totals(all.filter((each) => each.at > at - length).map((each) => ({ ...each, count: 1 })));
            const found = totals(window.within(at));
            const [least, most] = [between(LENGTH), between(LENGTH + LENGTH / 60)];
            if (window.isExact) expect(found).toEqual(least);
            for (const key of ['count', 'sum'] as const) {
              expect(found[key]).toBeGreaterThanOrEqual(least[key]);
              expect(found[key]).toBeLessThanOrEqual(most[key]);
            }
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it('leaves out what lies exactly its length back, and what comes after', () => {
    const window = new EntryWindow(LENGTH);
    for (const [i, at] of [0, 1, LENGTH].entries()) window.add(at, 1, `e${i}`, false);
    expect(window.within(LENGTH).map(({ id }) => id)).toEqual(['e1', 'e2']);
    expect(window.within(LENGTH - 1).map(({ id }) => id)).toEqual(['e1']);
  });
});

describe('keys', () => {
  it('fall out when there are too many, or weigh too much, those not used for long first', () => {
    const keyed = new Keyed<number>({ keys: 4, weight: 10 }, (weight) => weight);
    for (const key of ['a', 'b', 'c']) keyed.set(key, 3);
    keyed.use('a');
    keyed.set('d', 3);
    expect([...keyed.entries()].map(([key]) => key)).toEqual(['c', 'a', 'd']);
    keyed.set('e', 9);
    expect([...keyed.entries()].map(([key]) => key)).toEqual(['e']);
    expect(keyed.evicted).toBe(4);
    const again = new Keyed<number>({ keys: 4, weight: 10 }, (weight) => weight);
    again.load(
      keyed.save((value) => value),
      (value) => value,
    );
    expect([again.size, again.evicted]).toEqual([1, 4]);
  });
});

describe('what was seen before', () => {
  it('is known after it has fallen out, and forgotten after its time', () => {
    const seen = new SeenBefore(1_000, 100);
    for (let i = 0; i < 2_000; i += 1) seen.see(`key ${i}`, 0);
    expect([seen.size, seen.evicted]).toEqual([100, 1_900]);
    const again = new SeenBefore(1_000, 100);
    again.load(JSON.parse(JSON.stringify(seen.save())));
    const known = Array.from({ length: 2_000 }, (_, i) => again.see(`key ${i}`, 500)).filter((at) => at !== undefined);
    expect(known).toHaveLength(2_000);
    const others = Array.from({ length: 2_000 }, (_, i) => again.see(`other ${i}`, 500)).filter(
      (at) => at !== undefined,
    );
    expect(others.length).toBeLessThan(20);
    const fresh = new SeenBefore(1_000, 100);
    fresh.see('a', 0);
    expect(fresh.see('a', 1_000)).toBe(0);
    expect(fresh.see('a', 2_001)).toBeUndefined();
  });
});

describe('a baseline', () => {
  const settings: BaselineSettings = { periodMs: 1_000, alpha: 0.1, learned: 12, floorShare: 0.05 };
  const after = (amounts: readonly number[]) =>
    amounts.reduce<Baseline>(
      (baseline, amount, i) => withAmount(baseline, (i + 1) * 1_000, amount, settings),
      NEW_BASELINE,
    );

  it('says nothing before it has learned, and then how far the running period is off', () => {
    const usual = Array.from({ length: 12 }, (_, i) => 100 + (i % 3) * 10);
    expect(deviationsOf(after(usual), settings)).toBeUndefined();
    expect(deviationsOf(after([...usual, 110]), settings)).toBeLessThan(1);
    expect(deviationsOf(after([...usual, 1_000]), settings)).toBeGreaterThan(10);
  });

  it('can be taught slowly alone: one huge period moves the mean by three deviations and a tenth of that', () => {
    const usual = Array.from({ length: 30 }, () => 100);
    const [, , , mean] = after([...usual, 1_000_000, 100]);
    expect(mean).toBeLessThan(102);
  });
});
