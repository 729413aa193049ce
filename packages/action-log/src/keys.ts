/** Keys of signed notes: C2SP signed-note's Ed25519 keys (type 0x01) and cosigner keys of tlog-cosignature (type 0x04). */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { sha256 } from './hashes.ts';

/** 0x01: signs the note's text. 0x04: a witness's timestamped cosignature of a checkpoint. */
export type KeyType = 0x01 | 0x04;

/** A key that signatures are checked with. `id` is the first four bytes of SHA-256(name ‖ LF ‖ type ‖ public key), in hex. */
export interface VerifierKey {
  readonly name: string;
  readonly id: string;
  readonly type: KeyType;
  readonly publicKey: KeyObject;
  /** `<name>+<id>+<base64(type ‖ public key)>`. */
  readonly text: string;
}

/** A key that signs. `verifier` is its public half. */
export interface SigningKey {
  readonly verifier: VerifierKey;
  readonly privateKey: KeyObject;
}

/** The text is not a verifier key, or the seed or name cannot make a key. */
export class BadKey extends Error {
  readonly code = 'bad_key';
}

// DER of RFC 8410 up to the 32 key bytes.
const PKCS8_SEED = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_KEY = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_BYTES = 32;

/** A signing key from 32 secret bytes. The name may hold neither white space nor `+`. */
export function signingKey(name: string, seed: Uint8Array, type: KeyType = 0x01): SigningKey {
  if (seed.length !== KEY_BYTES) throw new BadKey('an Ed25519 seed has 32 bytes');
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_SEED, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { verifier: verifierKey(name, type, spki.subarray(SPKI_KEY.length)), privateKey };
}

/** Parses `<name>+<id>+<base64>`, one trailing line feed allowed. Throws {@link BadKey}; an id that does not fit the key is refused. */
export function parseVerifierKey(text: string): VerifierKey {
  const line = text.endsWith('\n') ? text.slice(0, -1) : text;
  const first = line.indexOf('+');
  const second = line.indexOf('+', first + 1);
  if (first < 1 || second < 0) throw new BadKey('a verifier key is <name>+<id>+<base64>');
  const name = line.slice(0, first);
  const bytes = decodeBase64(line.slice(second + 1));
  const type = bytes?.[0];
  if (bytes?.length !== 1 + KEY_BYTES || (type !== 0x01 && type !== 0x04))
    throw new BadKey('only Ed25519 verifier keys (type 1, or 4 for witnesses) are known');
  const key = verifierKey(name, type, bytes.subarray(1));
  if (key.id !== line.slice(first + 1, second)) throw new BadKey('the id of the verifier key does not fit its bytes');
  return key;
}

function verifierKey(name: string, type: KeyType, raw: Uint8Array): VerifierKey {
  if (!isKeyName(name)) throw new BadKey('a key name is not empty and holds neither white space nor +');
  const typed = Buffer.concat([Uint8Array.of(type), raw]);
  const id = sha256(Buffer.concat([Buffer.from(`${name}\n`), typed])).toString('hex', 0, 4);
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_KEY, raw]), format: 'der', type: 'spki' });
  return { name, id, type, publicKey, text: `${name}+${id}+${encodeBase64(typed)}` };
}

/** C2SP signed-note: key names are not empty and contain no Unicode space and no plus. Here also no control character: names are printed. */
export function isKeyName(name: string): boolean {
  return name.isWellFormed() && /^[^\s\p{Cc}+]+$/u.test(name);
}
