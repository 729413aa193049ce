/** Names and numbers of the Model Context Protocol and of JSON-RPC 2.0, and the messages built from them. */
import type { JsonObject, JsonValue } from '@hivekey/policy';

export type RequestId = string | number;
export type ClientEra = 'modern' | 'legacy';

/** Keys of `params._meta` in revision 2026-07-28. */
export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** First revision without sessions; revisions are dates, so they compare as strings. */
export const FIRST_MODERN_VERSION = '2026-07-28';
export const MODERN_VERSIONS: readonly string[] = [FIRST_MODERN_VERSION];
/** Newest first: what `initialize` offers when the client names none of them. */
export const LEGACY_VERSIONS: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];

/** Error codes. Ours are positive from 1000: the ranges below -32000 belong to JSON-RPC, the protocol and its SDKs. */
export const CODE = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  resourceNotFound: -32002,
  headerMismatch: -32020,
  missingClientCapability: -32021,
  unsupportedVersion: -32022,
  urlElicitationRequired: -32042,
  unauthenticated: 1001,
  refused: 1002,
  held: 1003,
  upstreamUnavailable: 1004,
  unavailable: 1005,
  tooManyRequests: 1006,
  sessionNotFound: 1007,
  forbiddenOrigin: 1008,
  httpRequest: 1009,
} as const;

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: JsonValue;
}

/** Log levels of RFC 5424, mildest first. */
export const LOG_LEVELS: readonly string[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
];

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function resultMessage(id: RequestId, result: JsonObject): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${JSON.stringify(result)}}`;
}

/** Without an id where no single request could be told from the bytes. */
export function errorMessage(id: RequestId | undefined, error: RpcError): string {
  const head = id === undefined ? '{"jsonrpc":"2.0"' : `{"jsonrpc":"2.0","id":${JSON.stringify(id)}`;
  return `${head},"error":${JSON.stringify(error)}}`;
}

export function notificationMessage(method: string, params?: JsonObject): string {
  return JSON.stringify(params === undefined ? { jsonrpc: '2.0', method } : { jsonrpc: '2.0', method, params });
}
