/**
 * What the HTTP API gives and takes, docs/reference/api.md: the SDK's shapes, and beside them what the SDK leaves open and
 * what only a console reads. Times of objects are epoch seconds; times of the log ISO 8601.
 */
import type * as sdk from '@hivekey/sdk';
import type { Guard, GuardApproval, JsonObject, Problem, TraceStep, Verdict, VisibleTool } from '@hivekey/sdk';

export type {
  Approval,
  ApprovalStatus,
  Breaker,
  BreakerReading,
  Budget,
  Capability,
  Channel,
  ChannelMessage,
  ChannelTest,
  Containment,
  ContainmentProposal,
  ContainmentReach,
  ContainmentScope,
  ContainmentSettings,
  Decision,
  Delegation,
  Drill,
  FreezeOverride,
  Guard,
  Json,
  JsonObject,
  Key as AdminKey,
  List,
  Person,
  Problem,
  Quarantine,
  Rehearsal,
  Risk,
  RiskTransmitter,
  Sources,
  Token as AgentToken,
  TraceStep,
  VisibleTool,
} from '@hivekey/sdk';

/** What an agent is made of, as declared. */
export interface AgentAttributes {
  readonly model?: string;
  readonly prompt_version?: string;
  readonly prompt_sha256?: string;
  readonly tools?: readonly string[];
  readonly framework?: string;
  readonly repository?: string;
  readonly deployment?: string;
}

export type RiskTier = 'low' | 'medium' | 'high' | 'critical';
/** What of an agent somebody should look at. */
export type Attention = 'dormant' | 'never_used' | 'expiring' | 'expired' | 'no_credential' | 'orphan';

export interface Agent extends sdk.Agent {
  readonly risk_tier: RiskTier | null;
  /** Who asked for it and who let it in; null: it was created directly. */
  readonly admission: {
    readonly request: string;
    readonly requested_by: string;
    readonly requested_at: number;
    readonly approved_by: string;
    readonly approved_at: number;
  } | null;
  readonly first_credential_at: number | null;
  readonly first_action_at: number | null;
  /** From then on it does nothing; null: no end is set. */
  readonly valid_until: number | null;
  readonly dormant_since: number | null;
  /** Of what it is made of; 0: nothing was declared. */
  readonly version: number;
  readonly attributes: AgentAttributes;
  readonly attention: readonly Attention[];
}

/** The signed receipt of a stop, as packages/action-log writes it: of its members those that are shown. */
export interface SignedReceipt {
  readonly note: string;
  readonly receipt: {
    readonly two_people: {
      readonly proposed_by: string;
      readonly proposed_at: string;
      readonly confirmed_by: string;
    } | null;
    readonly agents: readonly {
      readonly id: string;
      readonly name: string;
      readonly last_allowed_at: string | null;
      readonly first_denied_at: string | null;
    }[];
    /** Null where they were not listed. */
    readonly tools:
      | readonly {
          readonly capability: string;
          readonly agents: number;
          readonly established: 'probe' | 'state';
          readonly refused_at: string | null;
        }[]
      | null;
    readonly nodes: readonly {
      readonly node: string;
      readonly effective_at: string | null;
      /** Of a node that did not answer: when the last call that it had recorded before could begin. */
      readonly bound_at: string | null;
    }[];
    readonly permits_ended: readonly unknown[];
    readonly reservations_released: readonly unknown[];
  };
}

export type Access = 'read' | 'write';

/** What people may do in HiveKey itself. */
export type WorkspaceRole = 'admin' | 'approver' | 'auditor' | 'author' | 'operator' | 'reviewer' | 'viewer';

/** Which roles may call which route, by method and path. */
export interface Permissions {
  readonly object: 'permissions';
  readonly routes: Readonly<Record<string, readonly WorkspaceRole[]>>;
}

export interface Session {
  readonly object: 'session';
  readonly workspace: {
    readonly id: string;
    readonly name: string;
    readonly environment: string;
    /** What is in it was made up to show the product. */
    readonly sample_data: boolean;
    readonly status: 'active' | 'stopped';
  };
  readonly id: string;
  /** Null when a person signed in. */
  readonly key: { readonly id: string; readonly name: string } | null;
  /** Who signed in, or whose key it is; who is nobody decides about no approval. */
  readonly person: { readonly id: string; readonly email: string } | null;
  readonly roles: readonly WorkspaceRole[];
  /** Of somebody of an audit firm: the engagement that lets them in. */
  readonly engagement: string | null;
  readonly method: 'key' | 'oidc' | 'saml' | 'passkey';
  readonly authenticated_at: number;
  readonly acr: string | null;
  readonly amr: readonly string[];
  readonly stepped_up_at: number | null;
  readonly csrf_token: string;
  readonly expires_at: number;
}

export interface Workspace {
  readonly id: string;
  readonly name: string;
  readonly environment: string;
  readonly status: 'active' | 'stopped';
  readonly policy_revision: number;
  readonly policy_hash: string | null;
  readonly agents: { readonly active: number; readonly suspended: number; readonly revoked: number };
  readonly created: number;
}

export interface SystemHealth {
  readonly version: string;
  readonly node: string;
  readonly uptime_seconds: number;
  readonly ready: boolean;
  /** Codes. */
  readonly problems: readonly string[];
  readonly database: {
    readonly ok: boolean;
    readonly kind: 'embedded' | 'external';
    readonly version: string | null;
    readonly connections: { readonly open: number; readonly idle: number; readonly waiting: number };
  };
  readonly log: {
    readonly writable: boolean;
    readonly checkpoint: { readonly tree_size: number; readonly created_at: string } | null;
    readonly copies: readonly {
      readonly destination: string;
      readonly tree_size: number;
      readonly behind_seconds: number;
      readonly last_error: string | null;
    }[];
  };
  readonly upstreams: readonly {
    readonly namespace: string;
    readonly status: string;
    readonly last_error: string | null;
  }[];
  readonly gateway: { readonly sessions: number; readonly streams: number; readonly in_flight: number };
  readonly nodes_heard: boolean;
}

/** A guard as a document holds it. */
export type GuardDocument = Pick<Guard, 'id' | 'action' | 'when' | 'effect'> & {
  readonly otherwise?: Verdict;
  readonly approval?: GuardApproval;
  readonly mode?: 'shadow';
};

/** The role file. */
export interface RoleDocument {
  readonly apiVersion: string;
  readonly kind: 'Role';
  readonly metadata: { readonly name: string; readonly description?: string };
  readonly scope: { readonly allow: readonly string[] };
  readonly guards: readonly GuardDocument[];
}

export interface Role extends Omit<sdk.Role, 'document'> {
  readonly document: RoleDocument;
}

export interface RolePreview {
  readonly agents: number;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly tools: readonly VisibleTool[];
  readonly guards: readonly string[];
  readonly problems: readonly Problem[];
  readonly findings: readonly Finding[];
}

/** A rule that is valid and does not do what it seems to. */
export interface Finding {
  readonly code: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly guard: string | null;
  readonly message: string;
  readonly remedy: string;
  readonly path: string;
}

export interface PolicyCheck {
  readonly documents: readonly {
    readonly kind: string;
    readonly name: string | null;
    /** Sentences, in order. */
    readonly guards: readonly string[];
  }[];
}

/** All that could change a verdict, as it was at a revision. */
export interface Policy {
  readonly revision: number;
  readonly hash: string;
  readonly roles: readonly {
    readonly name: string;
    readonly description: string;
    readonly revision: number;
    readonly allow: readonly string[];
    readonly guards: readonly { readonly id: string; readonly sentence: string }[];
  }[];
  readonly workspace_guards: readonly { readonly id: string; readonly sentence: string }[];
  readonly capabilities: readonly { readonly name: string; readonly access: Access }[];
  readonly stopped_tools: readonly string[];
  readonly author: string;
  readonly created: number;
  /** When the next revision took its place; null while in force. */
  readonly until: number | null;
  /** What it was made of, with the change that brought each. */
  readonly objects: readonly {
    readonly type: string;
    readonly id: string;
    readonly version: number;
    readonly change: string | null;
    readonly author: string;
    readonly activated_at: number;
  }[];
}

export interface PolicyRevision {
  readonly revision: number;
  readonly author: string;
  readonly created: number;
}

export interface MatrixRole {
  readonly name: string;
  readonly revision: number;
  readonly agents: number;
  readonly allow: readonly string[];
  readonly guarded: Readonly<Record<string, readonly string[]>>;
}

export interface MatrixCapability {
  readonly name: string;
  readonly description: string;
  readonly access: Access;
  readonly destructive: boolean;
  readonly stopped: boolean;
}

/** What the decision engine answers for a role and a capability, in few words: `A≤ $5,000 a call, H > $1,000`. */
export interface MatrixCells {
  readonly policy: string;
  readonly policy_revision: number;
  readonly at: number;
  readonly cells: readonly {
    readonly role: string;
    readonly capability: string;
    readonly text: string;
    readonly guards: readonly string[];
    readonly freezes: readonly string[];
    readonly probes: number;
  }[];
}

export interface Matrix {
  readonly roles: readonly MatrixRole[];
  readonly capabilities: readonly MatrixCapability[];
}

type DefinitionStatus = 'live' | 'new' | 'changed' | 'off' | 'gone';

export interface McpServer {
  readonly id: string;
  readonly namespace: string;
  readonly transport: 'http' | 'stdio';
  readonly endpoint: string | null;
  readonly command: readonly string[] | null;
  readonly credential_ref: string | null;
  readonly default_access: 'read-only' | 'read-write' | 'none';
  readonly trust_annotations: boolean;
  readonly allow_private: boolean;
  readonly era: 'modern' | 'legacy' | null;
  readonly protocol_version: string | null;
  readonly status: 'active' | 'disabled';
  readonly discovered: number;
  readonly discovered_at: string | null;
  readonly definitions: Readonly<Record<DefinitionStatus, number>>;
  readonly instructions: {
    readonly status: 'none' | 'new' | 'changed' | 'live';
    readonly text: string | null;
    readonly pin: string | null;
    readonly approved_text: string | null;
  };
  readonly last_error: string | null;
  readonly created: number;
  readonly created_by: string;
}

export interface McpDefinition {
  readonly capability: string;
  readonly name: string | null;
  readonly kind: 'tool' | 'resource' | 'template' | 'prompt' | 'operation';
  readonly upstream_name: string;
  readonly access: Access;
  readonly status: DefinitionStatus;
  readonly pin: string;
  readonly approved_pin: string | null;
  readonly definition: JsonObject;
  readonly approved_definition: JsonObject | null;
  /** Why it cannot be published whatever anybody approves. */
  readonly problem: string | null;
}

/** A REST API behind the gateway. */
export interface HttpApi {
  readonly id: string;
  readonly namespace: string;
  readonly endpoint: string;
  readonly base_path: string;
  readonly credential_ref: string | null;
  readonly default_access: 'read-only' | 'read-write' | 'none';
  readonly allow_private: boolean;
  readonly status: 'active' | 'disabled';
  readonly document: {
    readonly title: string;
    readonly version: string;
    readonly openapi: string;
    readonly imported: number;
  } | null;
  readonly operations: Readonly<Record<DefinitionStatus, number>>;
  readonly created: number;
  readonly created_by: string;
}

/** What an operation has beside a definition of an MCP server. */
export interface HttpOperation extends Omit<McpDefinition, 'name' | 'kind' | 'upstream_name'> {
  readonly operation: string;
  readonly method: string;
  readonly path: string;
}

export interface RefreshReport {
  readonly discovered: number;
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly gone: readonly string[];
}

/** A record of the action log with its place in it. Fields beyond these depend on the kind. */
export interface LogEvent {
  readonly seq: number;
  readonly event_id: string;
  readonly kind: string;
  readonly ts: string;
  readonly agent?: string;
  readonly agent_id?: string;
  readonly owner?: string;
  readonly owner_label?: string;
  readonly action?: string;
  readonly tool?: string;
  readonly verdict?: Verdict;
  readonly reason_class?: string;
  readonly reason?: string;
  readonly rule?: string;
  readonly role?: string;
  readonly role_rev?: number;
  readonly roles?: readonly string[];
  readonly session_id?: string;
  readonly run_id?: string;
  readonly args?: JsonObject;
  readonly args_digest?: string;
  readonly agent_seq?: number;
  readonly policy?: string;
  readonly policy_revision?: number;
  readonly latency_ms?: number;
  readonly trace?: readonly TraceStep[];
  readonly actor?: string;
  readonly call_event_id?: string;
  readonly outcome?: string | null;
  readonly entry_hash: string;
  readonly prev_hash: string;
  readonly hash: string;
  readonly [field: string]: unknown;
}

export interface EventDetail {
  readonly event: LogEvent;
  readonly result: LogEvent | null;
}

export interface EventProof {
  readonly event_id: string;
  readonly seq: number;
  readonly entry_hash: string;
  /** From 0. */
  readonly leaf_index: number;
  readonly tree_size: number;
  /** Siblings from the leaf up, hex. */
  readonly inclusion: readonly string[];
  /** Signed note. */
  readonly checkpoint: string;
  readonly key: string;
  /** The record as it was hashed. */
  readonly canonical: string;
}

export interface EventFilter {
  readonly agent?: string | undefined;
  /** An agent: what it did, what was done about it, and what others did on its behalf. */
  readonly about?: string | undefined;
  readonly owner?: string | undefined;
  readonly action?: string | undefined;
  readonly verdict?: string | undefined;
  readonly reason_class?: string | undefined;
  readonly tool?: string | undefined;
  readonly server?: string | undefined;
  readonly kind?: string | undefined;
  readonly session?: string | undefined;
  readonly run?: string | undefined;
  readonly approval?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly q?: string | undefined;
  /** Words in the recorded arguments. */
  readonly args?: string | undefined;
}

/** What deciders are shown; its digest is bound. */
interface HeldView {
  readonly roles: readonly string[];
  readonly arguments: JsonObject;
  readonly rules: readonly Omit<TraceStep, 'result'>[];
  readonly [field: string]: unknown;
}

/** What an approval is for; its digest is the hash. Of its members those that are shown. */
interface HeldBinding {
  readonly args: string;
  readonly request: string;
  readonly definition_pin: string | null;
  readonly target: { readonly credential: string | null; readonly settings: string } | null;
  readonly token_id: string;
  readonly policy: string;
  readonly policy_revision: number;
  readonly applied_policy: string;
  readonly view: string;
  readonly [member: string]: unknown;
}

export interface FullApproval extends Omit<sdk.FullApproval, 'view' | 'binding'> {
  readonly view: HeldView;
  readonly binding: HeldBinding;
}

export type FreezeTime = Omit<sdk.FreezeTime, 'object'>;

/** The freeze file. */
export interface FreezeDocument {
  readonly apiVersion: string;
  readonly kind: 'Freeze';
  readonly metadata: { readonly name: string; readonly description?: string };
  readonly time_zone: string;
  readonly starts: string;
  readonly ends: string;
  readonly repeats?: string;
  readonly scope: {
    readonly actions?: readonly string[];
    readonly classes?: readonly string[];
    readonly roles?: readonly string[];
    readonly environments?: readonly string[];
  };
}

export interface Freeze extends Omit<sdk.Freeze, 'document'> {
  readonly document: FreezeDocument;
}
