/** Public keys (RFC 7517) that signatures are checked with, and what each may sign with. Pure. */
import { createPublicKey } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { z } from 'zod';

const text = z.string().min(1).max(1024);
/** Members beside these are left out; a private one is refused. */
export const jwkSchema = z
  .object({
    kty: z.enum(['EC', 'OKP', 'RSA']),
    crv: text.optional(),
    x: text.optional(),
    y: text.optional(),
    n: text.optional(),
    e: text.optional(),
    alg: text.optional(),
    use: text.optional(),
    kid: text.optional(),
  })
  .meta({ id: 'PublicJwk' });

const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const RSA_BITS = { min: 2048, max: 4096 };
/** The first one is taken where the key names none. Ed25519 has two names (RFC 9864). */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'EC P-521': ['ES512'],
  'OKP Ed25519': ['EdDSA', 'Ed25519'],
  RSA: ['RS256', 'PS256', 'RS384', 'PS384', 'RS512', 'PS512'],
};
export const SIGNING_ALGORITHMS = Object.values(ALGORITHMS).flat();

/** A key as it is kept: its public members, and the algorithm it was fixed to. */
export interface PublicKey {
  readonly jwk: JWK & { readonly alg: string };
  /** RFC 7638, SHA-256. */
  readonly thumbprint: string;
}

/** Why a key cannot be used. */
export class KeyProblem extends Error {}

/** Throws KeyProblem: a private key, an unknown curve or one the point is not on, an RSA key too short or too long, an algorithm that is not the key's. */
export async function readPublicKey(value: unknown): Promise<PublicKey> {
  if (typeof value === 'object' && value !== null && PRIVATE.some((name) => Object.hasOwn(value, name)))
    throw new KeyProblem('it is a private or secret key; give the public one alone');
  const read = jwkSchema.safeParse(value);
  if (!read.success) throw new KeyProblem('it is no EC, OKP or RSA public key as a JWK');
  const { kty, crv, x, y, n, e, alg, use } = read.data;
  if (use !== undefined && use !== 'sig') throw new KeyProblem('its use is not "sig"');
  const fits = ALGORITHMS[kty === 'RSA' ? 'RSA' : `${kty} ${crv}`];
  if (fits === undefined) throw new KeyProblem('its curve is not P-256, P-384, P-521 or Ed25519');
  const [usual = ''] = fits;
  if (alg !== undefined && !fits.includes(alg)) throw new KeyProblem(`its alg is not ${fits.join(' or ')}`);
  const members = kty === 'RSA' ? { kty, n, e } : kty === 'OKP' ? { kty, crv, x } : { kty, crv, x, y };
  const jwk = Object.fromEntries(Object.entries(members).filter(([, member]) => member !== undefined));
  checkNumbers(jwk);
  return { jwk: { ...jwk, alg: alg ?? usual }, thumbprint: await calculateJwkThumbprint(jwk) };
}

function checkNumbers(jwk: JWK): void {
  let details: { readonly modulusLength?: number | undefined; readonly publicExponent?: bigint | undefined };
  try {
    const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
    details = key.asymmetricKeyDetails ?? {};
  } catch {
    throw new KeyProblem('its numbers are no point of the curve, or no key');
  }
  if (jwk.kty !== 'RSA') return;
  const { modulusLength = 0, publicExponent = 0n } = details;
  if (modulusLength < RSA_BITS.min || modulusLength > RSA_BITS.max)
    throw new KeyProblem(`an RSA key has ${RSA_BITS.min} to ${RSA_BITS.max} bits`);
  if (publicExponent < 65_537n || publicExponent % 2n === 0n || publicExponent > 0xffff_ffffn)
    throw new KeyProblem('its exponent is below 65537, or not one of a key');
}

/** The names under which a signature with the key may be announced. */
export function algorithmsOf({ alg }: { readonly alg: string }): readonly string[] {
  return alg === 'EdDSA' || alg === 'Ed25519' ? ['EdDSA', 'Ed25519'] : [alg];
}
