/** Changes of what decides, as the API answers them; see docs/reference/changes.md. */
import type { Json } from './objects.ts';

/** `draft` ▸ `submitted` ▸ `approved` ▸ (`scheduled`) ▸ `activated` ▸ `rolled_back`; the others are ends. */
export type ChangeStatus =
  | 'draft'
  | 'submitted'
  | 'approved'
  | 'scheduled'
  | 'activated'
  | 'rejected'
  | 'withdrawn'
  | 'stale'
  | 'expired'
  | 'rolled_back';

export interface ChangedObject {
  readonly type: string;
  /** `*` where the workspace has one of it. */
  readonly id: string;
}

export interface ChangeOperation extends ChangedObject {
  /** Null removes. */
  readonly document: Json;
  /** Content hash of what it was drafted on; null: there was none. */
  readonly base: string | null;
}

export interface ChangeRequirement {
  readonly people: number;
  readonly groups: readonly string[];
}

export interface ChangeSummary {
  readonly id: string;
  readonly object: 'change';
  readonly number: number;
  /** `CHG-12`; it can be used in place of the id. */
  readonly name: string;
  readonly status: ChangeStatus;
  readonly class: 'normal' | 'standard' | 'emergency' | 'rollback' | 'direct';
  /** Null until it is submitted. */
  readonly risk: 'low' | 'medium' | 'high' | 'critical' | null;
  readonly title: string;
  readonly justification: string;
  readonly ticket: string | null;
  readonly objects: readonly ChangedObject[];
  readonly author: string;
  readonly source: {
    readonly repository: string;
    readonly commit: string;
    readonly author: string;
    readonly signature: { readonly status: 'good' | 'bad' | 'none' | 'unknown'; readonly key: string | null };
  } | null;
  readonly rollback_of: string | null;
  readonly rolled_back_by: string | null;
  readonly activate_at: number | null;
  readonly created: number;
  readonly updated_at: number;
  readonly submitted_at: number | null;
  readonly expires_at: number | null;
  readonly approved_at: number | null;
  readonly activated_at: number | null;
  readonly activated_by: string | null;
  readonly emergency_review: 'due' | 'overdue' | 'passed' | 'refused' | null;
  readonly review_due_at: number | null;
  readonly ended_at: number | null;
  readonly ended_by: string | null;
  /** Why it could not be activated, or is over. */
  readonly ended_code: string | null;
  readonly ended_reason: string | null;
  readonly content_hash: string;
}

export interface ChangeReview {
  readonly object: 'change_review';
  readonly person: string;
  readonly decision: 'approve' | 'reject';
  /** `after`: of an emergency that was in force already. */
  readonly stage: 'before' | 'after';
  /** False: it is of before an approval was found not to hold any more. */
  readonly counts: boolean;
  readonly groups: readonly string[];
  readonly comment: string;
  readonly content_hash: string;
  readonly preview_hash: string;
  readonly actor: string;
  readonly method: string;
  readonly channel: 'api' | 'cli' | 'console';
  readonly authenticated_at: number;
  readonly signature: string | null;
  readonly at: number;
  readonly event_id: string;
}

export interface Change extends ChangeSummary {
  readonly operations: readonly ChangeOperation[];
  /** Everybody who wrote something of it; none of them approves. */
  readonly authors: readonly string[];
  readonly reasons: readonly string[];
  /** It only takes away. */
  readonly narrows: boolean | null;
  readonly pattern: string | null;
  readonly requirement: ChangeRequirement | null;
  readonly missing: ChangeRequirement | null;
  /** What reviewers see; an approval names its hash, and that of the content. */
  readonly preview: {
    readonly id: string;
    readonly state: 'running' | 'done' | 'failed';
    readonly hash: string | null;
  } | null;
  readonly reviews: readonly ChangeReview[];
  readonly waiting_for: readonly string[];
  readonly freezes_passed: readonly string[];
  readonly policy: { readonly before: string | null; readonly after: string; readonly revision: number } | null;
  readonly versions: readonly (ChangedObject & { readonly version: number; readonly hash: string | null })[];
  /** `approve`: code of why you may not; null: you may. */
  readonly you: { readonly author: boolean; readonly approve: string | null };
}

export interface ChangeComment {
  readonly id: string;
  readonly object: 'change_comment';
  readonly person: string | null;
  readonly actor: string;
  readonly body: string;
  readonly at: number;
}

/** The document of the object `change_settings`, id `*`. */
export interface ChangeSettingsDocument {
  readonly mode: 'direct' | 'reviewed';
  /** Null: all. */
  readonly types: readonly string[] | null;
  readonly authority: {
    readonly normal: Readonly<Record<'low' | 'medium' | 'high' | 'critical', ChangeRequirement>>;
    readonly emergency: ChangeRequirement;
  };
  readonly emergency: {
    readonly alone: boolean;
    readonly review_within_minutes: number;
    readonly escalate_to: readonly string[];
  };
  readonly rollback: 'reviewed' | 'standard';
  readonly when_frozen: 'wait' | 'fail';
  readonly expire_days: number;
  readonly replay_days: number;
  readonly standard: readonly {
    readonly name: string;
    readonly types: readonly string[];
    readonly ids: readonly string[] | null;
    readonly allows: 'narrowing' | { readonly roles_added: readonly string[] };
  }[];
}

export interface ChangeSettings extends ChangeSettingsDocument {
  readonly object: 'change_settings';
  /** The `base` of a change of it. */
  readonly hash: string;
  readonly author: string | null;
  readonly updated_at: number | null;
}
