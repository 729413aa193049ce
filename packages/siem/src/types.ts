/** What goes out to a receiver, before and after it is mapped. */
import type { LogRecord } from '@hivekey/action-log';

/** An entry of the log, with the exact bytes that were hashed. Hashes print as `sha256:<hex>`. */
export interface StreamEntry {
  readonly type: 'entry';
  /** Gapless in the workspace, from 1. */
  readonly seq: number;
  readonly entryHash: string;
  readonly prevHash: string;
  readonly hash: string;
  /** The record in its RFC 8785 form, as it was hashed. */
  readonly canonical: string;
  /** What `canonical` says. */
  readonly record: LogRecord;
  /** The payload has left the log: `canonical` stands in for what was hashed, and never goes out as the exact record. */
  readonly absent?: object;
}

/** The state of the log as it was signed, with what was sent since the one before: belongs to the stream, and has no `seq`. */
export interface StreamCheckpoint {
  readonly type: 'checkpoint';
  /** `ckp_<sink>_<number>`: numbers of a sink count up. The same at each sending of the same checkpoint. */
  readonly id: string;
  /** ISO 8601, UTC, milliseconds. */
  readonly ts: string;
  readonly workspace: string;
  readonly env: string;
  readonly sink: string;
  readonly treeSize: number;
  /** `sha256:<hex>`. */
  readonly rootHash: string;
  /** C2SP signed note, complete. */
  readonly note: string;
  /** The last global number before it in the stream. */
  readonly cursorSeq: number;
  /** Entries of each kind between the checkpoint before and this one; what a filter left out is not among them. */
  readonly counts: Readonly<Record<string, number>>;
  /** What is not sent, in words; null: everything is. */
  readonly filter: string | null;
}

export type StreamItem = StreamEntry | StreamCheckpoint;

export const FORMATS = ['native', 'ocsf-1.8.0', 'ocsf-1.9.0', 'ecs-9.4', 'flat', 'otlp', 'udm', 'cef'] as const;
export type Format = (typeof FORMATS)[number];

export interface MapSettings {
  /** Whether the exact record travels inside the event. Off in a format that has no place for it, and for what is redacted. */
  readonly raw: boolean;
  /** Without arguments, trace and raw bytes. */
  readonly compact: boolean;
  /** The event is sent again, on somebody's order. */
  readonly replayed: boolean;
  /** Names of fields of the record that do not go out. A record that has one goes out without its raw bytes. */
  readonly omit: readonly string[];
  /**
   * Longest event, in UTF-8 bytes. What is longer is made shorter in steps (without raw bytes, compact, the envelope
   * alone), and names in `omitted` what is missing. At least 4,096 is always allowed. Absent: as long as it is.
   */
  readonly maxBytes?: number;
}
