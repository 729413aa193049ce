/** The four hashes of the log. All are SHA-256; the prefixes 0x00 and 0x01 are RFC 6962's and keep a leaf from passing as a node. */
import { hash } from 'node:crypto';

export const HASH_BYTES = 32;

/** The link before the first entry of a shard. */
export const ZERO_LINK: Uint8Array = new Uint8Array(HASH_BYTES);

const HASH_TEXT = /^sha256:[0-9a-f]{64}$/;

// Reused between calls: crypto.hash is synchronous, and asking it for a binary (latin1) string instead of a
// Buffer costs a third (measured on Node 24: 0.2 against 0.65 µs for 65 bytes).
const pair = Buffer.alloc(2 * HASH_BYTES);
const node = Buffer.alloc(1 + 2 * HASH_BYTES, 1);
let leaf = Buffer.alloc(1 + 4096);

/** SHA-256 of bytes as they are. */
export function sha256(data: Uint8Array): Buffer {
  return Buffer.from(hash('sha256', data, 'binary'), 'latin1');
}

/** SHA-256(0x00 ‖ data): an entry's hash, and the RFC 6962 leaf hash. A string stands for its UTF-8 bytes. */
export function entryHash(data: Uint8Array | string): Buffer {
  const needed = 1 + (typeof data === 'string' ? 3 * data.length : data.length);
  if (leaf.length < needed) leaf = Buffer.alloc(2 * needed);
  let end = 1;
  if (typeof data === 'string') end += leaf.write(data, 1);
  else {
    leaf.set(data, 1);
    end += data.length;
  }
  return sha256(leaf.subarray(0, end));
}

/** SHA-256(0x01 ‖ left ‖ right): an interior node of the tree. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  node.set(left, 1);
  node.set(right, 1 + HASH_BYTES);
  return sha256(node);
}

/** SHA-256(previous link ‖ entry hash): the next link of a shard's chain. */
export function linkHash(previous: Uint8Array, entry: Uint8Array): Buffer {
  pair.set(previous, 0);
  pair.set(entry, HASH_BYTES);
  return sha256(pair);
}

/** `sha256:<64 lower-case hex digits>`. */
export function formatHash(value: Uint8Array): string {
  return `sha256:${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
}

/** The 32 bytes of `sha256:<hex>`, or undefined when the text is anything else. */
export function parseHash(text: string): Buffer | undefined {
  return HASH_TEXT.test(text) ? Buffer.from(text.slice(7), 'hex') : undefined;
}

/** Not constant in time: the log has no secret hashes. */
export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
