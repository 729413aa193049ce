/** Version 5 UUIDs (RFC 9562 §5.5): the same name has the same one, so that the same results are the same bytes. */
import { createHash } from 'node:crypto';

/** Of everything that HiveKey names in OSCAL. */
const NAMESPACE = Buffer.from('6f1d3f4e7c2a4d5a9b8e0c3f2a1b4d6e', 'hex');

export function uuidOf(name: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
