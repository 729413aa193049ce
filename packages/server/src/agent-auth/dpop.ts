/** Proofs of possession (RFC 9449), at the token endpoint and at the gateway. */
import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { EmbeddedJWK, errors, jwtVerify } from 'jose';
import { KeyProblem, readPublicKey } from './keys.ts';

export const PROOF_ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256', 'RS256'];
const MAX_PROOF = 8_192;
const MAX_JTI = 256;
/** Of the clock of the client; how old a proof may be is up to the nonce. */
const SKEW_MS = 60_000;
const NONCE_MS = 300_000;

/** A nonce tells by itself when it was given, so that every node takes those of the others. */
export function newNonce(key: KeyObject, nowMs: number): string {
  const at = nowMs.toString(36);
  return `${at}.${nonceMac(key, at)}`;
}

function nonceMac(key: KeyObject, at: string): string {
  return createHmac('sha256', key).update(`dpop-nonce\0${at}`).digest('base64url').slice(0, 22);
}

function isFresh(nonce: unknown, key: KeyObject, nowMs: number): boolean {
  if (typeof nonce !== 'string') return false;
  const [at = '', mac = ''] = nonce.split('.', 2);
  const expected = Buffer.from(nonceMac(key, at));
  const given = Buffer.from(mac);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
  const age = nowMs - Number.parseInt(at, 36);
  return age <= NONCE_MS && age >= -SKEW_MS;
}

interface Presented {
  readonly proof: string | undefined;
  readonly method: string;
  /** Without query and fragment. */
  readonly url: string;
  /** The access token it comes with; absent at the token endpoint. */
  readonly token?: string;
  /** Thumbprint that the token is bound to. */
  readonly jkt?: string;
}

export type Proof =
  /** `jti` counts once for the key, until `expiresAt`; keeping that is up to the caller. */
  | { readonly kind: 'proven'; readonly jkt: string; readonly jti: string; readonly expiresAt: Date }
  | { readonly kind: 'invalid'; readonly why: string }
  /** Right, but for a nonce of ours that is not too old. */
  | { readonly kind: 'nonce' };

export async function verifyProof(presented: Presented, key: KeyObject, nowMs: number): Promise<Proof> {
  const { proof, method, url, token, jkt } = presented;
  if (proof === undefined || proof.length > MAX_PROOF) return { kind: 'invalid', why: 'there is no proof' };
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      algorithms: PROOF_ALGORITHMS,
      typ: 'dpop+jwt',
      requiredClaims: ['iat', 'jti', 'htm', 'htu'],
      currentDate: new Date(nowMs),
      clockTolerance: SKEW_MS / 1000,
    });
    // EmbeddedJWK takes public keys of any size.
    const { thumbprint } = await readPublicKey({ ...protectedHeader.jwk });
    const { jti, iat = 0, htm, htu, ath, nonce } = payload;
    if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI)
      return { kind: 'invalid', why: 'its jti is no id' };
    if (htm !== method) return { kind: 'invalid', why: 'its htm is another method' };
    if (typeof htu !== 'string' || targetOf(htu) !== targetOf(url))
      return { kind: 'invalid', why: 'its htu is another address' };
    if (token !== undefined && ath !== createHash('sha256').update(token).digest('base64url'))
      return { kind: 'invalid', why: 'its ath is of another token' };
    if (jkt !== undefined && jkt !== thumbprint) return { kind: 'invalid', why: 'the token is bound to another key' };
    if (!isFresh(nonce, key, nowMs)) return { kind: 'nonce' };
    if (Math.abs(nowMs - iat * 1000) > NONCE_MS + SKEW_MS) return { kind: 'invalid', why: 'its iat is not about now' };
    // By then its nonce is too old.
    return { kind: 'proven', jkt: thumbprint, jti, expiresAt: new Date(nowMs + NONCE_MS + 2 * SKEW_MS) };
  } catch (error) {
    if (error instanceof errors.JOSEError) return { kind: 'invalid', why: 'it is not signed as it must be' };
    if (error instanceof KeyProblem) return { kind: 'invalid', why: 'its key cannot be used' };
    throw error;
  }
}

/** Compared after normalisation (section 4.3), without query and fragment. */
function targetOf(text: string): string | undefined {
  const url = URL.parse(text);
  return url === null || url.username !== '' ? undefined : `${url.protocol}//${url.host}${url.pathname}`;
}
