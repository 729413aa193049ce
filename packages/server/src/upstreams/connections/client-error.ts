/** The JSON-RPC error an upstream gets when its request to the client was not answered. */
import type { JsonObject, JsonValue } from '@hivekey/policy';

const INTERNAL = -32603;
const NOT_FOUND = -32601;

/** What was thrown may carry a code and data of the client; anything else is told as "not supported". */
export function errorFrom(error: unknown): JsonObject {
  if (!(error instanceof Error)) return { code: INTERNAL, message: 'The request was not answered.' };
  const code = 'code' in error && typeof error.code === 'number' ? error.code : undefined;
  if (code === undefined) return { code: NOT_FOUND, message: 'Method not found' };
  const data = 'data' in error ? plain(error.data) : undefined;
  return data === undefined ? { code, message: error.message } : { code, message: error.message, data };
}

function plain(data: unknown): JsonValue | undefined {
  const text = data === undefined ? undefined : JSON.stringify(data);
  return text === undefined ? undefined : JSON.parse(text);
}
