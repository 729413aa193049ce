import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { handleSchema, skeletonOf } from '../../src/agents/handle.ts';

const CHARACTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'];
const handle = fc
  .tuple(
    fc.constantFrom(...CHARACTERS),
    fc.array(fc.constantFrom(...CHARACTERS, '.', '_', '-'), { maxLength: 62 }),
    fc.constantFrom(...CHARACTERS),
  )
  .map(([first, middle, last]) => first + middle.join('') + last)
  .filter((text) => !/^agt_/i.test(text));

/** What each character can be taken for. */
const LOOKALIKES: readonly (readonly string[])[] = [
  ['0', 'o', 'O'],
  ['1', 'l', 'I', 'i', 'L'],
  ['.', '_', '-'],
];

describe('a handle', () => {
  it('is taken when it is short ASCII, and only then', () => {
    fc.assert(
      fc.property(handle, (text) => {
        expect(handleSchema.safeParse(text).success).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const isTaken = handleSchema.safeParse(text).success;
        expect(isTaken && !/^[\x21-\x7e]{1,64}$/.test(text)).toBe(false);
      }),
    );
  });

  it('has the skeleton of everything it can be taken for', () => {
    fc.assert(
      fc.property(handle, fc.infiniteStream(fc.nat(9)), (text, choices) => {
        const lookalike = [...text]
          .map((character) => {
            const group = LOOKALIKES.find((each) => each.includes(character)) ?? [
              character.toLowerCase(),
              character.toUpperCase(),
            ];
            return group[choices.next().value % group.length];
          })
          .join('')
          .replaceAll('m', 'rn');
        expect(skeletonOf(lookalike)).toBe(skeletonOf(text));
      }),
    );
  });

  it('that ends in a number is not taken for another number', () => {
    fc.assert(
      fc.property(handle, fc.nat(), fc.nat(), (text, a, b) => {
        expect(skeletonOf(`${text}-${a}`) === skeletonOf(`${text}-${b}`)).toBe(a === b);
      }),
    );
  });
});
