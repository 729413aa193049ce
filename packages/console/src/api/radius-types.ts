/** Blast radii and what use says could be taken away, as the server answers them. */
export type Line = 'alone' | 'fooled' | 'bypassed';

export interface RadiusAmount {
  readonly kind: 'bounded' | 'unbounded' | 'unknown';
  readonly value: number | null;
  readonly text: string;
  readonly reasons: readonly { readonly capability: string | null; readonly sentence: string }[];
}

interface RadiusBinding {
  readonly rule: string;
  readonly origin: string;
  readonly sentence: string;
  readonly value: number;
  readonly used: { readonly largest: number; readonly share: number; readonly from: string } | null;
}

interface RadiusAcceptance {
  readonly id: string;
  readonly person: string;
  readonly accepted_at: number;
  readonly until: number;
  readonly exceeded: boolean;
  readonly expired: boolean;
}

export interface BlastRadius {
  readonly subject: {
    readonly kind: 'agent' | 'role' | 'owner' | 'workspace';
    readonly id: string;
    readonly name: string;
  };
  readonly policy_revision: number;
  readonly agents: number;
  readonly containment: { readonly seconds: number | null; readonly sentence: string };
  readonly horizons: readonly { readonly id: string; readonly seconds: number | null }[];
  readonly units: readonly string[];
  readonly cells: readonly {
    readonly unit: string;
    readonly horizon: string;
    readonly line: Line;
    readonly amount: RadiusAmount;
    readonly binding: readonly RadiusBinding[];
    readonly contributing: readonly string[];
    readonly without_escalation: RadiusAmount | null;
  }[];
  readonly escalations: readonly { readonly sentence: string; readonly reach: 'alone' | 'approval' }[];
  readonly excluded: readonly string[];
  readonly digest: string;
  readonly acceptance: RadiusAcceptance | null;
}

interface RadiusMoved {
  readonly unit: string;
  readonly horizon: string;
  readonly line: Line;
  readonly before: RadiusAmount;
  readonly after: RadiusAmount;
  readonly rises: boolean;
  readonly sentence: string;
}

export interface WhatIf {
  readonly before: BlastRadius;
  readonly after: BlastRadius;
  readonly moved: readonly RadiusMoved[];
}

export interface AgentRadius {
  readonly agent: string;
  readonly agent_id: string;
  readonly owner: string;
  readonly roles: readonly string[];
  readonly amounts: Readonly<Record<string, RadiusAmount>>;
  readonly acceptance: RadiusAcceptance | null;
}

export interface Proposal {
  readonly id: string;
  readonly kind: string;
  readonly subject: { readonly type: string; readonly id: string; readonly agent: string | null };
  readonly sentence: string;
  readonly evidence: {
    readonly from: string;
    readonly to: string;
    readonly calls: number;
    readonly refused: number;
    readonly largest_use: number | null;
    readonly cap: number | null;
    readonly unit: string | null;
    readonly last_used_at: number | null;
  };
  readonly operations: readonly unknown[];
}

export interface Proposals {
  readonly data: readonly Proposal[];
  readonly has_more: boolean;
  readonly period: {
    readonly from: string;
    readonly to: string;
    /** Whether the log covers the time. */
    readonly covered: boolean;
    readonly limits_covered: boolean;
    readonly calls_known_from: string | null;
  };
}
