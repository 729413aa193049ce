/**
 * The key that signs evidence, in the forms that stock tools read: OpenSSH (`ssh-keygen -Y verify`, PROTOCOL.sshsig of OpenSSH)
 * and a raw Ed25519 signature (`openssl pkeyutl -verify -rawin`).
 */
import { createPublicKey, hash, type KeyObject, sign } from 'node:crypto';

/** What the signature is for: one made for something else does not count here. */
export const SIGNATURE_NAMESPACE = 'agent-evidence@hivekey';
/** Who signs, in `allowed_signers`. */
export const SIGNER = 'evidence@hivekey';

const KEY_TYPE = 'ssh-ed25519';
const MAGIC = Buffer.from('SSHSIG');
const SIGNATURE_VERSION = 1;
const ARMOR_WIDTH = 70;
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
  const parts = [string(SIGNATURE_NAMESPACE), string(''), string('sha512')];
  const signed = Buffer.concat([MAGIC, ...parts, string(hash('sha512', message, 'buffer'))]);
  const version = Buffer.alloc(4);
  version.writeUInt32BE(SIGNATURE_VERSION);
  const signature = Buffer.concat([string(KEY_TYPE), string(sign(null, signed, key))]);
  const blob = Buffer.concat([MAGIC, version, string(sshKey(createPublicKey(key))), ...parts, string(signature)]);
  return `-----BEGIN SSH SIGNATURE-----\n${wrapped(blob.toString('base64'))}-----END SSH SIGNATURE-----\n`;
}

function sshKey(publicKey: KeyObject): Buffer {
  if (publicKey.asymmetricKeyType !== 'ed25519') throw new TypeError('evidence is signed with Ed25519 alone');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(SPKI_ED25519.length);
  return Buffer.concat([string(KEY_TYPE), string(raw)]);
}

/** RFC 4251 section 5: four bytes of length, then the bytes. */
function string(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function wrapped(text: string): string {
  return (text.match(new RegExp(`.{1,${ARMOR_WIDTH}}`, 'g')) ?? []).map((line) => `${line}\n`).join('');
}
