/** A public key as people have it at hand, a JWK or PEM, as a JWK. A private one is found out here and sent nowhere. */
import { isRecord } from '../../../api/problem.ts';

export type PublicKeyText = { readonly jwk: JsonWebKey } | { readonly fault: string };

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const PRIVATE: PublicKeyText = {
  fault: 'That is a private key: it stays with the agent and belongs nowhere else. Paste the public one.',
};
const NO_KEY: PublicKeyText = { fault: 'That is no public key as a JWK, or as PEM with BEGIN PUBLIC KEY.' };
const PEM = /^-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----$/;

/** What a key in PEM may be; the browser takes only what fits. */
const FORMS: readonly (EcKeyImportParams | RsaHashedImportParams | Algorithm)[] = [
  { name: 'ECDSA', namedCurve: 'P-256' },
  { name: 'ECDSA', namedCurve: 'P-384' },
  { name: 'ECDSA', namedCurve: 'P-521' },
  { name: 'Ed25519' },
  { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
];

export async function readPublicKeyText(text: string): Promise<PublicKeyText> {
  const trimmed = text.trim();
  if (trimmed.includes('PRIVATE KEY')) return PRIVATE;
  const pem = PEM.exec(trimmed)?.[1];
  return pem === undefined ? ofJson(trimmed) : ofPem(pem.replace(/\s/g, ''));
}

function ofJson(text: string): PublicKeyText {
  const read = parsed(text);
  const jwk = isRecord(read) && Array.isArray(read.keys) && read.keys.length === 1 ? read.keys[0] : read;
  if (!isRecord(jwk) || typeof jwk.kty !== 'string') return NO_KEY;
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member))) return PRIVATE;
  return { jwk };
}

async function ofPem(base64: string): Promise<PublicKeyText> {
  // Only where the origin is one that can be trusted.
  if (globalThis.crypto.subtle === undefined) return { fault: 'The browser reads PEM over HTTPS only: paste a JWK.' };
  let der: Uint8Array<ArrayBuffer>;
  try {
    der = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return NO_KEY;
  }
  for (const form of FORMS)
    try {
      const key = await crypto.subtle.importKey('spki', der, form, true, ['verify']);
      const { key_ops: _, ext: __, alg: ___, ...jwk } = await crypto.subtle.exportKey('jwk', key);
      return { jwk };
    } catch {
      // Of another kind.
    }
  return { fault: 'Its curve is not P-256, P-384, P-521 or Ed25519, and it is no RSA key.' };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
