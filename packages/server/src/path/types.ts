/**
 * The values that walk the one path: authenticate ▸ resolve ▸ decide ▸ record ▸ forward ▸ settle.
 * Every entrance builds the same `Action` once from the received bytes; what is decided is what is
 * recorded is what is forwarded.
 */
import type { Decision, Evaluation, JsonObject, ReasonClass } from '@hivekey/policy';
import type { AgentId, EventId, KeyId, PersonId, TokenId, WorkspaceId } from '../ids.ts';
import type { StopSignal } from '../stop-signal.ts';

/** Who is calling, as of `agentRevision`. The recording transaction compares that revision and refuses an older one. */
export interface Principal {
  readonly workspaceId: WorkspaceId;
  readonly workspace: string;
  readonly environment: string;
  readonly agentId: AgentId;
  readonly agent: string;
  readonly ownerId: PersonId;
  readonly owner: string;
  readonly ownerLabel?: string;
  readonly roles: readonly string[];
  /** The agent's token, or the key of the enforcement point that asks about it. */
  readonly tokenId: TokenId | KeyId;
  readonly tokenExpiresAtMs: number;
  readonly agentRevision: number;
  readonly authzEpoch: number;
}

export type Entrance = 'mcp' | 'actions' | 'authzen';

/** What the caller wants to do. `argumentsJson` is the RFC 8785 form of `arguments`. */
export interface Action {
  readonly entrance: Entrance;
  /** Canonical dotted capability, or the name as sent when nothing of that name exists. */
  readonly capability: string;
  /** Name as the caller wrote it. */
  readonly tool: string;
  readonly known: boolean;
  readonly namespace?: string;
  readonly upstreamTool?: string;
  readonly access?: 'read' | 'write';
  readonly destructive?: boolean;
  readonly arguments: JsonObject;
  readonly argumentsJson: string;
  /** Digest of the tool definition the call was checked against. */
  readonly definitionPin?: string;
  /** Of the catalogue in which the tool was looked up: decided only under the policy that belongs to it. */
  readonly catalogueVersion?: string;
  /** Property paths whose values are sensitive by schema (`writeOnly`, `format: password`). */
  readonly sensitivePaths?: readonly string[];
  readonly sessionId?: string | undefined;
  readonly runId?: string;
  readonly traceparent?: string | undefined;
  readonly sourceAddress?: string | undefined;
  readonly receivedAtMs: number;
  /**
   * A refusal found while resolving (arguments do not fit the pinned schema). Told only where the capability is
   * granted; where looking for it takes time, it is a getter, so that a hidden tool takes no longer than an absent one.
   */
  readonly refuse?: { readonly reasonClass: ReasonClass; readonly reason: string; readonly rule?: string } | undefined;
}

/** A durable intent: the record is committed, and the action may begin while `signal` is not aborted. */
export interface Permit {
  readonly kind: 'permit';
  readonly principal: Principal;
  readonly action: Action;
  readonly decision: Decision;
  readonly eventId: EventId;
  /** Aborted by a stop (agent, owner, role, tool, workspace) or by shutdown. Check it in the same tick in which the first upstream byte is written. */
  readonly signal: StopSignal;
  readonly startedAtMs: number;
}

/** What the result of a call repeats of it. A permit is one; a permit of an agent's own tool is kept as this. */
export interface CallReference {
  readonly principal: Pick<Principal, 'workspaceId' | 'workspace' | 'environment' | 'agentId' | 'agent' | 'owner'>;
  readonly action: Pick<
    Action,
    'capability' | 'tool' | 'namespace' | 'upstreamTool' | 'access' | 'destructive' | 'sessionId' | 'runId'
  >;
  readonly eventId: EventId;
}

/** Recorded as refused. Nothing may be sent upstream. */
export interface Refusal {
  readonly kind: 'refused';
  readonly principal: Principal;
  readonly action: Action;
  readonly decision: Decision;
  readonly eventId: EventId;
}

/** Recorded as held: a person must decide. */
export interface Held {
  readonly kind: 'held';
  readonly principal: Principal;
  readonly action: Action;
  readonly decision: Decision;
  readonly eventId: EventId;
}

/** The credential is missing, unknown, expired or stopped. Recorded when the agent is known. Answer 401. */
export interface Unauthenticated {
  readonly kind: 'unauthenticated';
  readonly code:
    | 'token_missing'
    | 'token_invalid'
    | 'token_expired'
    | 'token_revoked'
    | 'agent_revoked'
    | 'agent_suspended'
    | 'workspace_stopped';
}

/** The intent could not be made durable. Nothing may be sent upstream. Answer 503. */
export interface Unavailable {
  readonly kind: 'unavailable';
  readonly code: 'log_unavailable' | 'policy_unavailable' | 'overloaded' | 'shutting_down';
}

export type Authorization = Permit | Refusal | Held | Unauthenticated | Unavailable;

/** How a permitted call ended. `unknown` means the upstream may or may not have acted. */
export interface Outcome {
  readonly result: 'success' | 'error' | 'unknown' | 'not_attempted';
  readonly upstreamCode?: number;
  readonly upstreamMs?: number;
  readonly bytesIn?: number;
  /** Stable code of the failure, e.g. `upstream_unreachable`, `aborted_by_stop`. */
  readonly errorCode?: string;
}

/** What the recorder is given, and what it needs to compare in its transaction. */
export interface Intent {
  readonly principal: Principal;
  readonly action: Action;
  readonly evaluation: Evaluation;
  /** Redacted arguments for the record. */
  readonly redactedArguments: JsonObject;
  /** `hmac-sha256:<hex>` of `argumentsJson` under the workspace's digest key. */
  readonly argumentsDigest: string;
  /** A denial that must be on the log although the agent is stopped or its credential dead. */
  readonly evenIfStopped?: true;
}

/** `stale`: the agent or the policy changed since the decision; authenticate and decide again. */
export type RecordResult =
  | { readonly kind: 'recorded'; readonly eventId: EventId; readonly decision: Decision }
  | { readonly kind: 'stale'; readonly what: 'agent' | 'policy' | 'workspace' };
