/** What a client proves itself with at a token endpoint: a JWT under its own key (RFC 7523, 2.2). */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { OAuthClient } from '../injection.ts';
import { CredentialUnavailable } from './unavailable.ts';

const LIFE_SECONDS = 60;

/** `key`: PKCS #8 in PEM, or a JWK as JSON. Rejects with CredentialUnavailable when it is neither. */
export function signAssertion(
  key: string,
  { client_id, token_url, key_id }: OAuthClient,
  jti: string,
  nowMs: number,
): Promise<string> {
  const privateKey = keyOf(key);
  const issuedAt = Math.floor(nowMs / 1000);
  return new SignJWT()
    .setProtectedHeader({ alg: algorithmOf(privateKey), ...(key_id === undefined ? {} : { kid: key_id }) })
    .setIssuer(client_id)
    .setSubject(client_id)
    .setAudience(token_url)
    .setJti(jti)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + LIFE_SECONDS)
    .sign(privateKey);
}

function keyOf(text: string): KeyObject {
  try {
    return text.trimStart().startsWith('{')
      ? createPrivateKey({ key: JSON.parse(text), format: 'jwk' })
      : createPrivateKey(text);
  } catch {
    throw new CredentialUnavailable('the credential is no private key in PEM or JWK form');
  }
}

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const curve = CURVES[asymmetricKeyDetails?.namedCurve ?? ''];
  if (asymmetricKeyType === 'rsa') return 'RS256';
  if (asymmetricKeyType === 'ed25519') return 'EdDSA';
  if (asymmetricKeyType === 'ec' && curve !== undefined) return curve;
  throw new CredentialUnavailable('the private key is of a kind that is not used here');
}
