/** The verifier's reader of one record, by the book: what a record is, is said here. The hot reader (scan-record.ts) only saves asking it. */

import { isUtf8 } from 'node:buffer';
import { canonicalJson, NotCanonical } from '../canonical.ts';
import { parseJson } from '../parse-json.ts';

/** The fields that chains are made of. */
export interface RecordFields {
  readonly shard: string;
  readonly shardSeq: number;
  readonly agentId: string | undefined;
  /** Only with an agent id. */
  readonly agentSeq: number | undefined;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** A record about a hold: what it says is looked at. */
  readonly isHold: boolean;
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The fields, or in words why the bytes are no record. */
export function readRecord(bytes: Uint8Array): RecordFields | string {
  if (!isUtf8(bytes)) return 'is not valid UTF-8';
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  let value: unknown;
  try {
    value = parseJson(text);
    // Also refuses duplicate keys: they do not come back as they were.
    if (canonicalJson(value) !== text) return 'is not in canonical form (RFC 8785)';
  } catch (error) {
    return error instanceof NotCanonical ? `is not in canonical form: ${error.message}` : 'is not JSON';
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return 'is not an object';
  const fields = new Map<string, unknown>(Object.entries(value));
  const shard = fields.get('shard');
  const shardSeq = fields.get('shard_seq');
  const agentId = fields.get('agent_id');
  const agentSeq = fields.get('agent_seq');
  const time = timeOf(fields.get('ts'));
  if (fields.get('v') !== 1) return 'is of another version than 1';
  if (typeof shard !== 'string' || !ID.test(shard)) return 'has no shard id';
  if (!isPosition(shardSeq)) return 'has no shard_seq';
  if (agentId !== undefined && (typeof agentId !== 'string' || !ID.test(agentId)))
    return 'has an agent_id that is no id';
  if (agentSeq !== undefined && (!isPosition(agentSeq) || agentId === undefined))
    return 'has an agent_seq that is none';
  if (time === undefined) return 'has no time ts';
  const kind = fields.get('kind');
  return { shard, shardSeq, agentId, agentSeq, time, isHold: typeof kind === 'string' && kind.startsWith('hold.') };
}

function isPosition(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

function timeOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || !TIME.test(value)) return undefined;
  const time = Date.parse(value);
  // Date.parse takes the 31st of any month; writing it back shows the day it became.
  return time >= 0 && new Date(time).toISOString() === value ? time : undefined;
}
