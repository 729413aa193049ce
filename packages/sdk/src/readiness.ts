/** Readiness: `/v1/readiness`, `/v1/deficiencies`, `/v1/segregation`. Epoch seconds where a time is a number. */

export type ControlState = 'pass' | 'fail' | 'not_enough_data' | 'did_not_occur' | 'not_applicable';
export type StateCounts = Readonly<Record<ControlState, number>>;

export interface ControlDeviation {
  readonly record_id: string;
  readonly kind: string;
  readonly sentence: string;
  /** Path of the console. */
  readonly href: string;
}

export interface ControlSource {
  readonly name: string;
  readonly about: string;
  readonly enabled: boolean;
  readonly last_seen: string | null;
  readonly stale: boolean;
}

export interface ControlResult {
  readonly id: string;
  readonly title: string;
  readonly statement: string;
  readonly criteria: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly state: ControlState;
  readonly reason: string;
  readonly population: number;
  readonly deviating: number;
  readonly deviations: readonly ControlDeviation[];
  readonly enough: boolean;
  readonly occurred: boolean;
  readonly rate: number | null;
  readonly upper_90: number | null;
  readonly sources: readonly ControlSource[];
  readonly exemption: {
    readonly id: string;
    readonly reason: string;
    readonly requested_by: string;
    readonly approved_by: string;
    readonly expires_at: string;
  } | null;
  readonly query_sha256: string;
}

export interface StateFraction {
  readonly count: number;
  readonly of: number;
}

export interface Readiness {
  readonly object: 'readiness';
  readonly banner: string;
  /** Of the run; null: tested for this answer, and not stored. */
  readonly id: string | null;
  readonly workspace: string;
  readonly environment: string;
  readonly sample_data: boolean;
  readonly period_from: string;
  readonly period_to: string;
  readonly as_of: string;
  readonly actor: string;
  readonly code_version: string;
  readonly policy_hash: string | null;
  readonly log_size: number;
  readonly log_checkpoint: string | null;
  readonly headline: string;
  readonly counts: StateCounts;
  /** Two numbers that are never blended. */
  readonly coverage: StateFraction;
  readonly clean: StateFraction;
  readonly controls: readonly ControlResult[];
  readonly criteria: readonly {
    readonly id: string;
    readonly title: string;
    readonly state: ControlState;
    readonly controls: readonly string[];
  }[];
}

export interface ReadinessRun {
  readonly object: 'readiness_run';
  readonly id: string;
  readonly kind: 'daily' | 'asked';
  readonly period_from: string;
  readonly period_to: string;
  readonly as_of: string;
  readonly actor: string;
  readonly counts: StateCounts;
  readonly headline: string;
  readonly states: Readonly<Record<string, ControlState>>;
  /** Of the canonical JSON of the run. */
  readonly sha256: string;
  readonly event_id: string;
  readonly made_at: number;
}

export interface StoredReadinessRun extends ReadinessRun {
  readonly run: Omit<Readiness, 'object' | 'id'> & { readonly id: string };
  /** Signed by the key of the log. */
  readonly note: string;
}

export interface ReadinessPeriod {
  /** ISO 8601, inclusive. */
  readonly from: string;
  /** ISO 8601, exclusive. */
  readonly to: string;
}

export interface ReadinessControl extends ControlResult {
  readonly object: 'readiness_control';
  readonly banner: string;
  readonly period_from: string;
  readonly period_to: string;
  readonly as_of: string;
  readonly member: string;
  readonly test: string;
  readonly enough_when: string;
  readonly remedy: string;
  readonly sample: string;
  readonly query: string;
  readonly has_more: boolean;
  readonly next_cursor: string | null;
  readonly trend: readonly {
    readonly run: string;
    readonly made_at: number;
    readonly period_from: string;
    readonly period_to: string;
    readonly state: ControlState;
  }[];
}

export interface ControlExemption {
  readonly object: 'control_exemption';
  readonly id: string;
  readonly control: string;
  readonly reason: string;
  readonly status: 'requested' | 'approved' | 'refused' | 'withdrawn' | 'expired' | 'ended';
  readonly requested_by: string;
  readonly requested_at: number;
  readonly answered_by: string | null;
  readonly answered_at: number | null;
  readonly expires_at: number;
  readonly ended_at: number | null;
}

export interface NewControlExemption {
  readonly control: string;
  readonly reason: string;
  /** ISO 8601. */
  readonly expires_at: string;
}

export interface Deficiency {
  readonly object: 'deficiency';
  readonly id: string;
  readonly control: string;
  readonly title: string;
  readonly status: 'open' | 'closed';
  readonly severity: 'low' | 'medium' | 'high';
  readonly record_ids: readonly string[];
  readonly owner: string | null;
  readonly due_at: number | null;
  readonly remediation: { readonly changes: readonly string[]; readonly incidents: readonly string[] };
  readonly compensating: string;
  readonly remark: string;
  readonly opened_by_run: string;
  readonly opened_at: number;
  readonly failed_run: string;
  readonly failed_at: number;
  readonly closed_at: number | null;
  readonly closed_by_run: string | null;
  readonly closed_by: string | null;
  readonly close_reason: string | null;
}

export interface DeficiencyChange {
  readonly severity?: 'low' | 'medium' | 'high';
  /** E-mail or id; null: nobody. */
  readonly owner?: string | null;
  /** ISO 8601. */
  readonly due_at?: string | null;
  readonly remediation?: { readonly changes: readonly string[]; readonly incidents: readonly string[] };
  readonly compensating?: string;
  readonly remark?: string;
  readonly close?: { readonly reason: string };
}

export interface CrosswalkRow {
  readonly framework: string;
  readonly version: string;
  readonly id: string;
  readonly our_feature: string;
  readonly relation: 'supports';
  readonly source: string;
  readonly confirmed_on: string;
}

export interface SegregationSet {
  readonly object: 'segregation_set';
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly reason: string;
  readonly created_at: number;
  readonly created_by: string;
  readonly ended_at: number | null;
  readonly acceptances: readonly {
    readonly id: string;
    readonly agent_id: string;
    readonly agent: string;
    readonly reason: string;
    readonly person: string;
    readonly accepted_at: number;
    readonly until: number;
    readonly ended_at: number | null;
  }[];
}
