/** Samples of evidence, as the API answers them; see docs/guides/evidence.md. Times are ISO 8601. */

export type SampleMethod = 'random' | 'stratified' | 'monetary_unit';

export interface NewSample {
  /** Id of a report. */
  readonly report: string;
  /** Absent: its first table. */
  readonly table?: string;
  /** Inclusive. */
  readonly from: string;
  /** Exclusive. */
  readonly to: string;
  readonly parameters?: Readonly<Record<string, string>>;
  /** `random` when absent. */
  readonly method?: SampleMethod;
  /** A column such as `verdict` or `agent_id`, or `day`. Of a stratified sample. */
  readonly stratify_by?: string;
  /** `amount_minor` when absent. Of a monetary unit sample. */
  readonly amount?: string;
  readonly currency?: string;
  /** 1 to 1,000. */
  readonly size: number;
  /** 8 to 128 letters, digits, `.`, `_` and `-`. */
  readonly seed: string;
  readonly reason?: string;
}

export interface Sample {
  readonly id: string;
  readonly object: 'sample';
  readonly report: string;
  readonly table: string;
  readonly from: string;
  readonly to: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly as_of: string;
  readonly population: { readonly count: number; readonly sha256: string; readonly total_minor: string | null };
  readonly method: SampleMethod;
  readonly stratify_by: string | null;
  readonly strata: readonly { readonly stratum: string; readonly population: number; readonly drawn: number }[];
  readonly amount: string | null;
  readonly currency: string | null;
  readonly size: number;
  readonly seed: string;
  /** The how manieth of this table and period. */
  readonly draw: number;
  readonly reason: string;
  readonly status: 'requested' | 'drawn';
  readonly count: number | null;
  readonly list_sha256: string | null;
  readonly requested_by: string;
  readonly person: string | null;
  readonly engagement: string | null;
  readonly requested_at: string;
  readonly requested_event_id: string;
  readonly drawn_at: string | null;
  readonly drawn_event_id: string | null;
}

export interface SampleItem {
  readonly object: 'sample_item';
  readonly n: number;
  readonly unit_id: string;
  /** SHA-256(seed ‖ unit_id), hex. */
  readonly rank: string;
  readonly stratum: string;
  readonly amount_minor: string | null;
  readonly hits: number;
  /** By names of columns, as it was when it was drawn. */
  readonly row: Readonly<Record<string, unknown>>;
}

export interface PackRecord {
  readonly event_id: string;
  readonly seq: number;
  readonly kind: string;
  readonly ts: string;
  readonly entry_hash: string;
  readonly record: Readonly<Record<string, unknown>>;
  /** For `hivekey verify`; null where the payload has left the log. */
  readonly proof: Readonly<Record<string, unknown>> | null;
}

export interface EvidencePack {
  readonly object: 'evidence_pack';
  readonly sample: string;
  readonly report: string;
  readonly table: string;
  readonly item: SampleItem;
  readonly action: PackRecord | null;
  readonly result: PackRecord | null;
  readonly approval: {
    readonly id: string;
    readonly view_sha256: string | null;
    readonly view: Readonly<Record<string, unknown>> | null;
    readonly records: readonly PackRecord[];
  } | null;
  readonly policy: {
    readonly hash: string;
    readonly revision: number | null;
    readonly role: string | null;
    readonly role_rev: number | null;
    readonly rule: string | null;
    readonly activated: PackRecord | null;
  } | null;
  readonly owner_at_time: string | null;
  readonly tool_reference: string | null;
  readonly records: readonly PackRecord[];
  /** What there is no record of, in words. */
  readonly no_record: readonly string[];
}
