/** The one path. Entrances import only this file. */
import type { CompiledPolicy, Decision } from '@hivekey/policy';
import type { AgentId, KeyId, SessionId, WorkspaceId } from '../ids.ts';
import type { Distrust } from './distrust.ts';
import type {
  Action,
  Authorization,
  Entrance,
  Moved,
  Outcome,
  Permit,
  Principal,
  Unauthenticated,
  Unavailable,
} from './types.ts';

export { createActionPath } from './action-path.ts';
export { mayBegin } from './lease.ts';
export { ASKS_FOR_INPUT, isDone } from './outcome.ts';
export { maskCredentials, maskSensitive } from './redact.ts';
export type * from './types.ts';

/** Builds the action for a principal; called again when policy or agent changed meanwhile. */
export type Resolve = (principal: Principal) => Promise<Action>;

/** What was tried, for the record of an attempt with a dead credential. */
export interface Attempt {
  readonly tool: string;
  /** MCP where it is absent. */
  readonly entrance?: Entrance;
  readonly sourceAddress?: string;
  /** The call goes on to `authorize`, whose transaction checks the same facts again: a cached principal will do. */
  readonly willRecord?: boolean;
  /**
   * The request that the credential came with; `again`: it was looked at for this request before. An access token is
   * not taken without.
   */
  readonly presented?: Presentation | 'again';
}

export interface Presentation {
  readonly scheme: 'bearer' | 'dpop';
  readonly proof?: string | undefined;
  readonly method: string;
  /** Path of what was asked for, without query. */
  readonly path: string;
  /** Path of the protected resource, such as `/mcp/crm`. */
  readonly resource: string;
}

/** Makes sure again who acts, when agent or policy changed while the decision was being recorded. */
export type Reauthenticate = (attempt: Attempt) => Promise<Principal | Unauthenticated | Unavailable>;

/** A trusted enforcement point that asks about agents of its workspace without holding their tokens. */
export interface EnforcementPoint {
  readonly workspaceId: WorkspaceId;
  /** Stands on the records where an agent's token id would. */
  readonly keyId: KeyId | SessionId;
  /** Absent for a key that does not end. */
  readonly expiresAtMs?: number;
}

/** Whom a dry run is about. A role set alone is asked about with an `agentId` and `ownerId` that nobody has: its windows are empty. */
export type DryRunSubject = Pick<
  Principal,
  'workspaceId' | 'agentId' | 'ownerId' | 'roles' | 'untrustedUntilMs' | 'risks' | 'chain'
>;

/** What a stop reaches: everything of the workspace, some agents, or one capability. */
export type StopTarget =
  | { readonly kind: 'workspace' }
  | { readonly kind: 'agents'; readonly agentIds: ReadonlySet<AgentId> }
  | { readonly kind: 'tool'; readonly capability: string };

export interface StopReport {
  readonly calls: readonly AbortedCall[];
  readonly sessionsClosed: number;
}

export interface AbortedCall {
  readonly eventId: string;
  readonly agent: string;
  readonly capability: string;
  /** `aborted_before_upstream`: nothing was sent. `unknown`: sent, no answer. `finished`: the answer came first. */
  readonly fate: 'aborted_before_upstream' | 'unknown' | 'finished';
}

export interface ActionPath {
  /** Credential → principal, against current state. A known but dead credential's attempt is recorded. */
  authenticate(token: string | undefined, attempt: Attempt): Promise<Principal | Unauthenticated | Unavailable>;
  /**
   * The agent of that id or handle, for an enforcement point; undefined when its workspace has none. An attempt for
   * a stopped agent is recorded, as one with a dead credential is. Checking the enforcement point's own key is up
   * to the entrance.
   */
  principalOf(
    asker: EnforcementPoint,
    agent: string,
    attempt: Attempt,
  ): Promise<Principal | undefined | Unauthenticated | Unavailable>;
  /** resolve ▸ decide ▸ record. A permit must be settled exactly once. `credential` is the agent's token, or how an enforcement point asks again. */
  authorize(credential: string | Reauthenticate, principal: Principal, resolve: Resolve): Promise<Authorization>;
  /**
   * As `authorize`, for a call that people approved: decided again, and the approval consumed, in the transaction of
   * the record. `resolve` builds the action from the stored request. Refused when something differs; then the
   * approval is stopped.
   */
  resume(
    approvalId: string,
    credential: string | Reauthenticate,
    principal: Principal,
    resolve: Resolve,
  ): Promise<Authorization | Moved>;
  /** The decision that `authorize` would come to now: the same evaluation, against the windows as they stand. Nothing is reserved or recorded. */
  dryRun(subject: DryRunSubject, action: Action): Promise<Decision | Unavailable>;
  /** Records how the permitted call ended. Resolves when that is durable; need not be awaited before answering. */
  settle(permit: Permit, outcome: Outcome): Promise<void>;
  /** The permit is kept in the database and whoever closes it there records its outcome: this process no longer answers for the call. */
  release(permit: Permit): void;
  /** The policy in force, as of the last revision this node has heard of. */
  policy(workspaceId: WorkspaceId): Promise<CompiledPolicy>;
  /** Capabilities of a workspace under a tool stop, as of the same revision. */
  stoppedTools(workspaceId: WorkspaceId): Promise<ReadonlySet<string>>;
  /** What the agent may see: the same set the call check reads. */
  granted(principal: Principal): Promise<ReadonlySet<string>>;
  /**
   * The part of a stop that is in this process: aborts matching calls, closes matching sessions, drops
   * cached state. Call it after the stop is committed. Resolves with the fate of each call, at the latest
   * after `graceMs`; aborting itself is done before the first await.
   */
  stop(workspaceId: WorkspaceId, target: StopTarget, graceMs?: number): Promise<StopReport>;
  /** Forgets cached state of an agent, or of the whole workspace. Correctness never depends on it: the record's transaction compares revisions. */
  invalidate(workspaceId: WorkspaceId, agentId?: AgentId): void;
  /** A session or stream registers to be closed when its agent, or one that it acts for, is stopped. Returns an unregister. */
  onStop(workspaceId: WorkspaceId, agentId: AgentId, close: () => void, chain?: Principal['chain']): () => void;
  /** Policy, grants or stops changed in the workspace. Returns an unsubscribe. */
  onPolicyChange(listener: (workspaceId: WorkspaceId) => void): () => void;
  /** The policy was read, or could not be. Returns an unsubscribe. */
  onPolicyRead(listener: (workspaceId: WorkspaceId) => void): () => void;
  /** What was edited past HiveKey: from the next decision on nothing is allowed by it. Undefined: nothing was. */
  distrust(workspaceId: WorkspaceId, distrust: Distrust | undefined): void;
  /** Refuses new calls, gives those in flight `graceMs` to end, then aborts and records them. */
  close(graceMs: number): Promise<void>;
}
export type { PathObserver } from './action-path.ts';
export { refuse } from './decide.ts';
export type { Distrust } from './distrust.ts';
export type { ProvenPolicy } from './policy-in-force.ts';
export { recordSynthetic, type SyntheticCall } from './synthetic.ts';
export type { CallReference, Intent, RecordResult } from './types.ts';
