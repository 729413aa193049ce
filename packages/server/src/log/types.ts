/** What the rest of the server knows of the action log. Only `log/index.ts` is imported from outside the folder. */
import type { LogRecord, RecordKind } from '@hivekey/action-log';
import type { Decision, UsedValue, WindowDemand, WindowUsage } from '@hivekey/policy';
import type { ClientBase, PoolClient } from 'pg';
import type { EventId, WorkspaceId } from '../ids.ts';
import type { CallReference, Intent, Outcome, RecordResult } from '../path/index.ts';

/** Fields of an administrative or system record, without what the writer adds (v, event_id, ts, workspace, env, shard, shard_seq). */
export interface RecordDraft {
  readonly kind: RecordKind;
  readonly [field: string]: unknown;
}

/** The transaction of the log: state changes made through `client` commit together with the records. */
export interface LoggedTransaction {
  readonly client: PoolClient;
  /** Database time of the transaction. */
  readonly now: Date;
  /** Adds a record; it is durable exactly when the changes are. */
  log(draft: RecordDraft): EventId;
  /** Has a step run once before the commit, however often it is asked for: the first one of each key. What it throws rolls all of it back. */
  atEnd(key: string, step: () => Promise<void>): void;
}

/** What a change did, before it commits: it may add to it, and what it throws rolls all of it back. */
export type BeforeCommit = (transaction: LoggedTransaction, done: DoneChange) => Promise<void>;

/** One after the other. */
export function inTurn(...looks: readonly BeforeCommit[]): BeforeCommit {
  return async (transaction, done) => {
    for (const look of looks) await look(transaction, done);
  };
}

export interface DoneChange {
  readonly workspaceId: WorkspaceId;
  /** Its records so far. */
  readonly records: readonly RecordDraft[];
  /** And their ids, in the same order. */
  readonly eventIds: readonly EventId[];
  /** Keys of the steps that run after this. */
  readonly steps: ReadonlySet<string>;
}

/**
 * Something beside windows that has a say about one intent, and is kept in the transaction of its record. It is
 * asked while the rows of workspace and agent are locked, so that of one agent only one is asked at a time.
 */
export interface Gate {
  /** No two gates of one key are asked in one transaction: the second intent is decided again. Undefined where that does not matter. */
  readonly key: string | undefined;
  /** Further keys of which the same is true. */
  readonly alsoKeys?: readonly string[];
  /** Whether the intent may not be recorded with this decision before the gate was asked. */
  concerns(decision: Decision): boolean;
  /** Reads, and locks, what it rules by. Once for each transaction. */
  read(client: ClientBase): Promise<void>;
  /**
   * Pure: the same answer for the same decision, however often. `nowMs`: the database's time. `approvalId`: of the
   * approval that a gate before this one has released the call from.
   */
  rule(decision: Decision, call: GatedCall, approvalId?: string): Ruling;
  /** Keeps what it ruled last. Sent with the record: either both are durable or none. */
  write(client: ClientBase): Promise<unknown>;
}

export interface GatedCall {
  readonly eventId: EventId;
  readonly nowMs: number;
}

export type Ruling =
  /** What it was made for is there no more: nothing is recorded. */
  | { readonly kind: 'stale' }
  | {
      readonly kind: 'ruled';
      readonly decision: Decision;
      /** Stands on the record of the call. */
      readonly approvalId?: string;
      /** Recorded behind the call. */
      readonly records: readonly RecordDraft[];
    };

export interface ActionLog {
  /** Group-committed durable intent. Rejects with LogUnavailable when it could not be made durable. */
  recordIntent(intent: Intent): Promise<RecordResult>;
  /** How an allowed call ended. Retried until durable; never throws on a database outage, resolves when written. */
  recordOutcome(call: CallReference, outcome: Outcome): Promise<void>;
  /** The result of the call is not owed by this node any more: whoever closes its permit in the database records it. */
  handOver(call: CallReference): void;
  /** Runs a state change and its records in one transaction of the workspace's writer, alone in its batch. Whatever `change` throws rolls all of it back. */
  transact<T>(workspaceId: WorkspaceId, change: (transaction: LoggedTransaction) => Promise<T>): Promise<T>;
  /** A record that goes with no state change (a read of the log, a start of the system), group-committed. Rejects with LogUnavailable. */
  record(workspaceId: WorkspaceId, draft: RecordDraft): Promise<EventId>;
  /** How full the demanded windows are now, in the same order. Reserves nothing. Rejects when the database does not answer. */
  usage(workspaceId: WorkspaceId, demands: readonly WindowDemand[]): Promise<readonly WindowUsage[]>;
  /** Which of these values were used before. Rejects when the database does not answer. */
  usedValues(workspaceId: WorkspaceId, keys: readonly string[]): Promise<readonly UsedValue[]>;
  /** Stops accepting, waits for what is queued, releases the shards. */
  close(): Promise<void>;
}

/**
 * The database refused, is gone, or the writer lost its shard. No caller may go on: an intent was not recorded, or
 * is called off as not attempted. Only of a change of state whose commit was under way when the database went away
 * is it not known whether it took place; the message says so.
 */
export class LogUnavailable extends Error {
  readonly code = 'log_unavailable';
}

/** More is waiting for its commit than may be kept in memory. Nothing was recorded. */
export class LogOverloaded extends Error {
  readonly code = 'overloaded';
}

export type { LogRecord };
