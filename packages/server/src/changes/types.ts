/** A change request: what it asks for, how far it is, and who said what about it. */
import type { JsonValue } from '@hivekey/policy';
import type { ObjectRef } from '../versions/index.ts';

/**
 * `normal`: somebody else approves it before. `standard`: fits a pattern that was approved before. `emergency`: in force at
 * once by two people, or by one with a review afterwards that has a deadline. `rollback`: puts back what an earlier change
 * replaced. `direct`: made where changes are not reviewed.
 */
export type ChangeClass = 'normal' | 'standard' | 'emergency' | 'rollback' | 'direct';

export type ChangeRisk = 'low' | 'medium' | 'high' | 'critical';

export type ChangeStatus =
  | 'draft'
  /** Nothing of it changes any more; what the reviewers see is stored. */
  | 'submitted'
  | 'approved'
  /** Approved, and in force at `activate_at`. */
  | 'scheduled'
  | 'activated'
  | 'rejected'
  | 'withdrawn'
  /** What it was drafted on is not there any more: it is drafted again. */
  | 'stale'
  | 'expired'
  | 'rolled_back';

/** One object's document in place of another. */
export interface ChangeOperation extends ObjectRef {
  /** What is asked for; null: that it be removed. */
  readonly document: JsonValue | null;
  /** Content hash of what it was drafted on; null: there was none. */
  readonly base: string | null;
}

/** Where a change that was planned from files comes from. */
export interface ChangeSource {
  readonly repository: string;
  readonly commit: string;
  /** `Dana <dana@acme.example>`, as Git has it. */
  readonly author: string;
  /** What Git says of the commit's signature: `good`, `bad`, `none`, `unknown`, with its key. */
  readonly signature: { readonly status: 'good' | 'bad' | 'none' | 'unknown'; readonly key: string | null };
}
