import type { JsonObject } from '@hivekey/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactArguments } from '../../src/path/redact.ts';

describe('redactArguments', () => {
  it('keeps what is not sensitive as it is', () => {
    const args = { to: 'vendor@acme.example', amount: 40, tags: ['a', 1, null, true], note: 'paid' };
    expect(redactArguments(args)).toEqual(args);
  });

  it.each([
    'password',
    'apiKey',
    'api_key',
    'x-auth-token',
    'clientSecret',
    'Authorization',
    'credentials',
    'key',
    'private_key',
  ])('masks %s by its name', (name) => {
    expect(redactArguments({ [name]: 'hunter2', nested: { [name]: { deep: 'hunter2' } } })).toEqual({
      [name]: '***',
      nested: { [name]: '***' },
    });
  });

  it.each(['keyboard', 'monkey', 'tokenise', 'secretary', 'pinned'])('leaves %s alone', (name) => {
    expect(redactArguments({ [name]: 'x' })).toEqual({ [name]: 'x' });
  });

  it.each([
    'hk_agt_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGabcdef',
    'Bearer abc.def',
    '-----BEGIN RSA PRIVATE KEY-----\nMIIE',
    'AKIAIOSFODNN7EXAMPLE',
    'text before eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig and after',
  ])('masks a credential wherever it stands: %s', (value) => {
    expect(redactArguments({ note: value, list: [value] })).toEqual({ note: '***', list: ['***'] });
  });

  it('masks by schema path, also inside arrays', () => {
    expect(
      redactArguments({ card: { number: '4111' }, people: [{ born: '1990' }] }, ['card.number', 'people[].born']),
    ).toEqual({
      card: { number: '***' },
      people: [{ born: '***' }],
    });
  });

  it('never lets a marked value through and stays bounded, whatever the shape', () => {
    const marked = 'hk_live_MARKEDMARKEDMARKED';
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 12 },
        fc.constant(marked),
        fc.string(),
        fc.integer(),
        fc.array(tie('any')),
        fc.dictionary(fc.string(), tie('any')),
      ),
    })).any;
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), (args) => {
        const text = JSON.stringify(redactArguments(args as JsonObject));
        // As a member's name it is data of the caller's own making; as a value it must be gone.
        expect(text.replaceAll(/"(?:[^"\\]|\\.)*":/g, '')).not.toContain(marked);
      }),
    );
    const huge = { text: 'x'.repeat(1_000_000), list: Array.from({ length: 10_000 }, () => 'y') };
    expect(JSON.stringify(redactArguments(huge)).length).toBeLessThan(2_000);
  });
});
