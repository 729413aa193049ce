/** Tie-outs with the tools' own lists, as the API answers them; see docs/guides/evidence.md. Times are ISO 8601. */

/** Which column of a file has what. */
export interface TieOutMapping {
  readonly time?: string;
  readonly reference?: string;
  readonly aliases?: readonly string[];
  readonly type?: string;
  readonly status?: string;
  readonly amount?: string;
  /** The amount is in minor units. */
  readonly minor?: boolean;
  readonly currency?: string;
  readonly fixed_currency?: string;
  /** Which count; all when absent. */
  readonly types?: readonly string[];
  readonly statuses?: readonly string[];
}

export type TieOutSource =
  | { readonly kind: 'csv'; readonly content: string; readonly file?: string; readonly mapping: TieOutMapping }
  | { readonly kind: 'stripe_csv' | 'sendgrid_csv' | 'postmark_csv'; readonly content: string; readonly file?: string }
  | { readonly kind: 'stripe' | 'sendgrid' | 'postmark'; readonly credential: string; readonly url?: string };

export interface NewTieOut {
  readonly tool: string;
  /** Absent: all of the tool. */
  readonly capabilities?: readonly string[];
  /** Inclusive. */
  readonly from: string;
  /** Exclusive; not in the future. */
  readonly to: string;
  readonly source: TieOutSource;
  readonly reason?: string;
}

export interface TieOutTotals {
  readonly count: number;
  /** Currency → minor units. */
  readonly sums: Readonly<Record<string, number>>;
}

export interface TieOut {
  readonly id: string;
  readonly object: 'tie_out';
  readonly tool: string;
  readonly capabilities: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly source: Readonly<Record<string, unknown>>;
  readonly sha256: string;
  readonly bytes: number;
  readonly rows: number;
  readonly rows_counted: number;
  readonly left_out: Readonly<Record<string, number>>;
  readonly through_seq: number;
  readonly compared_by: 'reference' | 'count' | 'day';
  readonly matched: number;
  readonly ours: TieOutTotals;
  readonly theirs: TieOutTotals;
  readonly differences: number;
  readonly explained: number;
  readonly state: 'equal' | 'explained' | 'different';
  readonly reason: string;
  readonly imported_by: string;
  readonly person: string | null;
  readonly imported_at: string;
  readonly event_id: string;
}

export interface TieOutDifference {
  readonly id: string;
  readonly object: 'tie_out_difference';
  readonly n: number;
  readonly kind: 'only_here' | 'only_there' | 'amount_differs' | 'count_differs' | 'twice_here' | 'twice_there';
  readonly reference: string | null;
  readonly call_event_id: string | null;
  readonly at: string | null;
  readonly currency: string | null;
  readonly ours_minor: number | null;
  readonly theirs_minor: number | null;
  readonly ours_count: number | null;
  readonly theirs_count: number | null;
  readonly words: string;
  readonly explanations: readonly {
    readonly explanation: string;
    readonly explained_by: string;
    readonly explained_at: string;
    readonly event_id: string;
  }[];
}

export interface TieOutCoverage {
  readonly object: 'tie_out_coverage';
  readonly tool: string;
  readonly moves: readonly string[];
  readonly calls: number;
  readonly tie_outs: number;
  /** Without a hole from the beginning of the period; null: not from there. */
  readonly covered_through: string | null;
  readonly is_covered: boolean;
  readonly state: 'equal' | 'explained' | 'different' | 'none';
}
