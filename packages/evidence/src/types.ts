/** What evidence is made of: tables of a period, and the header that says where they come from. */

/** Half-open, `from` included and `to` not; ISO 8601 UTC with milliseconds and `Z`. */
export interface Period {
  readonly from: string;
  readonly to: string;
}

/**
 * How a cell is written. `id` and `text` are strings; `integer` is a number or bigint and never loses a digit; `time` is ISO 8601
 * UTC with `Z`; `list` is joined with `; ` in CSV and XLSX and stays an array in JSON; `json` is canonical JSON (RFC 8785) there.
 * Money is an `integer` in minor units beside a column with the currency.
 */
export type CellKind = 'id' | 'text' | 'integer' | 'number' | 'boolean' | 'time' | 'list' | 'json';

export interface Column {
  readonly name: string;
  readonly kind: CellKind;
  /** One sentence for whoever reads the file without us. */
  readonly about: string;
}

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
/** `null` is an empty cell: nothing is known or nothing applies, as the column says. */
export type Cell = Json | bigint;
/** In the order of the columns. */
export type Row = readonly Cell[];

/** A table by its name (also the stem of its files) and columns, which do not depend on the data. */
export interface TableShape {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
}

/** Rows are read once, in a fixed order, and need not fit into memory. */
export interface Table extends TableShape {
  readonly rows: AsyncIterable<Row>;
}

/** What is known about a population once it was read to its end. */
export interface Facts {
  /** Rows as the source counts them, apart from what was written: by name of the source, e.g. `database`, `log`, `tool:stripe`. */
  readonly source_counts: Readonly<Record<string, number>>;
  /** Sums and counts that a reader computes again from the file, e.g. `count.verdict.deny`, `sum.amount_minor.USD`. */
  readonly control_totals: Readonly<Record<string, number | string>>;
  readonly first_seq: number | null;
  readonly last_seq: number | null;
  /** Ranges that should be there and are not. */
  readonly gaps: readonly { readonly from: string; readonly to: string; readonly reason: string }[];
  readonly filters: readonly string[];
  readonly exclusions: readonly { readonly what: string; readonly count: number; readonly reason: string }[];
  readonly redactions: readonly { readonly fields: readonly string[]; readonly rule: string; readonly count: number }[];
  readonly tie_out: 'equal' | { readonly difference: number; readonly reason: string };
}

/** Information produced by the entity: the header that goes with every file (`*.ipe.json`, first sheet, first page). */
export interface IpeHeader extends Facts {
  readonly report_id: string;
  readonly title: string;
  readonly control_ids: readonly string[];
  readonly system: string;
  readonly environment: string;
  readonly tenant: string;
  readonly query_id: string;
  readonly query_text: string;
  readonly parameters: Readonly<Record<string, Json>>;
  readonly code_version: string;
  readonly policy_hash: string | null;
  readonly period_from: string;
  readonly period_to: string;
  readonly as_of: string;
  readonly generated_at: string;
  readonly generated_by: { readonly person: string; readonly session: string | null };
  readonly generator: string;
  readonly row_count: number;
  /** Cells of the CSV that are not written as they are: a spreadsheet would take them for a formula, or obey a character in them. */
  readonly neutralised_cells: number;
  /** Of the CSV file, which is the record. */
  readonly sha256: string;
  readonly chain_head: string | null;
  readonly checkpoint_id: string | null;
  readonly tsa_token: string | null;
  /** That data is made up for showing the product, where it is. */
  readonly sample_data: boolean;
}
