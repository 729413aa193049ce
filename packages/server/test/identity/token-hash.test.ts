import { createSecretKey, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { credentialKind, lookupHmac, newCredential } from '../../src/identity/token-hash.ts';

const pepper = createSecretKey(randomBytes(32));

describe('credentials', () => {
  it('are told by kind and found by keyed hash', () => {
    for (const kind of ['live', 'agt'] as const) {
      const credential = newCredential(kind, pepper);
      const text = credential.text.reveal();
      expect(text).toMatch(new RegExp(`^hk_${kind}_[0-9A-Za-z]{49}$`));
      expect(credentialKind(text)).toBe(kind);
      expect(lookupHmac(text, pepper)).toEqual(credential.lookupHmac);
      expect(lookupHmac(text, createSecretKey(randomBytes(32)))).not.toEqual(credential.lookupHmac);
    }
  });

  it('do not print', () => {
    const credential = newCredential('agt', pepper);
    expect(`${credential.text}${JSON.stringify(credential)}${inspect(credential)}`).not.toContain(
      credential.text.reveal(),
    );
  });

  it('are refused after any change of one character', () => {
    const text = newCredential('agt', pepper).text.reveal();
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...'0Aa_é '), (at, character) => {
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        expect(credentialKind(changed)).toBe(changed === text ? 'agt' : undefined);
      }),
    );
  });
});
