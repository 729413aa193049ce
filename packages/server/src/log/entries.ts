/** What waits for its commit. */
import type { Decision } from '@hivekey/policy';
import type { AgentId, EventId } from '../ids.ts';
import type { Intent, RecordResult } from '../path/index.ts';
import type { RecordText } from './records.ts';
import type { Reservation } from './windows.ts';

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
  /** Reservations to give back: the call never began. */
  readonly release?: readonly Reservation[];
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
}
