/**
 * What operators do with MCP servers; the control plane's routes call this. Every change is one transaction
 * with its records. `server` is an id or a namespace; `actor` is who does it, as it stands in the log.
 * Refusals are `Failure`s.
 */
import type { JsonObject } from '@hivekey/policy';
import type { WorkspaceId } from '../ids.ts';
import type { Secret } from '../secret.ts';
import type { Approval, ServerChange, ServerRegistration } from './input.ts';
import type { ServerMap } from './server-map.ts';
import type { DefinitionKind, Era, RefreshReport, Upstreams } from './types.ts';

export type DefinitionStatus = 'live' | 'new' | 'changed' | 'off' | 'gone';

/** API shape of an MCP server. */
export interface ServerView {
  readonly id: string;
  readonly object: 'mcp_server';
  readonly namespace: string;
  readonly transport: 'http' | 'stdio';
  readonly endpoint: string | null;
  readonly command: readonly string[] | null;
  readonly environment: Readonly<Record<string, string>>;
  readonly credential_ref: string | null;
  readonly injection: JsonObject | null;
  readonly default_access: 'read-only' | 'read-write' | 'none';
  readonly trust_annotations: boolean;
  readonly allow_private: boolean;
  /** Who holds the credential: the gateway alone, agents for `lease_seconds` at most, or agents may. */
  readonly custody: 'injected' | 'leased' | 'external';
  readonly lease_seconds: number | null;
  /** Error code with which the authorization server refuses our client; null while it does not. */
  readonly credential_error: string | null;
  /** Epoch seconds. */
  readonly credential_error_at: number | null;
  readonly era: Era | null;
  readonly protocol_version: string | null;
  readonly status: 'active' | 'disabled';
  /** Definitions the server had when its lists were last read. */
  readonly discovered: number;
  /** Epoch seconds; null until its lists were read. */
  readonly discovered_at: number | null;
  readonly definitions: Readonly<Record<DefinitionStatus, number>>;
  /** Text of the server that would reach models; hidden until approved. */
  readonly instructions: {
    readonly status: 'none' | 'new' | 'changed' | 'live';
    readonly text: string | null;
    readonly pin: string | null;
    readonly approved_text: string | null;
  };
  /** Why its lists could not be read last time. */
  readonly last_error: string | null;
  /** Epoch seconds. */
  readonly created: number;
  readonly created_by: string;
}

/** API shape of a tool, resource, resource template or prompt. */
export interface DefinitionView {
  readonly object: 'mcp_definition';
  readonly capability: string;
  /** Name agents call it by, or its URI; null while it cannot be published. */
  readonly name: string | null;
  readonly kind: DefinitionKind;
  readonly upstream_name: string;
  readonly access: 'read' | 'write';
  readonly status: DefinitionStatus;
  readonly pin: string;
  readonly approved_pin: string | null;
  readonly definition: JsonObject;
  readonly approved_definition: JsonObject | null;
  /** Why it cannot be published whatever anybody approves. */
  readonly problem: string | null;
}

export interface UpstreamManagement {
  /** Registers, then reads the server's lists once. A server that cannot be reached is registered with `last_error`. */
  registerServer(workspaceId: WorkspaceId, registration: ServerRegistration, actor: string): Promise<ServerView>;
  /** What is absent is unchanged. Reads the lists again when the connection changed. */
  updateServer(workspaceId: WorkspaceId, server: string, change: ServerChange, actor: string): Promise<ServerView>;
  disableServer(workspaceId: WorkspaceId, server: string, actor: string): Promise<ServerView>;
  enableServer(workspaceId: WorkspaceId, server: string, actor: string): Promise<ServerView>;
  /** `document`: the server map as YAML or JSON text, or parsed. Throws `server_map_invalid` with all problems. */
  applyServerMap(workspaceId: WorkspaceId, server: string, document: unknown, actor: string): Promise<ServerView>;
  getServerMap(workspaceId: WorkspaceId, server: string): Promise<ServerMap>;
  /** By namespace. */
  listServers(workspaceId: WorkspaceId): Promise<readonly ServerView[]>;
  getServer(workspaceId: WorkspaceId, server: string): Promise<ServerView>;
  /** Reads the lists now. Throws `server_unreachable` when that fails. */
  refreshServer(workspaceId: WorkspaceId, server: string): Promise<RefreshReport>;
  /** Shakes hands with the server with this credential, whatever it is registered with. Rejects with Undescribed. */
  tryCredential(workspaceId: WorkspaceId, server: string, credential: Secret): Promise<void>;
  /** By capability. */
  listDefinitions(workspaceId: WorkspaceId, server: string): Promise<readonly DefinitionView[]>;
  /** Throws `pin_mismatch` unless the pin is that of the definition as it was last seen. */
  approveDefinition(
    workspaceId: WorkspaceId,
    server: string,
    capability: string,
    approval: Approval,
    actor: string,
  ): Promise<DefinitionView>;
  switchOffDefinition(
    workspaceId: WorkspaceId,
    server: string,
    capability: string,
    actor: string,
  ): Promise<DefinitionView>;
  /** `pin` as in `ServerView.instructions`. */
  approveInstructions(workspaceId: WorkspaceId, server: string, pin: string, actor: string): Promise<ServerView>;
}

export interface ManagedUpstreams extends Upstreams, UpstreamManagement {
  /** Payload of a NOTIFY on `hivekey_catalogue`: another node changed a catalogue or a secret. */
  heard(payload: string): void;
  /** Grants or definitions may have changed: the next use of the catalogue compares its version. Without a workspace, all of them. */
  recheck(workspaceId?: WorkspaceId): void;
}
