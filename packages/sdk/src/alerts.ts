/** Alerts and cases, as the API answers them; see docs/guides/alerts.md. Times are epoch seconds. */
import type { JsonObject } from './objects.ts';

export type AlertSeverity = 'informational' | 'low' | 'medium' | 'high' | 'critical';
/** `open` ▸ `acknowledged` ▸ `triaged` ▸ `closed`; reopening leads back to `open`. */
export type AlertStatus = 'open' | 'acknowledged' | 'triaged' | 'closed';
export type AlertDisposition = 'true_positive' | 'benign' | 'false_positive' | 'test' | 'duplicate';
export type AlertSource =
  | 'detection'
  | 'sink'
  | 'drift'
  | 'blast_radius'
  | 'change'
  | 'break_glass'
  | 'rule_test'
  | 'retention'
  | 'system';

export interface AlertSubject {
  /** `agent`, `owner`, `person`, `role`, `tool`, `sink`, … */
  readonly kind: string;
  readonly id: string;
  readonly name: string;
}

export interface Alert {
  readonly id: string;
  readonly object: 'alert';
  readonly source: AlertSource;
  readonly rule: string;
  readonly rule_version: string | null;
  readonly severity: AlertSeverity;
  /** Nobody grades it below this. */
  readonly severity_floor: AlertSeverity;
  readonly subject: AlertSubject;
  readonly title: string;
  readonly facts: JsonObject;
  /** Ids of the first records, at most 100. */
  readonly evidence: readonly string[];
  readonly evidence_count: number;
  readonly window_from: number | null;
  readonly window_to: number | null;
  /** A page of the console, from its root. */
  readonly link: string | null;
  /** Made by a test: in no count. */
  readonly synthetic: boolean;
  readonly case: string | null;
  readonly repeats: number;
  readonly last_found_at: number;
  readonly over_at: number | null;
  readonly status: AlertStatus;
  readonly opened_at: number;
  readonly event_id: string;
  readonly assignee: string | null;
  readonly assigned_at: number | null;
  readonly acknowledged_by: string | null;
  readonly acknowledged_at: number | null;
  readonly triaged_by: string | null;
  readonly triaged_at: number | null;
  readonly disposition: AlertDisposition | null;
  readonly reason: string;
  readonly duplicate_of: string | null;
  readonly incident: string | null;
  readonly closed_by: string | null;
  readonly closed_at: number | null;
  readonly reopened: number;
  readonly acknowledge_due_at: number | null;
  readonly close_due_at: number | null;
  readonly overdue: 'acknowledge' | 'close' | null;
}

export interface AlertMessage {
  readonly channel: 'slack' | 'email';
  readonly destination: string;
  readonly event_id: string;
  readonly status: 'waiting' | 'delivered' | 'dropped' | 'failed';
  readonly delivered_at: number | null;
}

export interface AlertDetail extends Alert {
  readonly told: readonly AlertMessage[];
  /** Records on the log, oldest first. */
  readonly history: readonly {
    readonly event_id: string;
    readonly kind: string;
    readonly ts: string;
    readonly actor: string;
    readonly [field: string]: unknown;
  }[];
}

export interface AlertSummary {
  readonly object: 'alert_summary';
  readonly open: Readonly<Record<AlertSeverity, number>>;
  readonly unclosed: Readonly<Record<AlertSeverity, number>>;
  readonly overdue_acknowledge: number;
  readonly overdue_close: number;
  readonly synthetic_unclosed: number;
  readonly days: number;
  readonly opened: number;
  readonly dispositions: Readonly<Record<AlertDisposition, number>>;
  readonly median_acknowledge_seconds: number | null;
  readonly median_close_seconds: number | null;
}

/** Alerts of one agent or run that were found while an earlier one of them was not closed. */
export interface AlertCase {
  readonly id: string;
  readonly object: 'alert_case';
  readonly title: string;
  readonly subject: AlertSubject;
  readonly synthetic: boolean;
  readonly severity: AlertSeverity;
  readonly alerts: number;
  readonly unclosed: number;
  readonly opened_at: number;
  readonly last_alert_at: number;
}

export interface AlertCaseDetail extends AlertCase {
  readonly members: readonly Alert[];
}

export interface AlertTimes {
  /** Null: without a time. */
  readonly acknowledge_minutes: number | null;
  readonly close_minutes: number | null;
}

/** Which alerts are meant: those that have all of what is named. */
interface AlertSelector {
  readonly source?: string;
  readonly rule?: string;
  readonly subject?: string;
}

export interface AlertChannelSettings {
  readonly min_severity: AlertSeverity;
  readonly mutes: readonly (AlertSelector & { readonly until: string; readonly reason: string })[];
}

export interface AlertSettings {
  readonly due: Readonly<Record<AlertSeverity, AlertTimes>>;
  readonly floors: readonly (AlertSelector & { readonly at_least: AlertSeverity })[];
  /** E-mails of people, names of groups; nobody named: the administrators. */
  readonly notify: readonly string[];
  readonly escalate_to: readonly string[];
  readonly separate_duties: boolean;
  readonly channels: Readonly<Record<'slack' | 'email', AlertChannelSettings>>;
}
