/** What people paste when they register how an agent proves itself. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { claimLines, claimsOf } from '../src/rooms/agents/credentials/claims.ts';
import { readPublicKeyText } from '../src/rooms/agents/credentials/public-key-text.ts';

const PAIRS = [
  ['P-256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' })],
  ['Ed25519', generateKeyPairSync('ed25519')],
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 })],
] as const;

describe('a pasted key', () => {
  it.each(PAIRS)('of %s is the same from PEM and as a JWK', async (_, { publicKey }) => {
    const jwk = publicKey.export({ format: 'jwk' });
    expect(await readPublicKeyText(publicKey.export({ type: 'spki', format: 'pem' }).toString())).toEqual({ jwk });
    expect(await readPublicKeyText(JSON.stringify(jwk))).toEqual({ jwk });
    expect(await readPublicKeyText(JSON.stringify({ keys: [jwk] }))).toEqual({ jwk });
  });

  it.each(PAIRS)('of %s is refused here when it is the private one', async (_, { privateKey }) => {
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const jwk = privateKey.export({ format: 'jwk' });
    for (const text of [pem, JSON.stringify(jwk), JSON.stringify({ keys: [jwk] })])
      expect(await readPublicKeyText(text)).toMatchObject({ fault: expect.stringContaining('private key') });
  });

  it.each(['', 'ssh-ed25519 AAAA', '{}', '[]', '{"kty":1}', '-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----'])(
    'is refused when it is %j',
    async (text) => {
      expect(await readPublicKeyText(text)).toHaveProperty('fault');
    },
  );
});

describe('claims', () => {
  it('stand at their places, upon what else was written', () => {
    const values = { 'kubernetes.io.namespace': ' agents ', 'kubernetes.io.serviceaccount.uid': '6f0c' };
    const more = { aud: 'x', 'kubernetes.io': { pod: { name: 'a' } } };
    const claims = claimsOf('kubernetes', values, more);
    expect(claims).toEqual({
      aud: 'x',
      'kubernetes.io': { pod: { name: 'a' }, namespace: 'agents', serviceaccount: { uid: '6f0c' } },
    });
    expect(claimLines(claims)).toContain('kubernetes.io.serviceaccount.uid = 6f0c');
  });

  it('leave out what was left empty', () => {
    expect(claimsOf('github', { repository_id: '1', ref: '  ' }, {})).toEqual({ repository_id: '1' });
  });
});
