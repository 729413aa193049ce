/**
 * Checks a decision that a person has signed with a passkey, with public data alone: no server, no database. What it shows is
 * that the holder of the key, and nobody else, approved exactly the text of `decision` at `origin`, present and verified by
 * the device. Whose the key is stands on the log (`passkey.registered`). Source: WebAuthn 3, section 7.2.
 */

import { createHash, createPublicKey, verify } from 'node:crypto';
import { parseJson } from './parse-json.ts';

/** As `GET /v1/approvals/:id/signatures` gives it; binary members in base64url. */
export interface SignedDecisionDocument {
  readonly decision: string;
  readonly nonce: string;
  readonly client_data: string;
  readonly authenticator_data: string;
  readonly signature: string;
  readonly public_key: Readonly<Record<string, unknown>>;
  readonly origin: string;
  readonly rp_id: string;
}

export type SignedDecisionVerdict =
  | { readonly ok: true; readonly decision: unknown }
  /** In words. */
  | { readonly ok: false; readonly problem: string };

/** Of authenticator data (WebAuthn 3, 6.1). */
const RP_ID_HASH_BYTES = 32;
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;

function sha256(...parts: readonly (Buffer | string)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Never throws. */
export function verifySignedDecision(document: SignedDecisionDocument): SignedDecisionVerdict {
  try {
    const problem = problemOf(document);
    return problem === undefined ? { ok: true, decision: parseJson(document.decision) } : { ok: false, problem };
  } catch {
    return { ok: false, problem: 'it cannot be read' };
  }
}

function problemOf({
  decision,
  nonce,
  client_data,
  authenticator_data,
  signature,
  public_key,
  origin,
  rp_id,
}: SignedDecisionDocument): string | undefined {
  const clientData = Buffer.from(client_data, 'base64url');
  const authenticatorData = Buffer.from(authenticator_data, 'base64url');
  const client: unknown = parseJson(clientData.toString('utf8'));
  if (typeof client !== 'object' || client === null) return 'its client data are no object';
  if (!('type' in client) || client.type !== 'webauthn.get') return 'it is no assertion';
  if (!('origin' in client) || client.origin !== origin) return 'it was made at another origin';
  const challenge = sha256(Buffer.from(nonce, 'base64url'), sha256(decision)).toString('base64url');
  if (!('challenge' in client) || client.challenge !== challenge) return 'it is over another decision';
  if (!authenticatorData.subarray(0, RP_ID_HASH_BYTES).equals(sha256(rp_id))) return 'it is of another relying party';
  const flags = authenticatorData[RP_ID_HASH_BYTES] ?? 0;
  if ((flags & USER_PRESENT) === 0 || (flags & USER_VERIFIED) === 0) return 'its device did not verify the person';
  const key = createPublicKey({ key: { ...public_key }, format: 'jwk' });
  const signed = Buffer.concat([authenticatorData, sha256(clientData)]);
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : digestOf(public_key.crv);
  return verify(algorithm, signed, key, Buffer.from(signature, 'base64url')) ? undefined : 'its signature is wrong';
}

/** RFC 9053: of each curve its digest; RSA is RS256. */
function digestOf(curve: unknown): string {
  return curve === 'P-384' ? 'sha384' : curve === 'P-521' ? 'sha512' : 'sha256';
}
