/** Evidence: reports of a period, and files of them. */

export type EvidenceFormat = 'csv' | 'xlsx' | 'json' | 'jsonl' | 'ipe' | 'pdf' | 'zip';

export interface EvidenceColumn {
  name: string;
  kind: 'id' | 'text' | 'integer' | 'number' | 'boolean' | 'time' | 'list' | 'json';
  about: string;
}

export interface EvidenceReport {
  object: 'evidence_report';
  id: string;
  /** Number of the evidence item, 1 to 9; 0 goes along with them. */
  item: number;
  /** Of the bundle. */
  folder: string;
  title: string;
  about: string;
  controls: string[];
  tables: { name: string; title: string; columns: EvidenceColumn[] }[];
  formats: EvidenceFormat[];
  /** How the population is selected. */
  query: string;
  /** Name → what it narrows; beside the period. */
  parameters: Record<string, string>;
}

/** Half-open: `from` included, `to` not. ISO 8601. */
export interface EvidencePeriod {
  from: string;
  to: string;
}

/** Information produced by the entity: where a table comes from. */
export interface EvidenceHeader {
  report_id: string;
  title: string;
  control_ids: string[];
  system: string;
  environment: string;
  tenant: string;
  query_id: string;
  query_text: string;
  parameters: Record<string, unknown>;
  code_version: string;
  policy_hash: string | null;
  period_from: string;
  period_to: string;
  as_of: string;
  generated_by: { person: string; session: string | null };
  generator: string;
  first_seq: number | null;
  last_seq: number | null;
  gaps: { from: string; to: string; reason: string }[];
  control_totals: Record<string, number | string>;
  source_counts: Record<string, number>;
  tie_out: 'equal' | { difference: number; reason: string };
  filters: string[];
  exclusions: { what: string; count: number; reason: string }[];
  redactions: { fields: string[]; rule: string; count: number }[];
  chain_head: string | null;
  checkpoint_id: string | null;
  tsa_token: string | null;
  sample_data: boolean;
}

export interface EvidenceSummary {
  object: 'evidence_summary';
  report: string;
  from: string;
  to: string;
  as_of: string;
  tables: { name: string; title: string; row_count: number; header: EvidenceHeader }[];
}

export interface EvidenceRows {
  object: 'evidence_rows';
  report: string;
  table: string;
  /** Of all pages. */
  as_of: string;
  columns: string[];
  /** Cells in the order of the columns; null is an empty cell. */
  rows: unknown[][];
  has_more: boolean;
  /** Null at the end, and after the first 10,000 rows: the file has all of them. */
  next_cursor: string | null;
}

/** A report of a period; `parameters` are those that the report names. */
export interface EvidenceQuery extends EvidencePeriod {
  parameters?: Record<string, string>;
}

export interface EvidenceRowsQuery extends EvidenceQuery {
  /** Absent: the first one. */
  table?: string;
  limit?: number;
  cursor?: string;
}

export interface EvidenceFileQuery extends EvidenceQuery {
  /** Absent: the first one. A workbook has all of them. */
  table?: string;
  format?: EvidenceFormat;
}
