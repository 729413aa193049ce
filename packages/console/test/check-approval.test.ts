import { createHash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindingFault } from '../src/proof/check-approval.ts';

const { subtle } = globalThis.crypto;
const digestOf = (value: unknown): string =>
  `sha256:${createHash('sha256').update(canonicalJson(value)).digest('hex')}`;

/** What the server gives, through JSON. */
function shown(view: unknown) {
  const binding = { v: 1, approval: 'apr_1', view: digestOf(view) };
  return JSON.parse(JSON.stringify({ view, binding, hash: digestOf(binding) }));
}

const value = fc.jsonValue({ noUnicodeString: false }).map((each) => JSON.parse(JSON.stringify(each)));

describe('the binding of a held call, computed in the browser', () => {
  it('fits whatever the server bound', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string({ unit: 'grapheme' }), value), async (view) => {
        expect(await bindingFault(shown(view), subtle)).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['an argument', (each: ReturnType<typeof shown>) => ({ ...each, view: { arguments: { amount: 2 } } })],
    ['the binding', (each: ReturnType<typeof shown>) => ({ ...each, binding: { ...each.binding, approval: 'apr_2' } })],
    ['the hash', (each: ReturnType<typeof shown>) => ({ ...each, hash: digestOf({}) })],
  ])('does not fit when %s is another', async (_, change) => {
    expect(await bindingFault(change(shown({ arguments: { amount: 1 } })), subtle)).toMatch(/does not have/);
  });
});
