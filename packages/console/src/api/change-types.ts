/** Changes of what decides, as the server answers them. */
import type { Finding } from './types.ts';

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

export type ChangeClass = 'normal' | 'standard' | 'emergency' | 'rollback' | 'direct';
export type ChangeRisk = 'low' | 'medium' | 'high' | 'critical';

export interface ObjectRef {
  readonly type: string;
  readonly id: string;
}

export interface ChangeSummary {
  readonly id: string;
  readonly number: number;
  /** `CHG-12` */
  readonly name: string;
  readonly status: ChangeStatus;
  readonly class: ChangeClass;
  readonly risk: ChangeRisk | null;
  readonly title: string;
  readonly justification: string;
  readonly ticket: string | null;
  readonly objects: readonly ObjectRef[];
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
  readonly ended_code: string | null;
  readonly ended_reason: string | null;
  readonly content_hash: string;
}

interface ChangeReview {
  readonly person: string;
  readonly decision: 'approve' | 'reject';
  readonly stage: 'before' | 'after';
  readonly counts: boolean;
  readonly groups: readonly string[];
  readonly comment: string;
  readonly method: string;
  readonly channel: string;
  readonly authenticated_at: number;
  readonly signature: string | null;
  readonly at: number;
  readonly event_id: string;
}

export interface Change extends ChangeSummary {
  readonly operations: readonly (ObjectRef & { readonly document: unknown; readonly base: string | null })[];
  readonly authors: readonly string[];
  readonly reasons: readonly string[];
  readonly narrows: boolean | null;
  readonly pattern: string | null;
  readonly requirement: { readonly people: number; readonly groups: readonly string[] } | null;
  readonly missing: { readonly people: number; readonly groups: readonly string[] } | null;
  readonly preview: {
    readonly id: string;
    readonly state: 'running' | 'done' | 'failed';
    readonly hash: string | null;
  } | null;
  readonly reviews: readonly ChangeReview[];
  readonly waiting_for: readonly string[];
  readonly freezes_passed: readonly string[];
  readonly policy: { readonly before: string | null; readonly after: string; readonly revision: number } | null;
  readonly versions: readonly (ObjectRef & { readonly version: number; readonly hash: string | null })[];
  readonly you: { readonly author: boolean; readonly approve: string | null };
}

export interface ChangeComment {
  readonly id: string;
  readonly person: string | null;
  readonly actor: string;
  readonly body: string;
  readonly at: number;
}

type Verdict = 'allow' | 'deny' | 'review';
export type Direction = 'widens' | 'narrows' | 'changes' | 'neutral';

interface PreviewCell {
  readonly mark: string;
  readonly text: string;
}

export interface RadiusMove {
  readonly unit: string;
  readonly horizon: string;
  readonly line: 'alone' | 'fooled' | 'bypassed';
  readonly before: string;
  readonly after: string;
  readonly rises: boolean;
  readonly sentence: string;
}

export interface PreviewDocument {
  readonly policy: { readonly revision: number; readonly before: string; readonly after: string };
  readonly direction: Direction;
  readonly summary: readonly string[];
  readonly differences: readonly { readonly direction: Direction; readonly sentence: string }[];
  readonly objects: readonly (ObjectRef & {
    readonly name: string;
    readonly change: 'added' | 'changed' | 'removed' | 'unchanged';
    readonly fields: readonly { readonly path: string; readonly before?: unknown; readonly after?: unknown }[];
    readonly fields_left_out: number;
  })[];
  readonly matrix: {
    readonly changed: number;
    readonly cells: readonly {
      readonly role: string;
      readonly capability: string;
      readonly before: PreviewCell;
      readonly after: PreviewCell;
    }[];
  };
  readonly agents: {
    readonly count: number;
    readonly named: readonly {
      readonly id: string;
      readonly name: string;
      readonly owner: string;
      readonly roles_before: readonly string[];
      readonly roles_after: readonly string[];
    }[];
  };
  readonly tools: readonly {
    readonly roles: readonly string[];
    readonly agents: number;
    readonly before: number;
    readonly after: number;
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly guarded: readonly string[];
  }[];
  readonly lint: { readonly new: readonly Finding[]; readonly resolved: readonly Finding[] };
  readonly misfits: readonly { readonly origin: string; readonly path: string; readonly message: string }[];
  readonly tests: {
    readonly passed: number;
    readonly failed: number;
    readonly files: readonly {
      readonly name: string;
      readonly problems: readonly string[];
      readonly failures: readonly { readonly name: string; readonly differences: readonly string[] }[];
    }[];
  };
  readonly blast_radius: {
    readonly subjects: number;
    readonly changed: number;
    readonly named: readonly {
      readonly kind: 'workspace' | 'role' | 'agent';
      readonly name: string;
      readonly agents: number;
      readonly numbers: readonly RadiusMove[];
    }[];
  };
  readonly replay: {
    readonly days: number;
    readonly coverage: string;
    readonly calls: number;
    readonly changed: number;
    readonly by: readonly {
      readonly before: Verdict;
      readonly after: Verdict;
      readonly rule: string | null;
      readonly calls: number;
    }[];
    readonly changes: readonly {
      readonly event_id: string;
      readonly ts: string;
      readonly agent: string;
      readonly action: string;
      readonly before: Verdict;
      readonly after: Verdict;
      readonly rule: string | null;
    }[];
  } | null;
}

export interface Preview {
  readonly id: string | null;
  readonly state: 'running' | 'done' | 'failed';
  readonly sha256: string | null;
  readonly created: number;
  readonly error: string | null;
  readonly document: PreviewDocument;
}

export interface Requirement {
  readonly people: number;
  readonly groups: readonly string[];
}

export interface ChangeSettings {
  readonly mode: 'direct' | 'reviewed';
  readonly types: readonly string[] | null;
  readonly authority: {
    readonly normal: Readonly<Record<ChangeRisk, Requirement>>;
    readonly emergency: Requirement;
  };
  readonly emergency: {
    readonly alone: boolean;
    readonly review_within_minutes: number;
    readonly escalate_to: readonly string[];
  };
  readonly rollback: 'reviewed' | 'standard';
  readonly when_frozen: 'wait' | 'fail';
  readonly expire_days: number;
  /** How much of the log previews replay. */
  readonly replay_days: number;
  readonly standard: readonly {
    readonly name: string;
    readonly types: readonly string[];
    readonly ids: readonly string[] | null;
    readonly allows: 'narrowing' | { readonly roles_added: readonly string[] };
  }[];
  readonly hash: string;
  readonly author: string | null;
  readonly updated_at: number | null;
}

export interface DriftFinding {
  readonly id: string;
  readonly what: 'object' | 'version' | 'policy' | 'archive';
  readonly object_type: string;
  readonly object_id: string;
  readonly holds: 'approved' | 'denied' | 'gate' | 'told';
  readonly found_at: number;
  readonly resolved_at: number | null;
  readonly event_id: string;
}

export interface Drift {
  readonly checked_at: number | null;
  readonly objects: number;
  readonly found: readonly DriftFinding[];
  readonly resolved: readonly DriftFinding[];
}

export interface PolicyCode {
  readonly repository: string | null;
  readonly commit: string | null;
  readonly author: string | null;
  readonly signature: { readonly status: string; readonly key: string | null } | null;
  readonly change: string | null;
  readonly applied_at: number | null;
  readonly applied_by: string | null;
  readonly drifted: boolean;
  readonly objects: readonly (ObjectRef & {
    readonly name: string;
    readonly state: 'same' | 'changed_here' | 'removed_here' | 'not_in_git';
  })[];
}
