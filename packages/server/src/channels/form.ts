/** The body of Slack's interactions: a form with one member that holds JSON. */
import type { JsonValue } from '@hivekey/policy';
import { DEFAULT_JSON_LIMITS, parseStrictJson } from '../gateway/strict-json.ts';

/** Undefined for anything else. */
export function readPayload(body: Buffer): JsonValue | undefined {
  const form = [...new URLSearchParams(body.toString('utf8'))];
  const [name, text] = form[0] ?? [];
  if (form.length !== 1 || name !== 'payload' || text === undefined) return undefined;
  const parsed = parseStrictJson(Buffer.from(text), DEFAULT_JSON_LIMITS);
  return parsed.ok ? parsed.value : undefined;
}
