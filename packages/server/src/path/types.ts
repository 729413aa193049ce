/**
 * The values that walk the one path: authenticate ▸ resolve ▸ decide ▸ record ▸ forward ▸ settle.
 * Every entrance builds the same `Action` once from the received bytes; what is decided is what is
 * recorded is what is forwarded.
 */
import type {
  ApprovalRequirement,
  CallSubjects,
  Capability,
  Decision,
  Evaluation,
  JsonObject,
  MetPrerequisite,
  Provenance,
  ReadToolReference,
  ReasonClass,
  Risk,
  Settlement,
  TraceStep,
} from '@hivekey/policy';
import type { AgentId, CredentialId, EventId, KeyId, PersonId, SessionId, TokenId, WorkspaceId } from '../ids.ts';
import type { Gate } from '../log/index.ts';
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
  /** IANA name, for the time of day where the owner is. */
  readonly timeZone?: string;
  /** It is not an agent of anybody's work: what it does is marked, counts nowhere, and is never carried out. */
  readonly synthetic?: true;
  readonly roles: readonly string[];
  /** The agent's token, or the key of the enforcement point that asks about it. */
  readonly tokenId: TokenId | CredentialId | KeyId | SessionId;
  readonly tokenExpiresAtMs: number;
  readonly agentRevision: number;
  /** Of what the agent is made of, where that was declared. */
  readonly agentVersion?: number;
  readonly authzEpoch: number;
  /** Content that is not trusted was permitted to the agent; what is in no session of the gateway's is taken to follow from it until then. */
  readonly untrustedUntilMs?: number;
  /** What detectors say of the agent and its owner. */
  readonly risks?: readonly Risk[];
  /** Who delegated the call, the first one first. `roles` are those that all of them have, too. */
  readonly chain?: readonly Delegator[];
}

/** An agent on whose behalf another acts, as of `agentRevision`. */
export type Delegator = Pick<
  Principal,
  'workspaceId' | 'agentId' | 'agent' | 'ownerId' | 'owner' | 'agentRevision' | 'untrustedUntilMs' | 'risks'
>;

export type Entrance = 'mcp' | 'http' | 'actions' | 'authzen';

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
  /** Of a session that the gateway gave out: shared by all that is in it. */
  readonly sessionMark?: SessionMark | undefined;
  readonly runId?: string;
  readonly traceparent?: string | undefined;
  readonly sourceAddress?: string | undefined;
  readonly receivedAtMs: number;
  /** Where the action can wait for a person: what it takes to carry it out then. Without it a review is a refusal. */
  readonly resumption?: Resumption;
  /**
   * A refusal found while resolving (arguments do not fit the pinned schema). Told only where the capability is
   * granted; where looking for it takes time, it is a getter, so that a hidden tool takes no longer than an absent one.
   */
  readonly refuse?: { readonly reasonClass: ReasonClass; readonly reason: string; readonly rule?: string } | undefined;
}

/** Set by the path, never taken off. */
export interface SessionMark {
  isUntrusted: boolean;
}

export interface Resumption {
  /** Its canonical form is what an approval is bound to, what tells a repeat, and what is carried out. Made when it is asked for: most calls never wait. */
  request(): JsonObject;
  /** Where it goes: reference of the upstream credential, digest of the server's settings. */
  readonly target?: { readonly credential: string | null; readonly settings: string };
}

/** An approval as its call sees it. */
export interface ApprovalTicket {
  readonly id: string;
  readonly status: ApprovalStatus;
  readonly expiresAtMs: number;
}

export type ApprovalStatus =
  | 'pending'
  | 'approved'
  /** Consumed: the action is being carried out. */
  | 'released'
  | 'finished'
  /** Consumed, and what became of the action is not known. */
  | 'unknown'
  | 'denied'
  | 'expired'
  | 'cancelled'
  /** Approved, but something had changed by the time of the release. */
  | 'stopped';

/** A call's part of a window's entry, as it must be known to be given back. */
export interface Reservation {
  readonly key: string;
  /** Of the counter, with the entry. */
  readonly version: number;
  readonly amount: number;
  /** Absent for a count of calls. */
  readonly unit?: string;
  /** The entry is not older than this, microseconds. */
  readonly sinceUs: number;
}

/** A call that is held, or is to be released from an approval, as the path has it before the record. */
export interface GatedIntent {
  readonly principal: Principal;
  readonly action: Action & { readonly resumption: Resumption };
  readonly argumentsDigest: string;
  /** `hmac-sha256:<hex>` of the canonical request, under the workspace's digest key. */
  requestDigest(): string;
  /** `sha256:<hex>` of the part of the policy that applies: roles worn, workspace guards, the capability. */
  appliedPolicy(): string;
  requirement(trace: readonly TraceStep[]): ApprovalRequirement;
}

/** Makes the gates of calls that wait for people. */
export interface Holds {
  /** After the record, `ticket` is the approval that was made, or that the call attached to. */
  hold(intent: GatedIntent): Gate & { readonly ticket: ApprovalTicket | undefined };
  release(approvalId: string, intent: GatedIntent): Gate;
}

/** Calls that others need before them. */
export interface Prerequisites {
  /** What was carried out under these keys and not used. Rejects when the database does not answer. */
  find(workspaceId: WorkspaceId, keys: readonly string[]): Promise<readonly MetPrerequisite[]>;
  /** Uses up and keeps what the evaluation says; undefined where it says nothing. */
  gate(workspaceId: WorkspaceId, evaluation: Evaluation): Gate | undefined;
  /** The call was seen to succeed. */
  done(workspaceId: WorkspaceId, eventId: EventId): Promise<void>;
}

/** The approval is not there to be released any more, or not yet: look at it again. */
export interface Moved {
  readonly kind: 'moved';
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
  /** By `performance.now()`: later it may not begin; see `mayBegin`. */
  readonly beginByMs?: number;
  readonly reservations?: readonly Reservation[];
  /** Others may need it before them: that it succeeded is kept. */
  readonly meets?: true;
  /** Keys of the values that its success uses; absent where nobody but the agent would tell of it. */
  readonly leaves?: readonly string[];
  /** How the answer tells what the call spent; of the policy that it was decided under. */
  readonly settlement?: Settlement;
  /** How the answer tells by what the tool itself knows the call; of the same policy. */
  readonly reference?: ReadToolReference;
}

/** What the result of a call repeats of it. A permit is one; a permit of an agent's own tool is kept as this. */
export interface CallReference {
  readonly principal: Pick<
    Principal,
    'workspaceId' | 'workspace' | 'environment' | 'agentId' | 'agent' | 'owner' | 'chain' | 'synthetic'
  >;
  readonly action: Pick<
    Action,
    'capability' | 'tool' | 'namespace' | 'upstreamTool' | 'access' | 'destructive' | 'sessionId' | 'runId'
  >;
  readonly eventId: EventId;
  /** What the call reserved, to be settled by its result. */
  readonly reservations?: readonly Reservation[];
  /** Keys of the values that its success uses. */
  readonly leaves?: readonly string[];
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
  /** Absent where the action cannot wait. */
  readonly approval?: ApprovalTicket;
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
    | 'agent_expired'
    | 'delegation_ended'
    | 'workspace_stopped'
    | 'token_audience'
    | 'scope_missing'
    | 'proof_invalid'
    | 'proof_nonce';
  /** With `proof_nonce`: what the next proof must hold. */
  readonly nonce?: string;
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
  /** Of the arguments that went out with it. */
  readonly bytesOut?: number;
  /** Records that the call took out, where its capability counts them. */
  readonly rowsOut?: number;
  /** Stable code of the failure, e.g. `upstream_unreachable`, `aborted_by_stop`; of a success that did not do it yet, `input_required`. */
  readonly errorCode?: string;
  /** By which the tool itself knows the call, where its answer tells. */
  readonly toolReference?: string;
  /** unit → what the call spent, where its answer tells; the rest of what was reserved is given back. Never by the agent's own word. */
  readonly spent?: Readonly<Record<string, number>>;
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
  /** Absent where it is not known: that is as untrusted. */
  readonly provenance?: Provenance;
  /** What it is about, of what the redacted arguments show. */
  readonly about?: CallSubjects & Pick<Capability, 'external'>;
  /** Above it a person is asked, minor units. Of a call that spends. */
  readonly approvalThreshold?: number;
  /** Held, or released from an approval: asked in the transaction of the record. */
  readonly gate?: Gate;
  /** A denial that must be on the log although the agent is stopped or its credential dead. */
  readonly evenIfStopped?: true;
}

/**
 * `stale`: the agent or the policy changed since the decision; authenticate and decide again. `time`: the decision
 * holds at other times than that of the database, `nowMs`.
 */
export type RecordResult =
  | {
      readonly kind: 'recorded';
      readonly eventId: EventId;
      readonly decision: Decision;
      readonly reservations?: readonly Reservation[];
    }
  | { readonly kind: 'stale'; readonly what: 'agent' | 'policy' | 'workspace' | 'approval' }
  | { readonly kind: 'stale'; readonly what: 'time'; readonly nowMs: number };
