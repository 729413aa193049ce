/** What lint finds: rules that are valid and do not do what they seem to. */
import type { DocumentPath } from '../documents/problems.ts';

/**
 * `error`: the rule does something other than it says, whatever else is in force.
 * `warning`: it leaves open, or catches, more than its author may think.
 * `note`: worth knowing.
 */
export type FindingLevel = 'error' | 'warning' | 'note';

/** Stable; each is explained in docs/reference/lint.md. */
export type FindingCode =
  | 'unreachable'
  | 'never_holds'
  | 'always_holds'
  | 'always_allow'
  | 'dead'
  | 'contradiction'
  | 'grant_refused'
  | 'threshold_without_cap'
  | 'calendar_name'
  | 'first_use_passes'
  | 'unit_undeclared'
  | 'field_absent'
  | 'wildcard_domain'
  | 'loose_match'
  | 'wildcard_reach';

export interface Finding {
  readonly code: FindingCode;
  readonly level: FindingLevel;
  /** Name of the role, or `workspace`. */
  readonly origin: string;
  /** Id of the guard; absent where the finding is about a grant. */
  readonly guard?: string;
  /** Why, in one sentence without its full stop. */
  readonly message: string;
  /** What to do, in one sentence. */
  readonly remedy: string;
  /** From the root of the document in the published shape. */
  readonly path: DocumentPath;
}
