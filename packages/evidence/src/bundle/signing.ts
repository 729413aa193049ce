/**
 * The key that signs evidence, in the forms that stock tools read: OpenSSH (`ssh-keygen -Y verify`, PROTOCOL.sshsig of OpenSSH)
 * and a raw Ed25519 signature (`openssl pkeyutl -verify -rawin`).
 */
import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';

/** What the signature is for: one made for something else does not count here. */
export const SIGNATURE_NAMESPACE = 'agent-evidence@hivekey';
/** Who signs, in `allowed_signers`. */
export const SIGNER = 'evidence@hivekey';

const KEY_TYPE = 'ssh-ed25519';
const MAGIC = Buffer.from('SSHSIG');
const SIGNATURE_VERSION = 1;
const ARMOR_WIDTH = 70;
const SIGNATURE_BYTES = 64;
const ARMOUR = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\n$/;
const ALLOWED_SIGNERS = / ssh-ed25519 ([A-Za-z0-9+/=]+)\n$/;
/** DER of RFC 8410 up to the 32 bytes of the key. */
const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex');

/** The public half of the key. Same key, same texts. */
export interface PublicSigner {
  /** As `ssh-keygen -l` prints it: `SHA256:` and 43 characters of base64. What is compared by another road. */
  readonly fingerprint: string;
  /** One line, for `ssh-keygen -Y verify -f`. */
  readonly allowedSigners: string;
  /** SubjectPublicKeyInfo, for openssl. */
  readonly pem: string;
}

/** `key`: Ed25519, either half. */
export function publicSigner(key: KeyObject): PublicSigner {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const blob = sshKey(publicKey);
  return {
    fingerprint: `SHA256:${hash('sha256', blob, 'base64').replace(/=+$/, '')}`,
    allowedSigners: `${SIGNER} namespaces="${SIGNATURE_NAMESPACE}" ${KEY_TYPE} ${blob.toString('base64')}\n`,
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** Of the bytes as they are, 64 bytes. */
export function rawSignature(key: KeyObject, message: Uint8Array): Buffer {
  return sign(null, message, key);
}

/** `MANIFEST.sha256.sshsig`: armoured, with the key in it. Deterministic, as Ed25519 is. */
export function sshSignature(key: KeyObject, message: Uint8Array): string {
  const { signed, blob: before } = sshSignatureParts(createPublicKey(key), message);
  const blob = Buffer.concat([before, sign(null, signed, key)]);
  return `-----BEGIN SSH SIGNATURE-----\n${wrapped(blob.toString('base64'))}-----END SSH SIGNATURE-----\n`;
}

/** The key of `keys/allowed_signers`; undefined where the text is anything else than {@link publicSigner} writes. */
export function readAllowedSigners(text: string): KeyObject | undefined {
  const found = ALLOWED_SIGNERS.exec(text)?.[1];
  const blob = Buffer.from(found ?? '', 'base64');
  const raw = blob.subarray(-32);
  if (raw.length !== 32) return undefined;
  const key = createPublicKey({ key: Buffer.concat([SPKI_ED25519, raw]), format: 'der', type: 'spki' });
  return publicSigner(key).allowedSigners === text ? key : undefined;
}

/** Whether `armour` is a signature of the message by the key, for this namespace. */
export function isSshSigned(publicKey: KeyObject, message: Uint8Array, armour: string): boolean {
  const blob = Buffer.from(ARMOUR.exec(armour)?.[1] ?? '', 'base64');
  const before = sshSignatureParts(publicKey, message);
  const value = blob.subarray(-SIGNATURE_BYTES);
  // Whatever stands before the signature itself is known, so it is compared and not parsed.
  return (
    blob.length === before.blob.length + SIGNATURE_BYTES &&
    blob.subarray(0, before.blob.length).equals(before.blob) &&
    verify(null, before.signed, publicKey, value)
  );
}

interface SshSignatureParts {
  /** What is signed. */
  readonly signed: Buffer;
  /** The blob up to the 64 bytes of the signature. */
  readonly blob: Buffer;
}

function sshSignatureParts(publicKey: KeyObject, message: Uint8Array): SshSignatureParts {
  const parts = [string(SIGNATURE_NAMESPACE), string(''), string('sha512')];
  const version = number(SIGNATURE_VERSION);
  const type = string(KEY_TYPE);
  return {
    signed: Buffer.concat([MAGIC, ...parts, string(hash('sha512', message, 'buffer'))]),
    blob: Buffer.concat([
      MAGIC,
      version,
      string(sshKey(publicKey)),
      ...parts,
      number(type.length + 4 + SIGNATURE_BYTES),
      type,
      number(SIGNATURE_BYTES),
    ]),
  };
}

function sshKey(publicKey: KeyObject): Buffer {
  if (publicKey.asymmetricKeyType !== 'ed25519') throw new TypeError('evidence is signed with Ed25519 alone');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(SPKI_ED25519.length);
  return Buffer.concat([string(KEY_TYPE), string(raw)]);
}

/** RFC 4251 section 5: four bytes of length, then the bytes. */
function string(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function wrapped(text: string): string {
  return (text.match(new RegExp(`.{1,${ARMOR_WIDTH}}`, 'g')) ?? []).map((line) => `${line}\n`).join('');
}
