/**
 * Encryption of stored credentials: AES-256-GCM under a data key of its own for each version, the data key
 * wrapped under the key-encryption key. Workspace, name and version are authenticated on both layers, so a
 * ciphertext moved to another place, or an old version put back, does not open.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';

export interface EnvelopeContext {
  readonly workspaceId: string;
  readonly name: string;
  readonly version: number;
}

export interface Envelope {
  readonly wrappedKey: Buffer;
  readonly ciphertext: Buffer;
}

const ALGORITHM = 'aes-256-gcm';
const FORMAT = 1;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** Given when decrypting too: without it Node accepts tags of four bytes. */
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES;

/** The envelope was altered, belongs elsewhere, or the key is another one. */
export class EnvelopeBroken extends Error {
  readonly code = 'envelope_broken';
}

/** What a wrapped data key is bound to, in canonical form (RFC 8785). */
export function keyContext(context: EnvelopeContext): Buffer {
  return additionalData('key', context);
}

function additionalData(layer: 'key' | 'value', { workspaceId, name, version }: EnvelopeContext): Buffer {
  return Buffer.from(canonicalJson({ layer, name, version, workspace: workspaceId }));
}

/** Format byte, nonce, tag, ciphertext. */
function encrypt(key: KeyObject, additional: Buffer, plain: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(additional);
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.getAuthTag(), body]);
}

function decrypt(key: KeyObject, additional: Buffer, sealed: Buffer): Buffer {
  if (sealed.length < HEAD_BYTES || sealed[0] !== FORMAT) throw new EnvelopeBroken('unknown format');
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(additional);
  decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEAD_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(HEAD_BYTES)), decipher.final()]);
  } catch {
    throw new EnvelopeBroken('authentication failed');
  }
}

/** A data key under a key of ours. `wrappingKey`: 32 bytes. */
export function wrapDataKey(wrappingKey: KeyObject, context: EnvelopeContext, dataKey: Buffer): Buffer {
  return encrypt(wrappingKey, keyContext(context), dataKey);
}

/** Throws EnvelopeBroken. */
export function unwrapDataKey(wrappingKey: KeyObject, context: EnvelopeContext, wrapped: Buffer): Buffer {
  return decrypt(wrappingKey, keyContext(context), wrapped);
}

export function newDataKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

export function sealValue(dataKey: Buffer, context: EnvelopeContext, value: string): Buffer {
  const plain = Buffer.from(value, 'utf8');
  try {
    return encrypt(createSecretKey(dataKey), additionalData('value', context), plain);
  } finally {
    plain.fill(0);
  }
}

/** Throws EnvelopeBroken. */
export function openValue(dataKey: Buffer, context: EnvelopeContext, ciphertext: Buffer): string {
  if (dataKey.length !== KEY_BYTES) throw new EnvelopeBroken('data key of wrong length');
  return decrypt(createSecretKey(dataKey), additionalData('value', context), ciphertext).toString('utf8');
}

/** `wrappingKey`: 32 bytes. */
export function sealEnvelope(wrappingKey: KeyObject, context: EnvelopeContext, value: string): Envelope {
  const dataKey = newDataKey();
  try {
    return {
      wrappedKey: wrapDataKey(wrappingKey, context, dataKey),
      ciphertext: sealValue(dataKey, context, value),
    };
  } finally {
    dataKey.fill(0);
  }
}

/** Throws EnvelopeBroken unless the envelope was sealed under this key for exactly this context. */
export function openEnvelope(wrappingKey: KeyObject, context: EnvelopeContext, envelope: Envelope): string {
  const dataKey = unwrapDataKey(wrappingKey, context, envelope.wrappedKey);
  try {
    return openValue(dataKey, context, envelope.ciphertext);
  } finally {
    dataKey.fill(0);
  }
}
