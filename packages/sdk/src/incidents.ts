/** Incidents, as the API answers them; see docs/guides/alerts.md. Times are epoch seconds, those of a timeline ISO 8601. */
import type { Alert } from './alerts.ts';

export type IncidentSeverity = 'low' | 'medium' | 'high' | 'critical';
export type IncidentStatus = 'open' | 'contained' | 'closed';

export interface Incident {
  readonly id: string;
  readonly object: 'incident';
  readonly title: string;
  readonly summary: string;
  readonly severity: IncidentSeverity;
  readonly status: IncidentStatus;
  /** An exercise: in no count. */
  readonly synthetic: boolean;
  readonly lead: string;
  readonly began_at: number | null;
  readonly opened_at: number;
  readonly opened_by: string;
  readonly contained_at: number | null;
  readonly decision: string | null;
  readonly decided_by: string | null;
  readonly decided_at: number | null;
  readonly root_cause: string | null;
  readonly closed_at: number | null;
  readonly closed_by: string | null;
  readonly close_reason: string | null;
  readonly reopened: number;
  readonly alerts: number;
  readonly open_follow_ups: number;
  readonly event_id: string;
}

export interface IncidentLink {
  readonly kind: 'agent' | 'approval' | 'change' | 'containment' | 'quarantine' | 'event';
  readonly ref: string;
  readonly name: string;
  readonly linked_by: string;
  readonly linked_at: number;
}

export interface IncidentFollowUp {
  readonly id: string;
  readonly title: string;
  readonly owner: string;
  readonly due_at: number;
  readonly overdue: boolean;
  /** Done by itself when its change is in force. */
  readonly status: 'open' | 'done' | 'dropped';
  readonly change: {
    readonly id: string;
    readonly name: string;
    readonly title: string;
    readonly status: string;
  } | null;
  readonly settled_at: number | null;
  readonly settled_by: string | null;
  readonly reason: string;
}

export interface IncidentDetail extends Incident {
  readonly members: readonly Alert[];
  readonly links: readonly IncidentLink[];
  readonly follow_ups: readonly IncidentFollowUp[];
}

export interface IncidentTimelineEntry {
  readonly at: string;
  /** Of the record; `note`. */
  readonly kind: string;
  readonly why: 'alert' | 'evidence' | 'agent' | 'approval' | 'change' | 'containment' | 'incident' | 'event' | 'note';
  readonly actor: string;
  readonly sentence: string;
  readonly event_id: string;
  readonly agent: string | null;
}

export interface IncidentTimeline {
  readonly object: 'incident_timeline';
  readonly incident: string;
  readonly from: string | null;
  readonly to: string;
  /** False: the log has more than is shown. */
  readonly complete: boolean;
  readonly entries: readonly IncidentTimelineEntry[];
}
