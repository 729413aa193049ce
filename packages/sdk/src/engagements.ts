/** Objects of the auditor's room: `/v1/engagements`. */
import type { JsonObject } from './objects.ts';

export interface EngagementPerson {
  readonly id: string;
  readonly email: string;
  readonly display_name: string;
  /** With none, the person has not come in yet. */
  readonly passkeys: number;
  readonly last_sign_in_at: number | null;
  readonly added_at: number;
  readonly added_by: string;
  readonly removed_at: number | null;
  readonly removed_by: string | null;
}

export interface Engagement {
  readonly object: 'engagement';
  readonly id: string;
  readonly firm: string;
  readonly firm_domain: string;
  /** ISO 8601; the period is half-open. */
  readonly period_from: string;
  readonly period_to: string;
  readonly criteria: readonly string[];
  readonly scope: string;
  readonly status: 'open' | 'ended';
  readonly expires_at: number;
  readonly opened_at: number;
  readonly opened_by: string;
  readonly ended_at: number | null;
  readonly ended_by: string | null;
  readonly end_reason: string | null;
  readonly event_id: string;
  readonly people: readonly EngagementPerson[];
  readonly requests: Readonly<Record<EngagementRequest['status'], number>>;
}

/** The only answer that shows the link with which a person registers their passkey. */
export interface EngagementPersonLetIn {
  readonly object: 'engagement_person';
  readonly person: string;
  readonly email: string;
  readonly url: string;
  readonly engagement: Engagement;
}

export interface EngagementAttachment {
  readonly kind: 'report' | 'bundle' | 'sample' | 'event';
  readonly ref: string;
}

export interface EngagementAct {
  readonly number: number;
  readonly act: 'opened' | 'commented' | 'provided' | 'accepted' | 'returned' | 'closed';
  readonly side: 'firm' | 'customer';
  readonly actor: string;
  readonly at: number;
  readonly text: string;
  readonly attachments: readonly EngagementAttachment[];
  readonly event_id: string;
}

export interface EngagementRequest {
  readonly object: 'engagement_request';
  readonly id: string;
  readonly engagement: string;
  readonly number: number;
  readonly title: string;
  readonly about: string | null;
  readonly due_at: number | null;
  readonly status: 'open' | 'provided' | 'accepted' | 'returned' | 'closed';
  readonly opened_at: number;
  readonly opened_by: string;
  readonly customer_seconds: number;
  readonly firm_seconds: number;
  readonly waits_for: 'customer' | 'firm' | null;
  readonly acts: readonly EngagementAct[];
}

/** The auditor's words about a report. Readiness reads none of them. */
export interface EvidenceState {
  readonly object: 'evidence_state';
  readonly id: string;
  readonly report: string;
  readonly state: 'accepted' | 'returned';
  readonly sha256: string | null;
  readonly reason: string;
  readonly actor: string;
  readonly at: number;
  readonly event_id: string;
  /** The newest of its report. */
  readonly counts: boolean;
}

export interface EngagementNote {
  readonly object: 'engagement_note';
  readonly id: string;
  readonly about: string | null;
  readonly text: string;
  readonly author: string;
  readonly at: number;
}

export interface WalkthroughStep {
  readonly id: 'boundary' | 'denied_call' | 'replay' | 'kill' | 'population' | 'tamper' | 'checkpoint';
  readonly title: string;
  readonly see: string;
  readonly proves: string;
  readonly limits: string;
  readonly button: string | null;
  readonly asks: readonly ('agent' | 'entry' | 'report')[];
}

export interface Walkthrough {
  readonly object: 'walkthrough';
  readonly steps: readonly WalkthroughStep[];
}

export interface WalkthroughPress {
  readonly object: 'walkthrough_step';
  readonly id: string;
  readonly at: number;
  readonly shown: boolean;
  readonly said: string;
  readonly facts: JsonObject;
}

interface Decided {
  readonly verdict: 'allow' | 'deny' | 'review';
  readonly rule: string | null;
  readonly reason: string;
}

export interface Reperformed {
  readonly event_id: string;
  readonly seq: number | null;
  readonly result: 'match' | 'differs' | 'not_repeatable' | 'not_found';
  readonly detail: string | null;
  readonly at: string | null;
  readonly agent: string | null;
  readonly action: string | null;
  readonly entry_hash: string | null;
  readonly policy: string | null;
  readonly policy_revision: number | null;
  readonly recorded: Decided | null;
  readonly again: Decided | null;
}

export interface Reperformance {
  readonly object: 'reperformance';
  readonly id: string;
  readonly at: number;
  readonly results: readonly Reperformed[];
}

export interface EngagementRun {
  readonly object: 'engagement_run';
  readonly id: string;
  readonly kind: 'walkthrough' | 'reperformance';
  readonly step: string | null;
  readonly input: JsonObject;
  readonly result: JsonObject;
  readonly shown: boolean;
  readonly actor: string;
  readonly at: number;
  readonly event_id: string;
}

export interface EngagementAccess {
  readonly object: 'engagement_access';
  readonly seq: number;
  readonly event_id: string;
  readonly at: string;
  readonly actor: string;
  readonly kind: string;
  readonly what: string;
}

export interface Unmasked {
  readonly object: 'unmasked';
  readonly event: string;
  readonly field: string;
  readonly value: unknown;
  readonly event_id: string;
}
