import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Findings } from '../../src/verify/findings.ts';
import { NumberSequence } from '../../src/verify/number-sequence.ts';

/** What is found in the numbers, in short. */
function found(numbers: readonly number[], first = 1): string[] {
  const findings = new Findings();
  const sequence = new NumberSequence(first, findings);
  for (const each of numbers) sequence.take(each);
  sequence.end();
  return findings.found.list.map(({ code, place }) => `${code} ${place}`);
}

describe('the numbers of entries', () => {
  const cases: readonly [numbers: readonly number[], found: readonly string[]][] = [
    [[1, 2, 3, 4], []],
    [[1, 3, 4], ['entry_missing seq 2']],
    [[4, 5], ['entry_missing seq 1 to 3']],
    [[1, 2, 2, 3], ['entry_inserted seq 2']],
    [[1, 3, 2, 4], ['entry_reordered seq 2']],
    [[1, 2, 9, 3, 4], ['entry_reordered seq 9']],
    [
      [1, 2, 9, 4, 5],
      ['entry_reordered seq 9', 'entry_missing seq 3'],
    ],
    [
      [1, 5, 3, 4, 2, 6],
      ['entry_reordered seq 5', 'entry_reordered seq 2'],
    ],
    [
      [1, 6, 7, 2],
      ['entry_reordered seq 2', 'entry_missing seq 3 to 5'],
    ],
    [[1, 2, 3, 1], ['entry_inserted seq 1']],
  ];
  it.each(cases)('%j', (numbers, expected) => {
    expect(found(numbers)).toEqual(expected);
  });

  it('are in order exactly when nothing is found and every step said so', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 12 }), (numbers) => {
        const findings = new Findings();
        const sequence = new NumberSequence(1, findings);
        const isOrdered = numbers.map((each) => sequence.take(each)).every(Boolean);
        sequence.end();
        expect(isOrdered).toBe(numbers.every((each, i) => each === i + 1));
        expect(findings.hasFatal).toBe(!isOrdered);
      }),
      { numRuns: 2_000 },
    );
  });

  it('cost no more than their count, however they are scattered', () => {
    const scattered = Array.from({ length: 300_000 }, (_, i) => 2 * i + 4);
    expect(found([1, 1e14, 1e14 + 1, ...scattered])).toHaveLength(100);
  });
});
