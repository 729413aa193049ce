/** The pin of a definition: what a person approved, to the last member. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@hivekey/action-log';
import type { JsonValue } from '@hivekey/policy';

/** SHA-256 over the RFC 8785 form of the whole definition, or of the server's instructions. */
export function pinOf(definition: JsonValue): string {
  return `sha256:${createHash('sha256').update(canonicalJson(definition)).digest('hex')}`;
}
