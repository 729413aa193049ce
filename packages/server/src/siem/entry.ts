/** A stored entry as an item of the stream. Pure. */

import type { LogRecord } from '@hivekey/action-log';
import { parseJson } from '@hivekey/action-log';
import type { StreamEntry } from '@hivekey/siem';
import type { StoredEntry } from '../log/index.ts';
import { dayOf } from './tally.ts';

/** Undefined where the stored bytes are no record. */
export function entryOf(stored: StoredEntry): StreamEntry | undefined {
  let value: unknown;
  try {
    value = parseJson(stored.canonical);
  } catch {
    return undefined;
  }
  return isRecord(value) ? { type: 'entry', ...stored, record: value } : undefined;
}

function isRecord(value: unknown): value is LogRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    'event_id' in value &&
    typeof value.event_id === 'string' &&
    'kind' in value &&
    typeof value.kind === 'string' &&
    'ts' in value &&
    typeof value.ts === 'string'
  );
}

/** UTC; the first one where the record has no time that can be read. */
export function dayOfRecord({ ts }: LogRecord): string {
  return dayOf(timeOf(ts));
}

/** Epoch milliseconds. */
export function timeOf(ts: string): number {
  return Date.parse(ts) || 0;
}
