/** A record out of its text. */
import type { LogRecord } from '@hivekey/action-log';
import { isObject, readJson } from './json.ts';

/** Undefined: the text is no record of the log. */
export function parseRecord(text: string): LogRecord | undefined {
  const value = readJson(text);
  return isRecord(value) ? value : undefined;
}

function isRecord(value: unknown): value is LogRecord {
  return (
    isObject(value) &&
    ['event_id', 'kind', 'ts', 'workspace', 'env', 'shard'].every((name) => typeof value[name] === 'string') &&
    Number.isSafeInteger(value.shard_seq)
  );
}
