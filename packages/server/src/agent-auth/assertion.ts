/** Client authentication with a signed assertion (RFC 7523 section 3), as identity profiles narrow it: our issuer alone as audience. */
import { decodeJwt, decodeProtectedHeader, errors, importJWK, jwtVerify } from 'jose';
import type { Pool } from 'pg';
import { type Credential, keysOf, refuseDead } from './client.ts';
import { required } from './form.ts';
import { algorithmsOf } from './keys.ts';
import { OAuthRefusal } from './refusal.ts';
import type { Once } from './replays.ts';

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const MAX_LIFE_SECONDS = 300;
const SKEW_SECONDS = 10;
const MAX_JTI = 256;
const TYPES: ReadonlySet<string> = new Set(['jwt', 'client-authentication+jwt']);

export interface Authenticated {
  readonly credential: Credential;
  readonly once: Once;
}

/** Throws OAuthRefusal `invalid_client`; `invalid_request` where the parameters are no assertion. */
export async function authenticateClient(
  pool: Pool,
  form: ReadonlyMap<string, string>,
  issuer: string,
  nowMs: number,
): Promise<Authenticated> {
  if (form.has('client_secret')) throw refused('secrets of clients are not taken; sign an assertion');
  if (required(form, 'client_assertion_type') !== ASSERTION_TYPE)
    throw new OAuthRefusal('invalid_client', `client_assertion_type must be ${ASSERTION_TYPE}`);
  const assertion = required(form, 'client_assertion');
  const { clientId, alg, kid } = peek(assertion);
  if (form.has('client_id') && form.get('client_id') !== clientId)
    throw refused('client_id is not that of the assertion');
  const keys = (await keysOf(pool, clientId)).filter(
    ({ jwk, thumbprint, credentialId }) =>
      jwk !== null &&
      algorithmsOf(jwk).includes(alg) &&
      (kid === undefined || kid === thumbprint || kid === credentialId),
  );
  for (const credential of keys) {
    const claims = await verified(assertion, credential, issuer, nowMs);
    if (claims === undefined) continue;
    refuseDead(credential, 'invalid_client');
    return { credential, once: check(claims, credential, clientId, issuer) };
  }
  throw refused('no key of the client has signed the assertion');
}

/** What is claimed by whom, before anything of it is believed. */
function peek(assertion: string): {
  readonly clientId: string;
  readonly alg: string;
  readonly kid: string | undefined;
} {
  try {
    const { alg, kid, typ } = decodeProtectedHeader(assertion);
    const { iss } = decodeJwt(assertion);
    if (typeof alg !== 'string' || typeof iss !== 'string' || iss === '')
      throw refused('the assertion names no client');
    if (typ !== undefined && !TYPES.has(String(typ).toLowerCase())) throw refused('the assertion is of another type');
    return { clientId: iss, alg, kid: typeof kid === 'string' ? kid : undefined };
  } catch (error) {
    if (error instanceof OAuthRefusal) throw error;
    throw refused('the assertion is no signed JWT');
  }
}

interface Claims {
  readonly iss?: unknown;
  readonly sub?: unknown;
  readonly aud?: unknown;
  readonly jti?: unknown;
  readonly iat?: unknown;
  readonly exp?: unknown;
}

/** Undefined when the key has not signed it. Times are judged, too. */
async function verified(
  assertion: string,
  credential: Credential,
  issuer: string,
  nowMs: number,
): Promise<Claims | undefined> {
  if (credential.jwk === null) return undefined;
  try {
    const algorithms = [...algorithmsOf(credential.jwk)];
    const { alg, ...jwk } = credential.jwk;
    const key = await importJWK(jwk, alg);
    const { payload } = await jwtVerify(assertion, key, {
      algorithms,
      audience: issuer,
      requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat', 'jti'],
      clockTolerance: SKEW_SECONDS,
      // Also refuses an iat that is still to come.
      maxTokenAge: MAX_LIFE_SECONDS,
      currentDate: new Date(nowMs),
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return undefined;
    if (error instanceof errors.JWTExpired) throw refused('the assertion has expired, or lives too long', credential);
    if (error instanceof errors.JWTClaimValidationFailed)
      throw refused(`the claim ${error.claim} of the assertion is missing or wrong`, credential);
    if (error instanceof errors.JOSEError) throw refused('the assertion cannot be verified', credential);
    throw error;
  }
}

function check(claims: Claims, credential: Credential, clientId: string, issuer: string): Once {
  const { sub, aud, jti, iat, exp } = claims;
  if (sub !== clientId) throw refused('iss and sub of the assertion differ', credential);
  // One that also goes to somebody else could be used by them.
  if (aud !== issuer) throw refused('aud of the assertion is not our issuer alone, as one string', credential);
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI)
    throw refused('jti of the assertion is no id', credential);
  if (typeof iat !== 'number' || typeof exp !== 'number' || exp <= iat || exp - iat > MAX_LIFE_SECONDS)
    throw refused(`the assertion lives longer than ${MAX_LIFE_SECONDS} seconds`, credential);
  if (iat * 1000 <= credential.cutoffMs) throw refused('the assertion is from before a stop', credential);
  return {
    kind: 'assertion',
    issuer: clientId,
    jti,
    expiresAt: new Date((exp + 2 * SKEW_SECONDS) * 1000),
  };
}

function refused(description: string, credential?: Credential): OAuthRefusal {
  return new OAuthRefusal('invalid_client', description, credential);
}
