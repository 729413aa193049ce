/** Answers to an auditor's four questions about an agent; see docs/guides/evidence.md. Times are ISO 8601. */

export type AnswerQuestion = 'authority' | 'blast_radius' | 'activity' | 'revocation';

export interface AnswerClaim {
  readonly topic: string;
  readonly sentence: string;
  readonly at: string | null;
  readonly by: string | null;
  /** Id of the record of the log that says so. */
  readonly record: string | null;
  /** What it was computed from, where no record says it. */
  readonly computed_from: string | null;
  /** There should be a record, and there is none. */
  readonly missing: boolean;
}

export interface AnswerTable {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

export interface Answer {
  readonly object: 'answer';
  readonly question: AnswerQuestion;
  readonly asked: string;
  readonly agent: string;
  readonly agent_id: string;
  readonly as_of: string;
  /** Half-open; null where the answer is about one instant. */
  readonly period: { readonly from: string; readonly to: string } | null;
  readonly sentence: string;
  readonly claims: readonly AnswerClaim[];
  readonly tables: readonly AnswerTable[];
  readonly not_covered: readonly string[];
}
