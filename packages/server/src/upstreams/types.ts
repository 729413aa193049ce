/** Upstream MCP servers as the gateway sees them. Only `upstreams/index.ts` is imported from outside the folder. */
import type { JsonObject } from '@hivekey/policy';
import type { ServerId, WorkspaceId } from '../ids.ts';
import type { StopSignal } from '../stop-signal.ts';

export type DefinitionKind = 'tool' | 'resource' | 'template' | 'prompt';
export type Era = 'modern' | 'legacy';

/** One approved definition, as agents may see it once granted. */
export interface CatalogueEntry {
  readonly serverId: ServerId;
  readonly namespace: string;
  readonly kind: DefinitionKind;
  /** Name (tool, prompt) or URI (resource, template) upstream. */
  readonly upstreamName: string;
  /** Governed dotted name, e.g. `crm.read`. */
  readonly capability: string;
  /** Name on `/mcp`: `crm__read`. On `/mcp/<namespace>` the part after `__`. Resources keep their URI. */
  readonly wireName: string;
  readonly access: 'read' | 'write';
  /** The pinned definition with the upstream name; never altered. */
  readonly definition: JsonObject;
  readonly pin: string;
  /** Compiled pinned input schema (closed by default). Returns problems in words, or an empty list. */
  validate(args: JsonObject): readonly string[];
  readonly sensitivePaths: readonly string[];
}

/** All live definitions of a workspace at one version. Rebuilt on change, shared, frozen. */
export interface Catalogue {
  readonly version: string;
  readonly entries: readonly CatalogueEntry[];
  byWireName(kind: 'tool' | 'prompt', name: string): CatalogueEntry | undefined;
  byNamespaceName(namespace: string, kind: 'tool' | 'prompt', name: string): CatalogueEntry | undefined;
  /** An exact resource, or the template that matches the URI. */
  byUri(uri: string, namespace?: string): CatalogueEntry | undefined;
  byCapability(capability: string): CatalogueEntry | undefined;
  readonly servers: readonly UpstreamServer[];
}

export interface UpstreamServer {
  readonly id: ServerId;
  readonly namespace: string;
  readonly transport: 'http' | 'stdio';
  readonly era: Era;
  /** Capabilities the server declared (tools, resources, prompts, completions, logging). */
  readonly capabilities: JsonObject;
  readonly instructions?: string;
  /** Where calls go: reference of the credential, and digest of all settings. What people approve is bound to it. */
  readonly target?: { readonly credential: string | null; readonly settings: string };
}

/** One JSON-RPC request towards an upstream, already decided and recorded. */
export interface UpstreamRequest {
  readonly workspaceId: WorkspaceId;
  readonly server: UpstreamServer;
  readonly method: string;
  /** Exact params value to send (upstream names already put in). Serialised canonically by the connection: the same value that was decided. */
  readonly params: JsonObject;
  /** Agent session this belongs to; legacy upstreams get one upstream session for each of these. */
  readonly affinity: string;
  /** Client protocol version and declared client capabilities to present, already reduced to what is granted. */
  readonly clientCapabilities: JsonObject;
  readonly clientInfo?: JsonObject;
  readonly protocolVersion?: string;
  readonly traceparent?: string | undefined;
  readonly signal: StopSignal;
  /** Called when bytes begin to leave for the upstream. Until then a failure is definite: not attempted. */
  onBegin?(): void;
  /** Notifications (progress, message) that precede the response, in order. */
  onNotification?(message: JsonObject): void;
  /** A server-to-client request (sampling, elicitation, roots); resolve with its JSON-RPC result, or throw a JSON-RPC error. */
  onRequest?(message: JsonObject): Promise<JsonObject>;
}

export type UpstreamAnswer =
  | { readonly kind: 'result'; readonly result: JsonObject; readonly httpStatus?: number; readonly bytesIn: number }
  | {
      readonly kind: 'error';
      readonly error: { readonly code: number; readonly message: string; readonly data?: unknown };
      readonly httpStatus?: number;
      readonly bytesIn: number;
    }
  /** No answer. `began` tells whether anything may have reached the upstream. */
  | {
      readonly kind: 'failed';
      readonly code:
        | 'upstream_unreachable'
        | 'upstream_timeout'
        | 'upstream_protocol_error'
        | 'upstream_too_large'
        | 'aborted'
        | 'credential_unavailable'
        | 'address_refused';
      readonly began: boolean;
    };

export interface Upstreams {
  /** The current catalogue of a workspace; cached, cheap. */
  catalogue(workspaceId: WorkspaceId): Promise<Catalogue>;
  request(request: UpstreamRequest): Promise<UpstreamAnswer>;
  /** A notification of the client for a call in flight (cancelled, progress, roots/list_changed). */
  notify(
    workspaceId: WorkspaceId,
    server: UpstreamServer,
    affinity: string,
    method: string,
    params: JsonObject,
  ): Promise<void>;
  /** Ends the upstream sessions of one agent session. */
  endAffinity(affinity: string): Promise<void>;
  /** Unsolicited upstream messages (resources/updated, logging) for an affinity. Returns an unsubscribe. */
  onUnsolicited(affinity: string, listener: (server: UpstreamServer, message: JsonObject) => void): () => void;
  /** Reads the upstream's lists again, compares pins, updates the database and the catalogue. */
  refresh(workspaceId: WorkspaceId, serverId: ServerId): Promise<RefreshReport>;
  /** The catalogue changed (approval, refresh, server change). Returns an unsubscribe. */
  onCatalogueChange(listener: (workspaceId: WorkspaceId) => void): () => void;
  close(): Promise<void>;
}

export interface RefreshReport {
  readonly discovered: number;
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly gone: readonly string[];
}
