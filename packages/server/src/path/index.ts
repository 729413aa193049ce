/** The one path. Entrances import only this file. */
import type { CompiledPolicy, JsonObject } from '@hivekey/policy';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { Action, Authorization, Outcome, Permit, Principal, Unauthenticated } from './types.ts';

export type * from './types.ts';

/** Builds the action for a principal; called again when policy or agent changed meanwhile. */
export type Resolve = (principal: Principal) => Promise<Action>;

export interface CallInFlight {
  readonly eventId: string;
  readonly agentId: AgentId;
  readonly agent: string;
  readonly owner: string;
  readonly roles: readonly string[];
  readonly capability: string;
  readonly tool: string;
  readonly startedAtMs: number;
}

export interface ActionPath {
  /** Credential → principal, against current state. Records a known but stopped agent's attempt. `attempt` says what was tried, for that record. */
  authenticate(
    token: string | undefined,
    attempt: { readonly tool: string; readonly sourceAddress?: string },
  ): Promise<Principal | Unauthenticated>;
  /** resolve ▸ decide ▸ record. A permit must be settled exactly once. */
  authorize(token: string | undefined, principal: Principal, resolve: Resolve): Promise<Authorization>;
  /** Records how the permitted call ended. */
  settle(permit: Permit, outcome: Outcome): Promise<void>;
  /** The policy in force now (fresh to the last revision this node has heard of). */
  policy(workspaceId: WorkspaceId): Promise<CompiledPolicy>;
  /** What the agent may see: the same set the call check reads. */
  granted(principal: Principal): Promise<ReadonlySet<string>>;
  /** Aborts matching calls on this node; resolves with their fate once each is settled or `graceMs` passed. */
  abortCalls(
    workspaceId: WorkspaceId,
    matches: (call: CallInFlight) => boolean,
    why: string,
  ): Promise<readonly AbortedCall[]>;
  /** Forget cached state of an agent (or of the whole workspace). Correctness never depends on it: the record's transaction compares revisions. */
  invalidate(workspaceId: WorkspaceId, agentId?: AgentId): void;
  /** A session or stream registers to be closed when its agent is stopped. Returns an unregister. */
  onStop(workspaceId: WorkspaceId, agentId: AgentId, close: () => void): () => void;
  /** Policy or catalogue changed for the workspace. Returns an unsubscribe. */
  onPolicyChange(listener: (workspaceId: WorkspaceId) => void): () => void;
}

export interface AbortedCall {
  readonly eventId: string;
  readonly agent: string;
  readonly capability: string;
  /** `aborted_before_upstream`: nothing was sent. `unknown`: sent, no answer. `finished`: the answer came first. */
  readonly fate: 'aborted_before_upstream' | 'unknown' | 'finished';
}

export type { JsonObject };
