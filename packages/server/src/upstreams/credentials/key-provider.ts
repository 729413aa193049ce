/** Key-encryption keys: what wraps the data key of each stored version. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { type EnvelopeContext, newDataKey, unwrapDataKey, wrapDataKey } from '../envelope.ts';

/** Every method rejects when the key cannot be used: with CredentialUnavailable, EnvelopeBroken, or the error of its service. */
export interface KeyProvider {
  /** As it stands with each version, e.g. `transit://transit/hivekey`. Holds nothing secret. */
  readonly reference: string;
  /** Bound to the context: under another one it does not unwrap. */
  wrap(dataKey: Buffer, context: EnvelopeContext): Promise<Buffer>;
  unwrap(wrapped: Buffer, context: EnvelopeContext): Promise<Buffer>;
  /** The same data key under the newest version of this key. */
  rewrap(wrapped: Buffer, context: EnvelopeContext): Promise<Buffer>;
}

/** Of a key whose service does not do it itself: the data key comes by here. */
export async function rewrapHere(
  provider: Pick<KeyProvider, 'wrap' | 'unwrap'>,
  wrapped: Buffer,
  context: EnvelopeContext,
): Promise<Buffer> {
  const dataKey = await provider.unwrap(wrapped, context);
  try {
    return await provider.wrap(dataKey, context);
  } finally {
    dataKey.fill(0);
  }
}

/** Rejects unless the key wraps and unwraps, and refuses another context. */
export async function checkHealth(provider: KeyProvider): Promise<void> {
  const dataKey = newDataKey();
  const context = { workspaceId: 'health', name: 'health', version: 1 };
  const wrapped = await provider.wrap(dataKey, context);
  if (!(await provider.unwrap(wrapped, context)).equals(dataKey))
    throw new Error('the key gives back another data key');
  const elsewhere = await provider.unwrap(wrapped, { ...context, version: 2 }).catch(() => undefined);
  if (elsewhere !== undefined) throw new Error('the key does not bind a data key to its place');
}

/** A key that this process holds: derived from secret.key, or 32 bytes of a file or variable. */
export class LocalKey implements KeyProvider {
  readonly reference: string;
  readonly #key: KeyObject;

  constructor(reference: string, key: KeyObject) {
    this.reference = reference;
    this.#key = key;
  }

  async wrap(dataKey: Buffer, context: EnvelopeContext): Promise<Buffer> {
    return wrapDataKey(this.#key, context, dataKey);
  }

  async unwrap(wrapped: Buffer, context: EnvelopeContext): Promise<Buffer> {
    return unwrapDataKey(this.#key, context, wrapped);
  }

  rewrap(wrapped: Buffer, context: EnvelopeContext): Promise<Buffer> {
    return rewrapHere(this, wrapped, context);
  }
}

const KEY_BYTES = 32;

/** A key of 32 bytes in base64; undefined when the text is none. */
export function keyFromText(text: string): KeyObject | undefined {
  const bytes = Buffer.from(text.trim(), 'base64');
  const isExact = bytes.length === KEY_BYTES && bytes.toString('base64') === text.trim();
  return isExact ? createSecretKey(bytes) : undefined;
}
