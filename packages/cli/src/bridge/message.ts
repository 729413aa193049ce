import { parseJson } from '@hivekey/action-log';
/** A line of the client, as far as the bridge must understand it. The line itself is what is sent on. */

export type RequestId = string | number;

export type ClientMessage =
  | {
      readonly kind: 'request';
      readonly id: RequestId;
      readonly method: string;
      readonly params: Readonly<Record<string, unknown>>;
      /** Revision that the body names; undefined in the session era. */
      readonly modern: string | undefined;
    }
  | {
      readonly kind: 'notification';
      readonly method: string;
      readonly params: Readonly<Record<string, unknown>>;
      readonly modern: string | undefined;
    }
  | { readonly kind: 'response' }
  /** Not a JSON-RPC message; the gateway says what is wrong with it. */
  | { readonly kind: 'other' };

const VERSION = 'io.modelcontextprotocol/protocolVersion';

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined for a line that is not JSON. */
export function readLine(line: string): ClientMessage | undefined {
  let value: unknown;
  try {
    value = parseJson(line);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return { kind: 'other' };
  const { id, method } = value;
  if (typeof method !== 'string')
    return 'result' in value || 'error' in value ? { kind: 'response' } : { kind: 'other' };
  const params = isObject(value.params) ? value.params : {};
  const version = isObject(params._meta) ? params._meta[VERSION] : undefined;
  const modern = typeof version === 'string' ? version : undefined;
  if (typeof id === 'string' || typeof id === 'number') return { kind: 'request', id, method, params, modern };
  return id === undefined ? { kind: 'notification', method, params, modern } : { kind: 'other' };
}
