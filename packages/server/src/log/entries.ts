/** What waits for its commit. */
import type { Decision } from '@hivekey/policy';
import type { AgentId, EventId } from '../ids.ts';
import type { Intent, RecordResult, Reservation } from '../path/index.ts';
import type { Credit } from './credits.ts';
import type { RecordText } from './records.ts';
import type { Gate, Ruling } from './types.ts';

/** A call to decide for good and record. */
export interface IntentEntry {
  readonly kind: 'intent';
  readonly intent: Intent;
  readonly eventId: EventId;
  /** When it came, epoch milliseconds: the time on its record. */
  readonly nowMs: number;
  /** Known from the start where no window has a say. */
  readonly ready: Placeable | undefined;
  attempts: number;
  resolve(result: RecordResult): void;
  reject(error: Error): void;
}

/** Any other record. It depends on nothing, so it is tried until it is durable unless `reject` is there. */
export interface PlainEntry {
  readonly kind: 'plain';
  readonly eventId: EventId;
  readonly text: RecordText;
  /** The call whose result this is. */
  readonly settles?: EventId;
  /** What it gives back of the call's reservations. */
  readonly credits?: readonly Credit[];
  /** Keys of the values that the call has used. */
  readonly leaves?: readonly string[];
  attempts: number;
  resolve(): void;
  reject?: (error: Error) => void;
}

export type Entry = IntentEntry | PlainEntry;

/** A decided call with its record. */
interface Placeable {
  readonly decision: Decision;
  readonly text: RecordText;
}

/** One record of a batch, in its order. */
export interface BatchItem {
  readonly entry: Entry;
  readonly text: RecordText;
  readonly agentId?: AgentId;
  readonly decision?: Decision;
  readonly reservations?: readonly Reservation[];
  /** Asked about this call, with its answer. */
  readonly gate?: Gate;
  readonly ruling?: Ruling;
}
