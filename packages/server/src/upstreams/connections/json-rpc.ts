/** What upstreams send, one JSON-RPC 2.0 message at a time, read strictly: it is either one of these or refused. */
import { parseJson } from '@hivekey/action-log';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { MAX_DEPTH } from '../limits.ts';
import type { Scrubber } from '../scrub.ts';

export type RpcId = string | number;

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: JsonValue;
}

export type Inbound =
  | { readonly kind: 'result'; readonly id: RpcId; readonly result: JsonObject }
  /** `id` is absent where the upstream could not tell which request it was. */
  | { readonly kind: 'error'; readonly id?: RpcId; readonly error: RpcError }
  | { readonly kind: 'request'; readonly id: RpcId; readonly method: string; readonly message: JsonObject }
  | { readonly kind: 'notification'; readonly method: string; readonly message: JsonObject };

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: JsonValue | undefined): value is RpcId {
  return typeof value === 'string' || (typeof value === 'number' && Number.isSafeInteger(value));
}

/** Undefined when it is not exactly one well-formed message. The credential is taken out before anything sees it. */
export function readMessage(text: string, scrubber: Scrubber | undefined): Inbound | undefined {
  if (deeperThan(text, MAX_DEPTH)) return undefined;
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const message = scrubber?.suspects(text) === true ? scrubber.object(value) : value;
  return classify(message);
}

function classify(message: JsonObject): Inbound | undefined {
  const { jsonrpc, id, method, params, result, error } = message;
  if (jsonrpc !== '2.0') return undefined;
  if (method !== undefined) {
    if (typeof method !== 'string' || result !== undefined || error !== undefined) return undefined;
    if (params !== undefined && !isObject(params)) return undefined;
    if (id === undefined) return { kind: 'notification', method, message };
    return isId(id) ? { kind: 'request', id, method, message } : undefined;
  }
  if (result !== undefined)
    return error === undefined && isId(id) && isObject(result) ? { kind: 'result', id, result } : undefined;
  const read = readError(error);
  if (read === undefined) return undefined;
  if (id === undefined || id === null) return { kind: 'error', error: read };
  return isId(id) ? { kind: 'error', id, error: read } : undefined;
}

function readError(value: JsonValue | undefined): RpcError | undefined {
  if (!isObject(value)) return undefined;
  const { code, message, data } = value;
  if (typeof code !== 'number' || !Number.isSafeInteger(code) || typeof message !== 'string') return undefined;
  return data === undefined ? { code, message } : { code, message, data };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Brackets outside strings, counted without parsing. */
function deeperThan(text: string, levels: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = endOfString(text, at);
    } else if (unit === 0x7b || unit === 0x5b) {
      depth += 1;
      if (depth > levels) return true;
    } else if (unit === 0x7d || unit === 0x5d) {
      depth -= 1;
    }
  }
  return false;
}

/** Index of the quote that ends the string begun at `start`; of the end of the text when there is none. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}
