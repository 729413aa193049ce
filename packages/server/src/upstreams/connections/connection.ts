/** What a connection to one upstream server does, whatever its transport. */
import type { JsonObject } from '@hivekey/policy';
import type { Secret } from '../../secret.ts';
import type { AddressRules } from '../address-guard.ts';
import type { ServerSettings } from '../input.ts';
import type { Limits } from '../limits.ts';
import type { Era, UpstreamAnswer, UpstreamRequest } from '../types.ts';
import { isObject } from './json-rpc.ts';

export const MODERN_VERSION = '2026-07-28';
const LEGACY_VERSION = '2025-11-25';
const LEGACY_VERSIONS: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];

export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** The gateway's own requests: what a server is and has. */
export const GATEWAY_AFFINITY = ' gateway';
/** Said when lists are read: some servers offer tools only to clients that can be asked things. Their requests are refused. */
export const GATEWAY_CAPABILITIES: JsonObject = Object.freeze({
  elicitation: { form: {}, url: {} },
  roots: {},
  sampling: {},
});

/** The session-era revision to offer for a client; a modern client's own does not exist there. */
export function legacyVersionFor(clientVersion: string | undefined): string {
  return clientVersion !== undefined && LEGACY_VERSIONS.includes(clientVersion) ? clientVersion : LEGACY_VERSION;
}

export function isLegacyVersion(version: string): boolean {
  return LEGACY_VERSIONS.includes(version);
}

/** One request, as `UpstreamRequest` without what chose the connection. */
export interface ConnectionRequest extends Omit<UpstreamRequest, 'workspaceId' | 'server'> {
  readonly era: Era;
  /** Of a tool call: the definition, whose schema may ask for parameters in headers. */
  readonly definition?: JsonObject | undefined;
  /** Bounds of this request where they differ from those of a call. */
  readonly bounds?: { readonly idleMs: number; readonly totalMs: number };
}

/** What a server says about itself when it is asked. */
export interface Description {
  readonly era: Era;
  readonly protocolVersion: string;
  readonly capabilities: JsonObject;
  readonly instructions?: string;
}

/** The server could not be asked, or gave no usable answer. `message` is for operators and holds nothing secret. */
export class Undescribed extends Error {}

export interface Connection {
  /** Asks the server what it is; era detection included. Rejects with Undescribed. */
  describe(signal: AbortSignal): Promise<Description>;
  /** Never rejects. */
  request(request: ConnectionRequest): Promise<UpstreamAnswer>;
  /** To the upstream session of the affinity, if there is one. */
  notify(affinity: string, method: string, params: JsonObject): Promise<void>;
  /** Somebody wants to hear what the upstream says to this affinity without being asked. */
  attend(affinity: string): void;
  endAffinity(affinity: string): Promise<void>;
  /** Stays told about list changes until closed; `described` says how. */
  watch(described: Description): void;
  /** Tokens that were obtained for it are not used any more. */
  forgetTokens(): void;
  close(): Promise<void>;
}

interface ConnectionEvents {
  /** A message for an affinity that answers no request: an update, a log line. */
  unsolicited(affinity: string, message: JsonObject): void;
  /** The server's lists changed, or what is known of it seems to be out of date. */
  outdated(): void;
  /** The authorization server refused our client, or (undefined) takes it. */
  credentialOutcome(problem: string | undefined): void;
}

export interface ConnectionOptions {
  readonly settings: ServerSettings;
  readonly limits: Limits;
  readonly rules: AddressRules;
  /** The gateway's own version, for user agent and client info. */
  readonly version: string;
  /** Resolves the server's credential, if it has one. Rejects when it cannot be had. */
  credential(): Promise<Secret | undefined>;
  readonly events: ConnectionEvents;
  /** Working folder of a stdio server; made when needed. */
  readonly folder: string;
  /** What a stdio server writes on standard error, without the credential. */
  onDiagnostic(line: string): void;
}

export function clientInfoOf(options: { readonly version: string }): JsonObject {
  return { name: 'hivekey', version: options.version };
}

/** What an `initialize` result says. */
export function describedLegacy(result: JsonObject): Description {
  return { era: 'legacy', protocolVersion: String(result.protocolVersion), ...saidIn(result) };
}

/** What a `server/discover` result says. */
export function describedModern(result: JsonObject): Description {
  return { era: 'modern', protocolVersion: MODERN_VERSION, ...saidIn(result) };
}

function saidIn({ capabilities, instructions }: JsonObject): Pick<Description, 'capabilities' | 'instructions'> {
  const declared = isObject(capabilities) ? capabilities : {};
  return typeof instructions === 'string' ? { capabilities: declared, instructions } : { capabilities: declared };
}
