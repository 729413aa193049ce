/** Sinks: where the log is streamed to, as the API gives them. Times are epoch seconds. */

export type SinkKind =
  | 'file'
  | 'webhook'
  | 'splunk'
  | 'elastic'
  | 'otlp'
  | 'sentinel'
  | 'secops'
  | 'datadog'
  | 'syslog'
  | 'relp'
  | 'kafka'
  | 'nats'
  | 's3';

export type SinkFormat = 'native' | 'ocsf-1.8.0' | 'ocsf-1.9.0' | 'ecs-9.4' | 'flat' | 'otlp' | 'udm' | 'cef';

/** Records that a sink may leave out. */
export type SinkLeftOut = 'reads' | 'results' | 'log_reads' | 'sessions' | 'token_issues' | 'drift_checks';

export type SinkState = 'healthy' | 'unconfirmed' | 'lagging' | 'failing' | 'holding' | 'paused' | 'deleted';

export interface SinkLimits {
  readonly events: number;
  readonly bytes: number;
  readonly age_ms: number;
  readonly window: number;
  readonly event_bytes: number;
}

export interface SinkError {
  readonly code: string;
  readonly cause: string;
  readonly at: number | null;
}

/** It waits for a person. */
export interface SinkHold {
  readonly code: string;
  readonly cause: string;
  readonly retry_at: number | null;
}

/** `GET /v1/siem/sinks/:sink` */
export interface Sink {
  readonly object: 'sink';
  readonly id: string;
  readonly name: string;
  readonly kind: SinkKind;
  /** Without credentials. */
  readonly destination: string;
  readonly format: SinkFormat;
  /** Of the kind; credentials are references. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly raw: boolean;
  readonly compact: boolean;
  readonly omit: readonly string[];
  readonly leave_out: readonly SinkLeftOut[];
  /** What is not sent, in words. */
  readonly filter: string | null;
  readonly required: boolean;
  readonly limits: SinkLimits;
  readonly objective_seconds: number;
  readonly status: 'active' | 'paused' | 'deleted';
  readonly status_reason: string | null;
  readonly state: SinkState;
  readonly acknowledgement: {
    readonly strongest: 'stored' | 'received';
    /** Of the last batch. */
    readonly confirmed: boolean | null;
    readonly remarks: readonly string[];
  };
  readonly from_seq: number;
  readonly head_seq: number;
  readonly cursor_seq: number;
  readonly backlog_events: number;
  /** Lag. */
  readonly oldest_unsettled_age_seconds: number;
  readonly gap_seconds: number;
  readonly last_success_at: number | null;
  readonly last_checkpoint_at: number | null;
  readonly checkpoints: number;
  readonly failures: number;
  readonly failing_since: number | null;
  readonly last_error: SinkError | null;
  readonly hold: SinkHold | null;
  readonly dead_letters: number;
  readonly events: number;
  readonly bytes: number;
  readonly retries: number;
  readonly duplicates: number;
  readonly node: string | null;
  readonly created: number;
  readonly created_by: string;
  readonly updated: number;
  readonly updated_by: string;
}

/** `GET /v1/siem/kinds` */
export interface SinkKindDetails {
  readonly object: 'sink_kind';
  readonly kind: SinkKind;
  readonly label: string;
  /** The first one where nothing is said. */
  readonly formats: readonly SinkFormat[];
  readonly raw: boolean;
  readonly compact: boolean;
  readonly acknowledgement: 'stored' | 'received';
  readonly limits: SinkLimits;
  readonly objective_seconds: number;
  /** JSON Schema. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** `POST /v1/siem/sinks/test` */
export interface SinkTest {
  readonly object: 'sink_test';
  readonly destination: string;
  readonly delivered: boolean;
  readonly confirmed: boolean;
  readonly code: string | null;
  readonly cause: string | null;
  readonly took_ms: number;
  readonly remarks: readonly string[];
  readonly event_id: string;
  /** As it went out. */
  readonly event: string;
}

export interface SinkReplay {
  readonly object: 'sink_replay';
  readonly id: string;
  readonly purpose: 'replay' | 'redrive';
  readonly from_seq: number;
  readonly to_seq: number;
  readonly cursor_seq: number;
  readonly status: 'running' | 'done' | 'cancelled';
  readonly reason: string | null;
  readonly events: number;
  readonly last_error: SinkError | null;
  readonly hold: SinkHold | null;
  readonly created: number;
  readonly created_by: string;
  readonly finished_at: number | null;
}

export interface SinkDeadLetter {
  readonly object: 'sink_dead_letter';
  readonly id: string;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly entries: number;
  /** False: so many of the range, and the receiver did not say which. */
  readonly which: boolean;
  readonly event_id: string | null;
  readonly kind: string | null;
  readonly code: string;
  readonly cause: string;
  readonly status: 'waiting' | 'redriving' | 'redriven' | 'dropped';
  readonly created: number;
  readonly changed_at: number | null;
  readonly changed_by: string | null;
  readonly reason: string | null;
}

/** A day of the log, and what became of it. */
export interface SinkLedgerDay {
  readonly object: 'sink_ledger_day';
  /** UTC, of the record. */
  readonly day: string;
  readonly produced: number;
  readonly accepted: number;
  readonly unconfirmed: number;
  readonly rejected: number;
  readonly filtered: number;
  readonly retried: number;
  readonly replayed: number;
  readonly duplicates: number;
  readonly checkpoints: number;
  readonly bytes: number;
  readonly max_lag_s: number;
  readonly gap_minutes: number;
  readonly first_seq: number | null;
  readonly last_seq: number | null;
  readonly acknowledgement: 'stored' | 'received';
  /** With `prove=true`. */
  readonly in_log: number | null;
  readonly proven: boolean | null;
}

interface Place {
  readonly seq: number;
  readonly entry_hash: string;
  readonly hash: string;
}

/** What the receiver should have of a range. */
export interface SinkCompleteness {
  readonly object: 'sink_completeness';
  readonly from_seq: number;
  readonly to_seq: number;
  readonly cursor_seq: number;
  readonly in_log: number;
  readonly left_out: number;
  readonly settled: number;
  readonly set_aside: number;
  readonly open: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly first: Place | null;
  readonly last: Place | null;
  /** SHA-256 of the entry hashes of what goes out. */
  readonly digest: string;
  readonly filter: string | null;
}

export interface SinkSkip {
  readonly object: 'sink_skip';
  readonly id: string;
  readonly to_seq: number;
  readonly reason: string;
  readonly status: 'proposed' | 'confirmed' | 'withdrawn' | 'expired';
  readonly proposed_at: number;
  readonly proposed_by: string;
  readonly proposed_by_person: string;
  readonly answer_by: number;
  readonly answered_at: number | null;
  readonly answered_by: string | null;
}
