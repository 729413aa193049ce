/**
 * Which protocol era a message belongs to. The body decides; headers are only checked against it
 * (revision 2026-07-28, Streamable HTTP, "Server Validation").
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { JsonObject, JsonValue } from '@hivekey/policy';
import type { NotificationMessage, RequestMessage } from './message.ts';
import { decodeHeaderValue } from './param-headers.ts';
import {
  CODE,
  FIRST_MODERN_VERSION,
  isObject,
  LEGACY_VERSIONS,
  LOG_LEVELS,
  META,
  MODERN_VERSIONS,
  type RpcError,
} from './wire.ts';

/** What every modern request says about its sender. */
export interface Envelope {
  readonly version: string;
  readonly clientCapabilities: JsonObject;
  /** Absent: the client wants no log messages. */
  readonly logLevel?: string;
}

export type RequestEra =
  | { readonly kind: 'modern'; readonly envelope: Envelope }
  | { readonly kind: 'initialize' }
  | { readonly kind: 'legacy' }
  | { readonly kind: 'refused'; readonly error: RpcError };

function refused(code: number, message: string, data?: JsonValue): RequestEra {
  return { kind: 'refused', error: data === undefined ? { code, message } : { code, message, data } };
}

function mismatch(header: string, body: string): RequestEra {
  return refused(CODE.headerMismatch, `Bad Request: the request headers and body disagree: ${body}`, {
    mismatch: { header, body },
  });
}

/** One header's value without surrounding blanks, or undefined. Node has already refused control characters. */
export function headerValue(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value.trim() : undefined;
}

function claimsEnvelope(params: JsonObject): boolean {
  return isObject(params._meta) && META.protocolVersion in params._meta;
}

/** Every refusal here is HTTP 400. */
export function eraOfRequest(message: RequestMessage, headers: IncomingHttpHeaders): RequestEra {
  const headerVersion = headerValue(headers, 'mcp-protocol-version');
  const headerNamesModern = headerVersion !== undefined && headerVersion >= FIRST_MODERN_VERSION;
  if (!claimsEnvelope(message.params)) {
    if (message.method === 'initialize') {
      return headerNamesModern
        ? mismatch(headerVersion, 'initialize belongs to earlier revisions than the MCP-Protocol-Version header names')
        : { kind: 'initialize' };
    }
    return headerNamesModern ? missingEnvelope(message, headerVersion) : { kind: 'legacy' };
  }
  const meta = isObject(message.params._meta) ? message.params._meta : {};
  const problem = envelopeProblem(meta);
  const version = meta[META.protocolVersion];
  if (problem !== undefined || typeof version !== 'string') {
    return refused(
      CODE.invalidParams,
      `Invalid _meta envelope for protocol revision ${FIRST_MODERN_VERSION}: ${problem ?? META.protocolVersion}`,
    );
  }
  if (headerVersion !== undefined && headerVersion !== version)
    return mismatch(
      headerVersion,
      `the body names protocol version ${version} but the MCP-Protocol-Version header names ${headerVersion}`,
    );
  const method = headerValue(headers, 'mcp-method');
  if (method !== undefined && method !== message.method)
    return mismatch(method, `the body names method ${message.method} but the Mcp-Method header names ${method}`);
  if (!MODERN_VERSIONS.includes(version)) {
    // A client that opened with an older revision falls back to initialize on this answer.
    return refused(CODE.unsupportedVersion, `Unsupported protocol version: ${version}`, {
      supported: MODERN_VERSIONS,
      requested: version,
    });
  }
  return (
    standardHeaders(message, headers, headerVersion, method) ?? { kind: 'modern', envelope: envelopeOf(meta, version) }
  );
}

function missingEnvelope(message: RequestMessage, headerVersion: string): RequestEra {
  const meta = message.params._meta;
  const missing = !isObject(meta)
    ? ['_meta']
    : [META.protocolVersion, META.clientCapabilities].filter((key) => !(key in meta));
  return refused(
    CODE.invalidParams,
    `Invalid params: the MCP-Protocol-Version header names protocol revision ${headerVersion}, but the request is missing ${missing.join(', ')}`,
    { envelope: { missing } },
  );
}

/** First thing wrong with the envelope, in words. */
function envelopeProblem(meta: JsonObject): string | undefined {
  if (typeof meta[META.protocolVersion] !== 'string') return `${META.protocolVersion} must be a string`;
  const capabilities = meta[META.clientCapabilities];
  if (capabilities === undefined) return `${META.clientCapabilities} is missing`;
  if (!isObject(capabilities) || !Object.values(capabilities).every(isObject))
    return `${META.clientCapabilities} must be an object of objects`;
  const info = meta[META.clientInfo];
  if (info !== undefined && !(isObject(info) && typeof info.name === 'string' && typeof info.version === 'string'))
    return `${META.clientInfo} needs name and version`;
  const level = meta[META.logLevel];
  if (level !== undefined && !(typeof level === 'string' && LOG_LEVELS.includes(level)))
    return `${META.logLevel} is not a log level`;
  const token = meta.progressToken;
  if (token !== undefined && typeof token !== 'string' && !Number.isInteger(token))
    return 'progressToken must be a string or an integer';
  return undefined;
}

function envelopeOf(meta: JsonObject, version: string): Envelope {
  const capabilities = meta[META.clientCapabilities];
  const level = meta[META.logLevel];
  const envelope = { version, clientCapabilities: isObject(capabilities) ? capabilities : {} };
  return typeof level === 'string' ? { ...envelope, logLevel: level } : envelope;
}

/** The parameter that the Mcp-Name header repeats. */
const NAME_SOURCE: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

function standardHeaders(
  message: RequestMessage,
  headers: IncomingHttpHeaders,
  version: string | undefined,
  method: string | undefined,
): RequestEra | undefined {
  if (version === undefined) return mismatch('(missing)', 'the required MCP-Protocol-Version header is absent');
  if (method === undefined)
    return mismatch(
      '(missing)',
      `the body names method ${message.method} but the required Mcp-Method header is absent`,
    );
  const field = Object.hasOwn(NAME_SOURCE, message.method) ? NAME_SOURCE[message.method] : undefined;
  if (field === undefined) return undefined;
  const inBody = message.params[field];
  const header = headerValue(headers, 'mcp-name');
  if (header === undefined) {
    // A body without the name is answered as invalid parameters further on.
    return typeof inBody === 'string'
      ? mismatch('(missing)', `the body carries params.${field} but the required Mcp-Name header is absent`)
      : undefined;
  }
  const name = decodeHeaderValue(header);
  if (name === undefined) return mismatch(header, 'the Mcp-Name header carries an invalid Base64 value');
  if (typeof inBody === 'string' && name !== inBody)
    return mismatch(header, `the body carries another params.${field} than the Mcp-Name header`);
  return undefined;
}

/** Legacy: `MCP-Protocol-Version`, when sent, must name a revision we speak. */
export function legacyVersionProblem(headers: IncomingHttpHeaders): RpcError | undefined {
  const version = headerValue(headers, 'mcp-protocol-version');
  if (version === undefined || LEGACY_VERSIONS.includes(version)) return undefined;
  return {
    code: CODE.invalidRequest,
    message: `Bad Request: Unsupported protocol version: ${version} (supported versions: ${LEGACY_VERSIONS.join(', ')})`,
  };
}

/** A notification is modern when its envelope or, for lack of one, its header says so; modern ones carry nothing for a gateway. */
export function isModernNotification(message: NotificationMessage, headers: IncomingHttpHeaders): boolean {
  if (isObject(message.params._meta)) {
    const version = message.params._meta[META.protocolVersion];
    if (typeof version === 'string') return version >= FIRST_MODERN_VERSION;
  }
  const version = headerValue(headers, 'mcp-protocol-version');
  return version !== undefined && version >= FIRST_MODERN_VERSION;
}
