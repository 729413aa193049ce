/** Retention, holds, redaction and disposal as the API gives them. Times are epoch seconds. */

export type RetentionClass =
  | 'calls'
  | 'results'
  | 'approvals'
  | 'policy'
  | 'security'
  | 'administrative'
  | 'reads'
  | 'system';

/** Days; null: for ever. */
export type RetentionPeriods = Readonly<Record<RetentionClass, number | null>>;

/** `GET /v1/retention`. PUT answers it, or a {@link RetentionRequest} where anything would be kept for less long. */
export interface RetentionSettings {
  readonly object: 'retention_settings';
  readonly environment: string;
  readonly periods: RetentionPeriods;
  /** Days below which no period may go. */
  readonly floors: Readonly<Record<RetentionClass, number>>;
  readonly author: string | null;
  readonly updated_at: number | null;
}

/** Why an entry stays although its period is over. */
export type RetentionReason = 'held' | 'open_call' | 'pending_approval' | 'in_force' | 'call_stays';

/** A required sink, or the evaluation of rules, that has not come so far: nothing behind it goes. */
export interface LogReader {
  readonly what: string;
  readonly name: string;
  readonly through: number;
}

/** `GET /v1/retention/preview`: classes of which something has outlived its period. */
export interface RetentionPreview {
  readonly object: 'retention_preview';
  readonly through: number;
  readonly classes: readonly {
    readonly class: RetentionClass;
    readonly due: number;
    readonly stays: Readonly<Partial<Record<RetentionReason, number>>>;
    readonly oldest: number;
  }[];
  readonly behind: readonly LogReader[];
}

/** What one person asked for and another has to approve. */
export interface RetentionRequest {
  readonly object: 'retention_request';
  readonly id: string;
  readonly kind: 'settings' | 'redaction';
  readonly periods: RetentionPeriods | null;
  readonly redaction: { readonly events: readonly string[]; readonly fields: readonly string[] } | null;
  readonly reason: string;
  readonly status: 'requested' | 'approved' | 'withdrawn' | 'lapsed';
  readonly requested_by: string;
  readonly requested_by_person: string;
  readonly requested_at: number;
  readonly answer_by: number;
  readonly answered_by: string | null;
  readonly answered_by_person: string | null;
  readonly answered_at: number | null;
}

export interface HoldScope {
  readonly agent?: string;
  readonly owner?: string;
  readonly session?: string;
  readonly run?: string;
  /** ISO 8601; `to` is exclusive. */
  readonly from?: string;
  readonly to?: string;
}

export interface LegalHold {
  readonly object: 'legal_hold';
  readonly id: string;
  readonly kind: 'legal' | 'evidence';
  readonly matter: string;
  readonly reason: string;
  readonly scope: HoldScope;
  readonly status: 'in_force' | 'releasing' | 'released' | 'ended';
  readonly until: number | null;
  readonly placed_by: string;
  readonly placed_by_person: string;
  readonly placed_at: number;
  readonly event_id: string;
  /** Up to this entry the log says what is held, and how many entries that are. */
  readonly through: number;
  readonly entries: number;
  readonly released_by: string | null;
  readonly released_by_person: string | null;
  readonly release_reason: string | null;
  readonly released_at: number | null;
}

export interface Disposal {
  readonly object: 'disposal';
  readonly id: string;
  readonly actor: string;
  readonly status: 'running' | 'done';
  readonly periods: RetentionPeriods;
  readonly started_at: number;
  readonly ended_at: number | null;
  readonly records: readonly {
    readonly event_id: string;
    readonly seq: number | null;
    readonly removed: number;
    readonly is_done: boolean;
  }[];
  readonly removed: number;
  readonly kept: {
    readonly reasons: Readonly<Partial<Record<RetentionReason, number>>>;
    readonly holds: readonly { readonly id: string; readonly matter: string; readonly entries: number }[];
    readonly behind: readonly LogReader[];
  } | null;
  readonly has_certificate: boolean;
}

/** Where copies went that only the customer can remove. */
export interface PlaceOutside {
  readonly place: 'sink' | 'webhook' | 'channel' | 'export' | 'backup';
  readonly name: string;
  readonly what: string;
}

/** `GET /v1/people/:person/erasure-report` */
export interface ErasureReport {
  readonly object: 'erasure_report';
  readonly person: string;
  readonly active: boolean;
  readonly records: readonly {
    readonly class: RetentionClass | 'retention';
    readonly as: 'owner' | 'actor' | 'named';
    readonly count: number;
    readonly oldest: number;
    readonly newest: number;
    readonly kept_days: number | null;
    readonly until: number | null;
    readonly why: string;
  }[];
  readonly holds: readonly { readonly id: string; readonly matter: string; readonly until: number | null }[];
  readonly elsewhere: readonly {
    readonly what: string;
    readonly count: number;
    readonly why: string;
    readonly until: string;
  }[];
  readonly outside: readonly PlaceOutside[];
}

/** An event of the log whose record was redacted has this beside what is left of it. */
export interface RedactedMark {
  /** The `log.redacted` that took it out. */
  readonly by: string;
  readonly fields: readonly string[];
}
