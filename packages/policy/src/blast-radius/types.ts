/**
 * Blast radius: the most that can be spent, read, changed, deleted or sent before somebody stops it, as plain data.
 * Everything here is JSON, so that it can be stored, signed and shown as it is.
 */
import type { PolicySet } from '../model.ts';

/** What the bound is computed from, beside the policy. */
export interface RadiusWorld {
  readonly set: PolicySet;
  /** Every agent that may act under the policy. */
  readonly agents: readonly RadiusAgent[];
  /** Seconds until a compromise has been found and stopped, measured; absent: nobody has measured it. */
  readonly containmentSeconds?: number;
  /** Limits that tools keep by themselves, whatever the gateway lets through; they alone bound the line `bypassed`. */
  readonly outside?: readonly OutsideLimit[];
  /** Capabilities that change what agents may do. Absent: `AUTHORITY_CAPABILITIES`. */
  readonly authority?: readonly AuthorityCapability[];
}

export interface RadiusAgent {
  readonly id: string;
  readonly name: string;
  readonly ownerId: string;
  /** Roles it wears, as for a decision. It may narrow its token to some of them. */
  readonly roles: readonly string[];
  /**
   * Ids of agents whose own credentials it can come by (sub-agents it starts, secrets it holds). Delegation within the
   * gateway is not meant: acting for another agent has the roles that both have, and charges the counters of both.
   */
  readonly actsAs?: readonly string[];
}

/** A limit of a tool's credential. Calendar windows are fixed: two of them meet in any moment. */
export interface OutsideLimit {
  readonly id: string;
  /** The limit as people know it: "card limit at the bank". */
  readonly sentence: string;
  /** Capabilities it covers: names, `crm.*`, `*`. */
  readonly over: readonly string[];
  /** Impact unit that it sums; absent: calls. */
  readonly unit?: string;
  readonly limit: number;
  readonly windowSeconds: number;
  readonly window: 'sliding' | 'fixed';
}

export interface AuthorityCapability {
  /** A name, `crm.*`, `*`. */
  readonly capability: string;
  /** `roles`: whoever calls it can wear any role of the policy. `everything`: it can lift any limit, or act outside the gateway. */
  readonly gives: 'roles' | 'everything';
}

export type RadiusSubject =
  | { readonly kind: 'agent'; readonly id: string }
  /** What agents that wear the role can do by its grants. */
  | { readonly kind: 'role'; readonly id: string }
  | { readonly kind: 'owner'; readonly id: string }
  | { readonly kind: 'workspace' };

export interface RadiusOptions {
  /** Absent: until contained, 1 hour, 24 hours, 7 days. */
  readonly horizons?: readonly Horizon[];
}

export interface Horizon {
  /** `contained`, `1h`, `24h`, `7d`, or any other name. */
  readonly id: string;
  /** Whole seconds of an interval that holds its beginning and not its end; absent where nobody has measured it. */
  readonly seconds?: number;
}

/**
 * `alone`: no person allows anything. `fooled`: one person approves whatever is asked; what takes two people is still
 * refused. `bypassed`: nothing of the gateway holds; what the tools limit by themselves is left.
 */
export type RadiusLine = 'alone' | 'fooled' | 'bypassed';

/** `unknown` and `unbounded` are never zero, and rank above every number. */
export type RadiusAmount =
  | { readonly kind: 'bounded'; readonly value: number }
  | { readonly kind: 'unbounded'; readonly reasons: readonly RadiusReason[] }
  | { readonly kind: 'unknown'; readonly reasons: readonly RadiusReason[] };

export interface RadiusReason {
  /** Absent where it is not about one capability. */
  readonly capability?: string;
  /** One sentence: "payments.pay has no limit on usd". */
  readonly sentence: string;
}

/** A limit that makes up a bound, or a part of it. */
export interface Binding {
  /** Id of the guard, or of the tool's own limit. */
  readonly rule: string;
  /** Role that carries the guard, `workspace`, or `tool`. */
  readonly origin: string;
  readonly sentence: string;
  readonly kind: 'sum' | 'count';
  /** Unit of the limit; absent for calls. */
  readonly unit?: string;
  readonly limit: number;
  readonly windowSeconds: number;
  readonly scope: 'agent' | 'role' | 'owner' | 'workspace' | 'tool';
  /** Windows that the horizon touches. */
  readonly windows: number;
  /** Counters that have this limit to themselves, together: agents, owners, roles, values of `per`. */
  readonly counters: number;
  /** Of a count: the most that one call can have of the measure. */
  readonly perCall?: number;
  /** How much of the bound it answers for, in the unit of the measure. */
  readonly value: number;
  readonly capabilities: readonly string[];
}

/** One number: a measure, within a horizon, on a line. */
export interface RadiusCell {
  /** `usd` and other currencies in minor units, `records_read`, `messages`, … */
  readonly unit: string;
  readonly horizon: string;
  readonly line: RadiusLine;
  readonly amount: RadiusAmount;
  /** Largest part first; empty where nothing is spent, or nothing binds. */
  readonly binding: readonly Binding[];
  /** Capabilities that can add to it. */
  readonly contributing: readonly string[];
  /** Of what is reached by an escalation: the bound without it. */
  readonly withoutEscalation?: RadiusAmount;
}

export type Reach = 'alone' | 'approval' | 'never';

export interface ReachableCapability {
  readonly capability: string;
  readonly reach: Reach;
  /** Roles that grant it, of the agents of the subject. Sorted. */
  readonly grantedBy: readonly string[];
  /** False where no document says what it spends. */
  readonly declared: boolean;
}

/** A way to more authority than the roles of the agent have. */
export interface Escalation {
  readonly kind: 'agent' | 'roles' | 'everything';
  readonly reach: Exclude<Reach, 'never'>;
  /** Whose way it is. */
  readonly agentId: string;
  /** Capability that opens it; absent for another agent. */
  readonly capability?: string;
  /** Agent it leads to. */
  readonly toAgentId?: string;
  readonly sentence: string;
}

export interface BlastRadius {
  readonly subject: RadiusSubject;
  readonly policyHash: string;
  readonly policyRevision: number;
  /** How many agents the subject is. */
  readonly agents: number;
  readonly horizons: readonly Horizon[];
  readonly units: readonly string[];
  /** Every unit × horizon × line. */
  readonly cells: readonly RadiusCell[];
  /** Granted to an agent of the subject, by name; with those that guards never let through. */
  readonly capabilities: readonly ReachableCapability[];
  readonly escalations: readonly Escalation[];
  /** What the numbers do not hold, in words. */
  readonly excluded: readonly string[];
  /** `sha256:…` over the RFC 8785 form of all the above. */
  readonly digest: string;
}
