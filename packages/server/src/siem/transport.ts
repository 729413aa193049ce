/** How a batch reaches a receiver. One folder for each kind of receiver; the shipper knows this alone. */
import type { StreamItem } from '@hivekey/siem';

/** One event as it goes out. */
export interface OutgoingEvent {
  readonly item: StreamItem;
  /** The key by which a receiver drops duplicates: `event_id`, or the id of the checkpoint. */
  readonly id: string;
  readonly kind: string;
  /** Epoch milliseconds of the record. */
  readonly time: number;
  /** The item in the format of the sink: JSON on one line, or one line of CEF. Never empty, no control characters. */
  readonly body: string;
}

/** Events in the order of the log. Sent again, a batch holds the same events with the same bytes. */
export interface Batch {
  readonly events: readonly OutgoingEvent[];
  /** `<sink>:<first seq>-<last seq>`, with the checkpoint where there is one: the same at each attempt. */
  readonly id: string;
  readonly attempt: number;
}

export interface Rejection {
  /** Place in `events`. */
  readonly index: number;
  /** In words, without anything secret. */
  readonly why: string;
}

/** What the receiver said, as far as it settles anything. Codes are ours: `receiver_busy`, `credential_refused`, … */
export type Delivery =
  /** Everything is taken. `confirmed`: the receiver says that it is stored, and not only that it was read. */
  | { readonly kind: 'taken'; readonly confirmed: boolean; readonly duplicates?: number }
  /** The receiver answered for each event: these are refused for good, those are to be sent again, the rest is taken. */
  | {
      readonly kind: 'partly';
      readonly confirmed: boolean;
      readonly rejected: readonly Rejection[];
      readonly again: readonly number[];
      readonly why: string;
    }
  /** Nothing is known to be taken; the same batch again, not before `afterMs`. */
  | { readonly kind: 'retry'; readonly code: string; readonly why: string; readonly afterMs?: number }
  /** Too large, or one event of it is refused and the receiver does not say which: halves are sent, down to the one. */
  | { readonly kind: 'split'; readonly code: string; readonly why: string }
  /** Taken but for `rejected` of them, and the receiver does not say which, and must not be asked again (OTLP). */
  | { readonly kind: 'short'; readonly rejected: number; readonly why: string }
  /** Credentials or settings are wrong: a person is needed. */
  | { readonly kind: 'hold'; readonly code: string; readonly why: string };

export interface Transport {
  /** Never rejects; aborts with `signal` as a `retry`. Called again only after it has answered, unless `window` is above 1. */
  send(batch: Batch, signal: AbortSignal): Promise<Delivery>;
  /** What of the receiver's own settings weakens what it says, in words, as far as known by now: for the health of the sink. */
  remarks?(): readonly string[];
  close(): Promise<void>;
}

export interface BatchLimits {
  readonly events: number;
  /** Of bodies together, before compression. */
  readonly bytes: number;
  /** A batch with room goes out when its first record is this old, milliseconds. */
  readonly ageMs: number;
  /** Largest event that is sent at all; a larger one is cut by its mapper or set aside. */
  readonly eventBytes: number;
  /** Batches in flight at once; settled in order. */
  readonly window: number;
}
