/** Access reviews, as the API answers them; see docs/guides/access-reviews.md. Times are epoch seconds, those of facts ISO 8601. */

export type ReviewItemType =
  | 'assignment'
  | 'role'
  | 'credential'
  | 'delegation'
  | 'grant'
  | 'standing_approval'
  | 'break_glass'
  | 'temporary_grant';
export type ReviewTier = 'low' | 'medium' | 'high' | 'critical';
export type ReviewDecision = 'keep' | 'modify' | 'revoke';
export type ReviewCapacity = 'reviewer' | 'owner' | 'countersigner';

export interface ReviewPolicy {
  readonly object: 'review_policy';
  /** 0: nobody has set it. */
  readonly version: number;
  readonly text: string;
  readonly owner: string | null;
  readonly superior: string | null;
  readonly cycle: 'monthly' | 'quarterly' | 'half_yearly' | 'yearly' | null;
  readonly launch_days_before_end: number;
  readonly due_days: number;
  readonly types: readonly ReviewItemType[];
  readonly events: {
    readonly owner_moved: boolean;
    readonly role_widened: boolean;
    readonly blast_radius_up: boolean;
    readonly unused: boolean;
    readonly due_days: number;
  };
  /** Business days. */
  readonly remediation_days: { readonly normal: number; readonly privileged: number };
  /** What a missed deadline means. It never means keep. */
  readonly silence: 'suspend' | 'revoke' | 'incomplete';
  readonly bulk_cap: number;
  readonly recheck_share: number;
  readonly reviewers: {
    readonly managers: readonly {
      readonly of: { readonly person: string } | { readonly group: string } | { readonly team: string };
      readonly reviewer: string;
    }[];
    readonly role_owners: readonly { readonly role: string; readonly reviewer: string }[];
    readonly data_owners: readonly { readonly capabilities: string; readonly reviewer: string }[];
    readonly fallbacks: readonly string[];
  };
  readonly author: string | null;
  readonly created_at: number | null;
}

export interface ReviewGate {
  readonly gate:
    | 'reviewers'
    | 'decided'
    | 'no_self_review'
    | 'remediated'
    | 'recheck'
    | 'signed_reviewers'
    | 'signed_owner'
    | 'countersigned';
  readonly passed: boolean;
  readonly detail: string;
  readonly open: readonly string[];
}

export interface ReviewSummary {
  readonly object: 'review';
  /** As people call it: `AR-2026-Q3`. */
  readonly id: string;
  readonly kind: 'scheduled' | 'manual' | 'event';
  readonly cause: Readonly<Record<string, unknown>>;
  readonly scope: Readonly<Record<string, unknown>>;
  readonly policy_version: number;
  readonly owner: string;
  readonly launched_by: string;
  readonly snapshot_at: number;
  readonly snapshot_sha256: string;
  readonly due_at: number;
  readonly status: 'running' | 'closed' | 'voided';
  readonly overdue: boolean;
  readonly missed_at: number | null;
  readonly closed_at: number | null;
  readonly closed_by: string | null;
  readonly voided_at: number | null;
  readonly voided_by: string | null;
  readonly void_reason: string | null;
  readonly items: number;
  readonly decided: number;
  readonly remediations_open: number;
}

export interface ReviewReconciliation {
  readonly kind: 'owner_left' | 'owner_moved' | 'orphan' | 'not_in_inventory';
  readonly subject: string;
  readonly name: string;
  readonly detail: string;
  readonly since: string | null;
}

export interface Review extends Omit<ReviewSummary, 'items' | 'decided' | 'remediations_open'> {
  readonly policy: Omit<ReviewPolicy, 'object' | 'version' | 'author' | 'created_at'>;
  readonly recheck: {
    readonly seed: string;
    readonly drawn_at: number;
    readonly items: number;
    readonly open: number;
  } | null;
  readonly progress: {
    readonly items: number;
    readonly decided: number;
    /** Decided and not submitted. */
    readonly pending: number;
    readonly keep: number;
    readonly modify: number;
    readonly revoke: number;
    readonly remediations: number;
    readonly remediations_open: number;
    readonly remediations_late: number;
    readonly reviewers: readonly {
      readonly reviewer: string;
      readonly items: number;
      readonly submitted: number;
      readonly pending: number;
      readonly left: number;
      readonly signed: boolean;
    }[];
    readonly by_type: Readonly<Record<string, number>>;
    readonly by_tier: Readonly<Record<string, number>>;
  };
  readonly gates: readonly ReviewGate[];
  readonly reconciliations: readonly ReviewReconciliation[];
  readonly exclusions: readonly { readonly what: string; readonly count: number; readonly reason: string }[];
  /** Of whoever asks; null for a key of nobody. */
  readonly mine: {
    readonly items: number;
    readonly left: number;
    readonly pending: number;
    readonly may_sign: readonly ReviewCapacity[];
  } | null;
}

export interface ReviewFacts {
  readonly summary: string;
  readonly capabilities: readonly string[];
  readonly granted_at: string | null;
  readonly granted_by: string | null;
  readonly last_used_at: string | null;
  readonly use_count_90d: number | null;
  readonly refused_90d: number | null;
  readonly use_known_from: string | null;
  /** Cents. Null: there is no number, and it is not 0. */
  readonly blast_radius_usd_24h: number | null;
  readonly blast_radius: 'bounded' | 'unbounded' | 'unknown' | null;
  readonly flags: readonly string[];
  readonly content: string;
  readonly last_review: { readonly item: string; readonly decision: string; readonly at: string } | null;
  /** Since the last review, in words. */
  readonly changes: readonly string[];
}

export interface ReviewAssignment {
  readonly number: number;
  readonly reviewer: string;
  readonly basis: 'manager' | 'role owner' | 'data owner' | 'fallback';
  readonly note: string;
  readonly assigned_at: number;
  readonly assigned_by: string;
  readonly reassigned_from: string | null;
  readonly reason: string | null;
  readonly first_opened_at: number | null;
  readonly ended_at: number | null;
}

export interface ReviewOperation {
  readonly type: string;
  readonly id: string;
  readonly document: unknown;
  readonly base: string | null;
}

export interface ReviewItem {
  readonly object: 'review_item';
  /** `AR-2026-Q3-014`. */
  readonly id: string;
  readonly review: string;
  readonly type: ReviewItemType;
  readonly subject: string;
  readonly title: string;
  readonly agent_id: string | null;
  readonly agent: string | null;
  readonly owner: string | null;
  readonly role: string | null;
  readonly role_version: number | null;
  readonly tier: ReviewTier;
  readonly privileged: boolean;
  readonly facts: ReviewFacts;
  readonly status: 'unassigned' | 'waiting' | 'pending' | 'decided';
  readonly decision: ReviewDecision | null;
  readonly decided_at: number | null;
  readonly missed_at: number | null;
  readonly missed_act: 'suspended' | 'revoked' | 'nothing' | null;
  readonly reviewers: readonly ReviewAssignment[];
  readonly history: readonly ReviewAssignment[];
  readonly decisions: readonly {
    readonly number: number;
    readonly reviewer: string;
    readonly decision: ReviewDecision | 'escalate';
    readonly reason: string;
    readonly operations: readonly ReviewOperation[] | null;
    readonly staged_days: number | null;
    readonly decided_at: number;
    readonly via: string;
    readonly bulk_group: string | null;
    readonly seconds_on_item: number | null;
    readonly submitted_at: number | null;
    readonly superseded_at: number | null;
  }[];
  /** Of whoever asks, where it is theirs to review. */
  readonly own: { readonly decision: ReviewDecision | 'escalate' | null; readonly submitted: boolean } | null;
}

export interface ReviewRemediation {
  readonly object: 'review_remediation';
  readonly id: string;
  readonly review: string;
  readonly item: string;
  readonly title: string;
  readonly kind: 'revoke' | 'modify' | 'suspend';
  readonly status: 'open' | 'staged' | 'in_review' | 'verified' | 'excepted';
  readonly privileged: boolean;
  readonly opened_at: number;
  readonly due_at: number;
  readonly days_late: number;
  readonly not_before: number | null;
  readonly suspended_at: number | null;
  readonly change: string | null;
  readonly executed_at: number | null;
  readonly executed_by: string | null;
  readonly verified_at: number | null;
  readonly verification_method: string | null;
  readonly verified_state: string | null;
  readonly verified_state_sha256: string | null;
  readonly problem: string | null;
  readonly attempts: number;
  readonly exception: {
    readonly requested_by: string;
    readonly reason: string;
    readonly until: number;
    readonly requested_at: number;
    readonly approved_by: string | null;
    readonly approved_at: number | null;
  } | null;
}

export interface ReviewReduction {
  readonly object: 'review_reduction';
  /** False: the log does not cover the time, and nothing is proposed. */
  readonly covered: boolean;
  readonly from: string;
  readonly to: string;
  readonly operations: readonly ReviewOperation[];
  readonly sentences: readonly { readonly sentence: string; readonly calls: number }[];
}

export interface ReviewRecheck {
  readonly item: string;
  readonly title: string;
  readonly place: number;
  readonly result: 'agree' | 'disagree' | null;
  readonly reason: string | null;
  readonly person: string | null;
  readonly checked_at: number | null;
}

export interface ReviewSignature {
  readonly object: 'review_signature';
  readonly id: string;
  readonly review: string;
  readonly capacity: ReviewCapacity;
  readonly person: string;
  readonly signed_at: number;
  readonly lapsed_at: number | null;
  readonly document: string;
  readonly note: string;
  readonly signed_decision: string | null;
}

export interface ReviewPreview {
  readonly object: 'review_preview';
  readonly items: number;
  readonly by_type: Readonly<Record<string, number>>;
  readonly by_tier: Readonly<Record<string, number>>;
  readonly reviewers: readonly { readonly reviewer: string; readonly items: number }[];
  readonly unassigned: readonly { readonly subject: string; readonly why: readonly string[] }[];
  readonly reconciliations: readonly ReviewReconciliation[];
  readonly exclusions: readonly { readonly what: string; readonly count: number; readonly reason: string }[];
}

export interface ReviewSubmission {
  readonly object: 'review_submission';
  readonly submitted: number;
  readonly left: number;
  readonly remediations: readonly string[];
}
