/** What the HTTP API gives and takes: docs/reference/api.md. Times of objects are epoch seconds; times of the log ISO 8601. */

type Verdict = 'allow' | 'deny' | 'review';
export type Access = 'read' | 'write';
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export interface List<T> {
  readonly object: 'list';
  readonly data: readonly T[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

export interface Session {
  readonly object: 'session';
  readonly workspace: {
    readonly id: string;
    readonly name: string;
    readonly environment: string;
    readonly status: 'active' | 'stopped';
  };
  readonly key: {
    readonly id: string;
    readonly name: string;
    /** E-mail of whose key it is; who has none decides about no approval. */
    readonly person: string | null;
  };
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

type AgentStatus = 'active' | 'suspended' | 'revoked';

export interface Agent {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly owner: string;
  readonly owner_label?: string | null;
  readonly status: AgentStatus;
  readonly description: string;
  readonly metadata: JsonObject;
  readonly created: number;
  readonly created_by: string;
  readonly last_action_at: number | null;
  readonly stopped_reason: string | null;
  /** It reads on and does nothing else until this ends. */
  readonly quarantine: { readonly id: string; readonly reason: string; readonly until: number | null } | null;
}

export interface VisibleTool {
  readonly name: string;
  readonly capability: string;
  readonly kind: string;
  readonly namespace: string | null;
  readonly access: Access;
  readonly description: string;
  readonly pin: string | null;
  readonly guards: readonly string[];
}

type CredentialStatus = 'live' | 'expired' | 'revoked';

export interface AgentToken {
  readonly id: string;
  readonly agent: string;
  readonly agent_id: string;
  readonly name: string;
  readonly role: string | null;
  readonly last4: string;
  readonly status: CredentialStatus;
  readonly created: number;
  readonly created_by: string;
  readonly expires_at: number;
  readonly last_used_at: number | null;
  readonly replaced_by: string | null;
  /** Only in the answer that made it. */
  readonly token?: string;
}

export interface AdminKey {
  readonly id: string;
  readonly name: string;
  readonly last4: string;
  readonly status: CredentialStatus;
  readonly created: number;
  readonly created_by: string;
  readonly expires_at: number | null;
  readonly last_used_at: number | null;
  readonly replaced_by: string | null;
  /** Only in the answer that made it. */
  readonly key?: string;
}

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly display_name: string;
  readonly label: string | null;
  readonly active: boolean;
  readonly agents: number;
  readonly created: number;
}

/** A guard as a document holds it. */
export interface GuardDocument {
  readonly id: string;
  readonly action: string;
  readonly when: JsonObject;
  readonly effect: Verdict;
  readonly otherwise?: Verdict;
}

export interface Guard extends GuardDocument {
  readonly sentence: string;
}

/** The role file. */
export interface RoleDocument {
  readonly apiVersion: string;
  readonly kind: 'Role';
  readonly metadata: { readonly name: string; readonly description?: string };
  readonly scope: { readonly allow: readonly string[] };
  readonly guards: readonly GuardDocument[];
}

export interface Role {
  readonly name: string;
  readonly description: string;
  readonly revision: number;
  readonly allow: readonly string[];
  readonly guards: readonly Guard[];
  readonly agents: number;
  readonly created: number;
  readonly updated_at: number;
  readonly author: string;
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

export interface Capability {
  readonly name: string;
  readonly description: string;
  readonly access: Access;
  readonly destructive: boolean;
  readonly impact: JsonObject;
  readonly input_schema: JsonObject | null;
  readonly source: 'declared' | 'discovered';
  readonly roles: readonly string[];
  readonly stopped: boolean;
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

export interface Matrix {
  readonly roles: readonly MatrixRole[];
  readonly capabilities: readonly MatrixCapability[];
}

/** A finding in a document. Lines and columns count from 1. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
  readonly path?: string;
  readonly line?: number;
  readonly column?: number;
}

export interface TraceStep {
  readonly rule: string;
  readonly origin: string;
  readonly sentence: string;
  readonly result: Verdict;
  readonly detail: string;
}

export interface Decision {
  readonly verdict: Verdict;
  readonly reason_class: string;
  readonly reason: string;
  readonly rule: string | null;
  readonly role: string | null;
  readonly role_revision: number | null;
  readonly trace: readonly TraceStep[];
  readonly impact: Readonly<Record<string, number>>;
  readonly policy: string;
  readonly policy_revision: number;
  readonly remaining: number | null;
  readonly retry_after_seconds: number | null;
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

export interface UpstreamSecret {
  readonly name: string;
  readonly last4: string;
}

export type ContainmentScope = 'agent' | 'role' | 'owner' | 'tool' | 'workspace';

/** Times are ISO 8601 with milliseconds. */
interface Receipt {
  readonly ordered_at: string;
  readonly committed_at: string | null;
  /** When the recording transaction, asked for one of the stopped agents, was seen to refuse. */
  readonly effective_at: string | null;
  /** From the order to that refusal. Null when there was no agent to ask for. */
  readonly first_refusal_ms: number | null;
  readonly agents: readonly { readonly id: string; readonly name: string; readonly tokens_ended: number }[];
  readonly calls: readonly {
    readonly event_id: string;
    readonly agent: string;
    readonly capability: string;
    readonly fate: string;
  }[];
  readonly sessions_closed: number;
  readonly nodes: readonly { readonly node: string; readonly effective_at: string | null }[];
  readonly event_id: string;
}

export interface Containment {
  readonly id: string;
  readonly scope: ContainmentScope;
  readonly target: string;
  readonly reason: string;
  readonly actor: string;
  readonly ordered_at: number;
  readonly effective_at: number | null;
  readonly lifted_at: number | null;
  readonly lifted_by: string | null;
  readonly receipt: Receipt;
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
  readonly owner?: string | undefined;
  readonly action?: string | undefined;
  readonly verdict?: string | undefined;
  readonly kind?: string | undefined;
  readonly session?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly q?: string | undefined;
}

/** A window that somebody is under, and how full it is. Amounts in minor units for money. */
export interface Budget {
  readonly object: 'budget';
  readonly rule: string;
  readonly origin: string;
  readonly sentence: string;
  readonly scope: 'agent' | 'role' | 'owner' | 'workspace';
  readonly subject: string;
  readonly per: { readonly by: string; readonly value: string } | null;
  readonly unit: string | null;
  readonly window_seconds: number;
  readonly limit: number;
  readonly used: number;
  readonly left: number;
  readonly frees_in_seconds: number | null;
  readonly otherwise: Verdict;
}

export type ApprovalStatus =
  | 'pending'
  | 'approved'
  | 'released'
  | 'finished'
  | 'unknown'
  | 'denied'
  | 'expired'
  | 'cancelled'
  | 'stopped';

interface ApprovalDecision {
  readonly person: string;
  readonly decision: 'approve' | 'deny';
  readonly reason: string;
  /** Of the person, when it was decided. */
  readonly groups: readonly string[];
  readonly key: string;
  readonly channel: 'api' | 'cli' | 'console';
  readonly authenticated_at: number;
  readonly decided_at: number;
  /** How many were decided in one move; null: this one alone. */
  readonly bulk: number | null;
  readonly event_id: string;
}

interface Quorum {
  readonly people: number;
  readonly groups: readonly string[];
}

/** A call that waits for people, or did. */
export interface Approval {
  readonly id: string;
  readonly status: ApprovalStatus;
  readonly agent: string;
  readonly owner: string;
  readonly entrance: string;
  readonly action: string;
  readonly tool: string;
  readonly namespace: string | null;
  readonly access: Access | null;
  readonly destructive: boolean | null;
  readonly impact: Readonly<Record<string, number>>;
  readonly reason: string;
  readonly rule: string | null;
  readonly requirement: Quorum;
  /** Who must still approve. */
  readonly missing: Quorum;
  readonly decisions: readonly ApprovalDecision[];
  /** What an approval names. */
  readonly hash: string;
  readonly event_id: string;
  readonly requested_at: number;
  readonly expires_at: number;
  readonly decided_at: number | null;
  readonly released_at: number | null;
  readonly call_event_id: string | null;
  readonly outcome: string | null;
  readonly error_code: string | null;
  readonly stop_code: string | null;
  readonly ended_reason: string | null;
  readonly ended_at: number | null;
}

/** `why_not`: the code with which an approval of this person is refused. */
interface MayDecide {
  readonly may: boolean;
  readonly why_not: string | null;
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

export interface FullApproval extends Approval {
  readonly view: HeldView;
  readonly binding: HeldBinding;
  readonly deciders: readonly (MayDecide & { readonly person: string })[];
  readonly you: MayDecide & { readonly person: string | null };
  readonly history: {
    readonly approvals: readonly {
      readonly id: string;
      readonly status: ApprovalStatus;
      readonly impact: Readonly<Record<string, number>>;
      readonly outcome: string | null;
      readonly requested_at: number;
    }[];
    readonly calls: readonly {
      readonly event_id: string;
      readonly ts: string;
      readonly verdict: Verdict;
      readonly outcome: string | null;
      readonly reason: string;
    }[];
  };
}

export interface FreezeOverride {
  readonly id: string;
  readonly freeze: string;
  /** `unanswered`: nobody agreed in time, or it was withdrawn. */
  readonly status: 'requested' | 'unanswered' | 'active' | 'ended';
  readonly reason: string;
  readonly minutes: number;
  readonly requested_by: string;
  readonly requested_at: number;
  readonly answer_by: number;
  readonly approved_by: string | null;
  readonly starts_at: number | null;
  readonly ends_at: number | null;
  readonly ended_by: string | null;
}

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

export interface Freeze {
  readonly name: string;
  readonly description: string;
  readonly sentence: string;
  /** Whether it denies now: its time, and not overridden. */
  readonly in_force: boolean;
  /** While its time lasts: when that ends. */
  readonly until: number | null;
  /** While its time is not: when it comes; null: never again. */
  readonly next: number | null;
  readonly override: FreezeOverride | null;
  readonly document: FreezeDocument;
  readonly author: string;
  readonly created: number;
  readonly updated_at: number;
}
