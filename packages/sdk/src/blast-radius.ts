/** Blast radii and proposals of least privilege, as the API answers with them. */
import type { JsonObject } from './objects.ts';

export type RadiusLine = 'alone' | 'fooled' | 'bypassed';

/** There is a number only where it is bounded; what is UNBOUNDED or UNKNOWN is not 0. Money in minor units. */
export interface RadiusAmount {
  readonly kind: 'bounded' | 'unbounded' | 'unknown';
  readonly value: number | null;
  /** `$8,000`, `2,000 records read`, `UNBOUNDED`, `UNKNOWN`. */
  readonly text: string;
  readonly reasons: readonly { readonly capability: string | null; readonly sentence: string }[];
}

export interface RadiusBinding {
  readonly rule: string;
  /** The role that carries the guard, `workspace`, or `tool`. */
  readonly origin: string;
  readonly sentence: string;
  readonly kind: 'sum' | 'count';
  readonly unit: string | null;
  readonly limit: number;
  readonly window_seconds: number;
  readonly scope: 'agent' | 'role' | 'owner' | 'workspace' | 'tool';
  readonly windows: number;
  readonly counters: number;
  readonly per_call: number | null;
  readonly value: number;
  readonly capabilities: readonly string[];
  /** The most that any of its windows held; null where nothing is known of its use. */
  readonly used: { readonly largest: number; readonly share: number; readonly from: string } | null;
}

export interface RadiusCell {
  readonly unit: string;
  /** `contained`, `1h`, `24h`, `7d`. */
  readonly horizon: string;
  readonly line: RadiusLine;
  readonly amount: RadiusAmount;
  /** What binds it, largest part first. */
  readonly binding: readonly RadiusBinding[];
  readonly contributing: readonly string[];
  readonly without_escalation: RadiusAmount | null;
}

export interface RadiusSubject {
  readonly kind: 'agent' | 'role' | 'owner' | 'workspace';
  readonly id: string;
  readonly name: string;
}

interface ContainmentPart {
  readonly seconds: number | null;
  readonly basis: 'measured' | 'stated' | 'unknown';
  readonly samples: number;
  readonly source: string | null;
}

export interface ContainmentTime {
  readonly seconds: number | null;
  readonly detection: ContainmentPart;
  readonly revocation: ContainmentPart;
  readonly sentence: string;
}

/** As it stands beside a number. */
export interface RadiusAcceptance {
  readonly id: string;
  readonly person: string;
  readonly accepted_at: number;
  readonly until: number;
  /** A number is larger now than what was accepted. */
  readonly exceeded: boolean;
  readonly expired: boolean;
}

export interface BlastRadius {
  readonly object: 'blast_radius';
  readonly subject: RadiusSubject & { readonly status: 'active' | 'suspended' | 'revoked' | null };
  readonly policy: string;
  readonly policy_revision: number;
  readonly agents: number;
  readonly containment: ContainmentTime;
  readonly horizons: readonly { readonly id: string; readonly seconds: number | null }[];
  readonly units: readonly string[];
  /** Every unit × horizon × line. */
  readonly cells: readonly RadiusCell[];
  readonly capabilities: readonly {
    readonly capability: string;
    readonly reach: 'alone' | 'approval' | 'never';
    readonly granted_by: readonly string[];
    readonly declared: boolean;
  }[];
  readonly escalations: readonly {
    readonly kind: 'agent' | 'roles' | 'everything';
    readonly reach: 'alone' | 'approval';
    readonly agent_id: string;
    readonly capability: string | null;
    readonly to_agent_id: string | null;
    readonly sentence: string;
  }[];
  /** What the numbers do not hold. */
  readonly excluded: readonly string[];
  readonly digest: string;
  readonly acceptance: RadiusAcceptance | null;
}

export interface BlastRadiusWhatIf {
  readonly object: 'blast_radius_what_if';
  readonly before: BlastRadius;
  readonly after: BlastRadius;
  readonly moved: readonly {
    readonly unit: string;
    readonly horizon: string;
    readonly line: RadiusLine;
    readonly before: RadiusAmount;
    readonly after: RadiusAmount;
    readonly rises: boolean;
    readonly sentence: string;
  }[];
}

export interface AgentBlastRadius {
  readonly object: 'agent_blast_radius';
  readonly agent: string;
  readonly agent_id: string;
  readonly owner: string;
  readonly roles: readonly string[];
  readonly amounts: Readonly<Record<string, RadiusAmount>>;
  readonly acceptance: RadiusAcceptance | null;
}

export interface BlastRadiusAcceptance {
  readonly object: 'blast_radius_acceptance';
  readonly id: string;
  readonly subject: RadiusSubject;
  readonly digest: string;
  readonly policy: string;
  readonly person: string;
  readonly reason: string;
  readonly accepted_at: number;
  readonly until: number;
  readonly status: 'current' | 'expired' | 'ended';
  readonly exceeded_at: number | null;
  readonly ended_at: number | null;
  readonly ended_by: string | null;
  readonly end_reason: string | null;
}

export interface BlastRadiusCertificate {
  readonly object: 'blast_radius_certificate';
  readonly id: string;
  readonly policy: string;
  readonly policy_revision: number;
  readonly numbers_digest: string;
  readonly sweep_digest: string;
  readonly agents: number;
  readonly role_sets: number;
  readonly cells: number;
  readonly inputs: number;
  /** 0: what the decision function lets through is what the numbers are made of. */
  readonly differences: number;
  readonly differing: readonly {
    readonly roles: readonly string[];
    readonly capability: string;
    readonly asked: 'alone' | 'approval' | 'never';
    readonly computed: 'alone' | 'approval' | 'never';
  }[];
  readonly version: string;
  readonly actor: string;
  readonly took_ms: number;
  readonly made_at: number;
  readonly event_id: string;
}

export interface BlastRadiusSettings {
  readonly object: 'blast_radius_settings';
  readonly detection: { readonly seconds: number; readonly source: string } | null;
  readonly revocation: { readonly seconds: number; readonly source: string } | null;
  readonly authority: readonly { readonly capability: string; readonly gives: 'roles' | 'everything' }[] | null;
  readonly reaches: readonly { readonly agent: string; readonly other: string; readonly source: string }[];
  readonly author: string | null;
  readonly updated_at: number | null;
}

export interface ToolLimit {
  readonly object: 'tool_limit';
  readonly name: string;
  readonly over: readonly string[];
  readonly unit: string | null;
  readonly limit: number;
  readonly window_seconds: number;
  readonly window: 'sliding' | 'fixed';
  readonly source: string;
  readonly author: string;
  readonly updated_at: number;
}

export interface LeastPrivilegeProposal {
  readonly object: 'least_privilege_proposal';
  readonly id: string;
  readonly kind: 'unused_grant' | 'unused_role' | 'unworn_role' | 'wide_cap' | 'idle_approval';
  readonly subject: {
    readonly type: 'role' | 'workspace_guards' | 'assignment';
    readonly id: string;
    /** Handle, of an assignment. */
    readonly agent: string | null;
  };
  readonly sentence: string;
  readonly evidence: {
    readonly from: string;
    readonly to: string;
    readonly calls: number;
    readonly refused: number;
    readonly largest_use: number | null;
    readonly cap: number | null;
    readonly unit: string | null;
    readonly window_seconds: number | null;
    readonly last_used_at: number | null;
    /** The route that shows the calls. */
    readonly query: string;
  };
  /** Empty where it is only said. */
  readonly operations: readonly {
    readonly type: 'role' | 'workspace_guards' | 'assignment';
    readonly id: string;
    readonly document: JsonObject | null;
    readonly base: string | null;
  }[];
  readonly dismissed: {
    readonly actor: string;
    readonly reason: string;
    readonly at: number;
    readonly until: number;
  } | null;
}

/** Beside the list: whether it says anything. */
export interface LeastPrivilegePeriod {
  readonly from: string;
  readonly to: string;
  readonly covered: boolean;
  readonly limits_covered: boolean;
  readonly calls_known_from: string | null;
  readonly limits_known_from: string | null;
  readonly counted_to: string | null;
}
