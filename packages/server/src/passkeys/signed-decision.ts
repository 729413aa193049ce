/** A signed decision as it is given out: with public data alone it is checked without this server. */
import { z } from 'zod';
import type { SignedDecisionRow } from './decision.ts';

const base64url = z.string();

export const signedDecisionSchema = z
  .object({
    id: z.string(),
    object: z.literal('signed_decision'),
    kind: z.string(),
    subject: z.string(),
    person: z.string(),
    passkey: z.string(),
    decision: z.string().meta({ description: 'What was signed, in canonical form (RFC 8785).' }),
    nonce: base64url,
    client_data: base64url,
    authenticator_data: base64url,
    signature: base64url,
    public_key: z.record(z.string(), z.unknown()).meta({ description: 'As a JWK.' }),
    cose_key: base64url,
    origin: z.string(),
    rp_id: z.string(),
    signed_at: z.int(),
  })
  .meta({
    id: 'SignedDecision',
    description:
      'The signature is over authenticator_data ‖ SHA-256(client_data), whose challenge is SHA-256(nonce ‖ SHA-256(decision)).',
  });

const CURVES: Readonly<Record<number, string>> = { 1: 'P-256', 2: 'P-384', 3: 'P-521', 6: 'Ed25519' };

/** COSE key (RFC 9052, 9053) as a JWK: the kinds that passkeys are registered with. */
async function jwkOf(cose: Buffer): Promise<Record<string, unknown>> {
  const { decodeCredentialPublicKey } = await import('@simplewebauthn/server/helpers');
  const key: unknown = decodeCredentialPublicKey(new Uint8Array(cose));
  if (!(key instanceof Map)) throw new Error('a stored COSE key is no map');
  const text = (label: number): string => {
    const value: unknown = key.get(label);
    return value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : '';
  };
  const crv = CURVES[Number(key.get(-1))];
  switch (key.get(1)) {
    case 1:
      return { kty: 'OKP', crv, x: text(-2) };
    case 2:
      return { kty: 'EC', crv, x: text(-2), y: text(-3) };
    case 3:
      return { kty: 'RSA', n: text(-1), e: text(-2) };
    default:
      throw new Error('a stored COSE key is of a kind that is not registered');
  }
}

export async function signedDecisionView(row: SignedDecisionRow): Promise<z.output<typeof signedDecisionSchema>> {
  const text = (bytes: Buffer) => bytes.toString('base64url');
  return {
    id: row.id,
    object: 'signed_decision',
    kind: row.kind,
    subject: row.subject_id,
    person: row.person,
    passkey: row.passkey_id,
    decision: row.canonical,
    nonce: text(row.nonce),
    client_data: text(row.client_data),
    authenticator_data: text(row.authenticator_data),
    signature: text(row.signature),
    public_key: await jwkOf(row.public_key),
    cose_key: text(row.public_key),
    origin: row.origin,
    rp_id: row.rp_id,
    signed_at: row.signed_at,
  };
}
