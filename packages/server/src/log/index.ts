/** The action log: durable records in the path, one sealed and signed log behind it, and reading it. */
import type { KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EventProof, type SigningKey, signingKey, signNote } from '@hivekey/action-log';
import type { UsedValue, WindowDemand, WindowUsage } from '@hivekey/policy';
import type { Pool, PoolClient } from 'pg';
import { type Listener, listen } from '../database/index.ts';
import type { EventId, WorkspaceId } from '../ids.ts';
import type { Logger, LogObserver } from '../observability/index.ts';
import type { CallReference, Intent, Outcome, RecordResult } from '../path/index.ts';
import {
  type AskedWindow,
  type BudgetComparison,
  type BudgetState,
  compareBudgets,
  databaseTimeUs,
  readBudgets,
} from './budgets.ts';
import {
  CheckpointCopies,
  checkOutsideMemory,
  checkpointsBehind,
  compareOutsideMemory,
  newestCheckpoint,
  type OutsideMemory,
  type SignedCheckpoint,
  type StoredCheckpoint,
} from './checkpoints.ts';
import type { EventFilter } from './event-filter.ts';
import { type ExportOptions, exportLog, type LogExport } from './export.ts';
import { Keeper } from './keeper.ts';
import { type LetGo, letGo } from './let-go.ts';
import { News } from './news.ts';
import {
  compareProjection,
  ensureMonths,
  LOG_CHANNEL,
  type ProjectionDifference,
  projectedSize,
  rebuildProjection,
} from './projector.ts';
import { proveEvent } from './proof.ts';
import { readUsage } from './read-windows.ts';
import { type EventPage, findEvent, followEvents, type LogEvent, listEvents, type Page } from './reader.ts';
import { recoverLostCalls } from './recovery.ts';
import { SEALED_CHANNEL, Sealer } from './sealer.ts';
import { type StoredEntry, storedEntries } from './stored-entries.ts';
import {
  type ActionLog,
  type BeforeCommit,
  type LoggedTransaction,
  LogUnavailable,
  type RecordDraft,
} from './types.ts';
import { findUsedValues, forgetUsedValues } from './used-values.ts';
import { clearWindows } from './window-upkeep.ts';
import { Writer } from './writer.ts';

export { readFor, TookTooLong } from './bounded.ts';
export type { BudgetState } from './budgets.ts';
export { changesOf } from './changes.ts';
export type { SignedCheckpoint } from './checkpoints.ts';
export { COUNTED_DIMENSIONS, type Count, type CountFilter, countsBy, countsOf, type Period, topOf } from './counts.ts';
export { agentIdOf, type EventFilter, selectionOf, whereOf } from './event-filter.ts';
export type { ExportOptions, LogExport } from './export.ts';
export type { LogEvent } from './reader.ts';
export { recordLines, seqFrom } from './record-lines.ts';
export { type SealedEntry, sealedEntries } from './sealed-entries.ts';
export type { StoredEntry } from './stored-entries.ts';
export type * from './types.ts';

const RECOVER_EVERY_MS = 60_000;
const UPKEEP_EVERY_MS = 3_600_000;
const SIGNED_WITHIN_MS = 30_000;
const SIGNED_LOOK_MS = 50;

export interface ActionLogOptions {
  /** Connects as the application role. */
  readonly pool: Pool;
  /** URL of the application role, for the writers' own connections and LISTEN. */
  readonly connectionString: string;
  /** The same at each start of this node, and different from every other node's. */
  readonly nodeId: string;
  /** First part of the logs' names; the second is the workspace id. The name is the origin of the checkpoints. */
  readonly name?: string;
  /** Ed25519. */
  readonly signingKey: KeyObject;
  readonly checkpointFile?: string;
  readonly witnessUrl?: string;
  readonly logger?: Logger;
  readonly observe?: LogObserver;
  /** Epoch milliseconds. */
  readonly clock?: () => number;
  readonly limits?: Partial<LogLimits>;
  /** Sees every change of state before it commits. */
  readonly beforeCommit?: BeforeCommit;
}

interface LogLimits {
  /** Longest wait for the database before a caller is refused. */
  readonly timeoutMs: number;
  /** Most records in one commit. */
  readonly maxBatch: number;
  /** Most records waiting for a commit; more are refused as overloaded. */
  readonly maxQueue: number;
  /** A grown tree is signed when its last checkpoint is this old. */
  readonly checkpointAfterMs: number;
  /** And one that did not grow. */
  readonly idleCheckpointAfterMs: number;
}

const LIMITS: LogLimits = {
  timeoutMs: 5_000,
  maxBatch: 512,
  maxQueue: 8_192,
  checkpointAfterMs: 1_000,
  idleCheckpointAfterMs: 60_000,
};

export interface LogHealth {
  /** Whether the last commit, or attempt at one, went well. */
  readonly writable: boolean;
  readonly copies: readonly {
    readonly workspaceId: WorkspaceId;
    readonly destination: string;
    readonly treeSize: number;
    readonly lastError: string | null;
    /** How long there has been a checkpoint that is not copied there; 0 when the newest is. */
    readonly behindSeconds: number;
  }[];
}

/** The log, running: {@link ActionLog} for the path and the control plane, and everything that reads. */
export interface RunningLog extends ActionLog {
  list(workspaceId: WorkspaceId, filter: EventFilter, page: Page): Promise<EventPage>;
  /** The event and, for a call, its result. */
  find(workspaceId: WorkspaceId, eventId: string): Promise<{ event: LogEvent; result: LogEvent | null } | undefined>;
  /** Undefined when there is no such event. A fresh event is sealed and signed first. */
  prove(workspaceId: WorkspaceId, eventId: string): Promise<EventProof | undefined>;
  /** Every matching event from the global number on, as they come, until `signal` aborts. */
  follow(
    workspaceId: WorkspaceId,
    fromSeq: number,
    filter: EventFilter,
    signal: AbortSignal,
  ): AsyncGenerator<LogEvent, void, undefined>;
  /** Entries as they are stored, from the global number on, a few megabytes at most; none at the end of what is sealed. `maxBlocks`: of at most so many commits. */
  entries(workspaceId: WorkspaceId, first: number, maxBlocks?: number): Promise<readonly StoredEntry[]>;
  /** The last global number that can be read; 0 for an empty log. */
  size(workspaceId: WorkspaceId): Promise<number>;
  /** Resolves when `entries` has more than when it was called, or `signal` aborts. News may be lost: look by yourself too. */
  news(workspaceId: WorkspaceId, signal: AbortSignal): Promise<void>;
  /** The newest signed checkpoint; undefined for an empty log. */
  checkpoint(workspaceId: WorkspaceId): Promise<StoredCheckpoint | undefined>;
  /** Checkpoints that were signed after the one with this id (0: all), of at most `maxSize` entries, the oldest first. */
  checkpointsBehind(workspaceId: WorkspaceId, after: number, maxSize: number): Promise<readonly SignedCheckpoint[]>;
  /** The copy of checkpoints in the file against the database, now; undefined where the file has none. Throws `checkpoint_file_unreadable`. */
  outsideMemory(workspaceId: WorkspaceId): Promise<OutsideMemory | undefined>;
  /** The verifier key of the workspace's log, `<name>+<id>+<base64>`. */
  verifierKey(workspaceId: WorkspaceId): string;
  /** A signed note by the key of the workspace's log. The text says by its first line what it is: it is never a checkpoint. */
  sign(workspaceId: WorkspaceId, text: string): string;
  /** Seals and projects everything durable now and signs it. */
  catchUp(workspaceId: WorkspaceId): Promise<void>;
  health(): Promise<LogHealth>;
  rebuildProjection(workspaceId: WorkspaceId): Promise<void>;
  compareProjection(workspaceId: WorkspaceId): Promise<readonly ProjectionDifference[]>;
  /** How full windows are now, for people; one list of counters for each. */
  budgets(workspaceId: WorkspaceId, asked: readonly AskedWindow[]): Promise<readonly (readonly BudgetState[])[]>;
  /** Whether the counters hold what the records say, as of now. */
  compareBudgets(workspaceId: WorkspaceId): Promise<BudgetComparison>;
  /**
   * Carries out what the record `eventId` (`log.pruned`, `log.redacted`) lets go, `beside` in the same transactions. Done half,
   * it is taken up where it was.
   */
  letGo(
    workspaceId: WorkspaceId,
    eventId: string,
    beside: (client: PoolClient, seqs: readonly number[]) => Promise<void>,
  ): Promise<LetGo>;
  /** Place of a record in the log, sealed and signed; undefined when there is none. */
  placeOf(workspaceId: WorkspaceId, eventId: string): Promise<number | undefined>;
  /** What `hivekey verify` reads, of a period or of everything durable now. Throws the Failures of exportLog. */
  export(workspaceId: WorkspaceId, options?: ExportOptions): Promise<LogExport>;
}

/**
 * Checks the database against the checkpoints outside it, records the fate of calls that a dead node left open,
 * and starts. Throws the Failures `log_tail_cut`, `checkpoint_file_invalid` and
 * `checkpoint_file_unreadable`.
 */
export async function createActionLog(options: ActionLogOptions): Promise<RunningLog> {
  const log = new Log(options);
  await log.start();
  return log;
}

/** For reading alone, e.g. in another thread, which must not be taken for this node's writer: seals nothing and records nothing. */
export function openLogForReading(options: ActionLogOptions): RunningLog {
  return new LogForReading(options);
}

class Log implements RunningLog {
  readonly #options: ActionLogOptions;
  readonly #limits: LogLimits;
  readonly #seed: Buffer;
  readonly #clock: () => number;
  readonly #copies: CheckpointCopies;
  /** Of projected rows. */
  readonly #news = new News();
  /** Of sealed entries. */
  readonly #sealed = new News();
  readonly #keys = new Map<WorkspaceId, SigningKey>();
  readonly #writers = new Map<WorkspaceId, Writer>();
  readonly #keepers = new Map<WorkspaceId, Keeper>();
  readonly #timers: NodeJS.Timeout[] = [];
  #listener: Listener | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ActionLogOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#clock = options.clock ?? Date.now;
    const { d } = options.signingKey.export({ format: 'jwk' });
    this.#seed = Buffer.from(d ?? '', 'base64url');
    this.#copies = new CheckpointCopies({
      pool: options.pool,
      nodeId: options.nodeId,
      file: options.checkpointFile,
      witnessUrl: options.witnessUrl,
      logger: options.logger,
      observe: options.observe,
    });
  }

  async start(): Promise<void> {
    const { pool, checkpointFile, connectionString } = this.#options;
    if (checkpointFile !== undefined)
      await checkOutsideMemory(pool, checkpointFile, (workspaceId) => this.#key(workspaceId));
    await ensureMonths(pool, this.#clock());
    await this.#recover();
    const { rows } = await pool.query<{ id: WorkspaceId }>('SELECT id FROM workspaces');
    for (const { id } of rows) this.#keeper(id);
    this.#listener = await listen({
      url: connectionString,
      channels: [LOG_CHANNEL, SEALED_CHANNEL],
      onNotification: (channel, payload) =>
        (channel === SEALED_CHANNEL ? this.#sealed : this.#news).tell(workspaceOf(payload)),
      onReconnect: () => {
        this.#news.tellAll();
        this.#sealed.tellAll();
      },
    });
    this.#every(RECOVER_EVERY_MS, () => this.#recover());
    this.#every(UPKEEP_EVERY_MS, () => ensureMonths(pool, this.#clock()));
    this.#every(UPKEEP_EVERY_MS, () => clearWindows(pool));
    this.#every(UPKEEP_EVERY_MS, () => forgetUsedValues(pool));
  }

  recordIntent(intent: Intent): Promise<RecordResult> {
    return this.#writer(intent.principal.workspaceId).recordIntent(intent);
  }

  recordOutcome(call: CallReference, outcome: Outcome): Promise<void> {
    return this.#writer(call.principal.workspaceId).recordOutcome(call, outcome);
  }

  handOver({ principal, eventId }: CallReference): void {
    this.#writer(principal.workspaceId).handOver(eventId);
  }

  transact<T>(workspaceId: WorkspaceId, change: (transaction: LoggedTransaction) => Promise<T>): Promise<T> {
    return this.#writer(workspaceId).transact(change);
  }

  record(workspaceId: WorkspaceId, draft: RecordDraft): Promise<EventId> {
    return this.#writer(workspaceId).record(draft);
  }

  list(workspaceId: WorkspaceId, filter: EventFilter, page: Page): Promise<EventPage> {
    return listEvents(this.#options.pool, workspaceId, filter, page);
  }

  find(workspaceId: WorkspaceId, eventId: string): Promise<{ event: LogEvent; result: LogEvent | null } | undefined> {
    return findEvent(this.#options.pool, workspaceId, eventId);
  }

  async prove(workspaceId: WorkspaceId, eventId: string): Promise<EventProof | undefined> {
    const prove = () => proveEvent(this.#options.pool, workspaceId, this.#key(workspaceId).verifier, eventId);
    const proof = await prove();
    if (proof !== undefined) return proof;
    await this.catchUp(workspaceId);
    return prove();
  }

  follow(
    workspaceId: WorkspaceId,
    fromSeq: number,
    filter: EventFilter,
    signal: AbortSignal,
  ): AsyncGenerator<LogEvent, void, undefined> {
    return followEvents(this.#options.pool, this.#news, workspaceId, fromSeq, filter, signal);
  }

  entries(workspaceId: WorkspaceId, first: number, maxBlocks?: number): Promise<readonly StoredEntry[]> {
    return storedEntries(this.#options.pool, workspaceId, first, maxBlocks);
  }

  size(workspaceId: WorkspaceId): Promise<number> {
    return projectedSize(this.#options.pool, workspaceId);
  }

  news(workspaceId: WorkspaceId, signal: AbortSignal): Promise<void> {
    return this.#sealed.next(workspaceId, signal);
  }

  checkpoint(workspaceId: WorkspaceId): Promise<StoredCheckpoint | undefined> {
    return newestCheckpoint(this.#options.pool, workspaceId);
  }

  checkpointsBehind(workspaceId: WorkspaceId, after: number, maxSize: number): Promise<readonly SignedCheckpoint[]> {
    return checkpointsBehind(this.#options.pool, workspaceId, after, maxSize);
  }

  async outsideMemory(workspaceId: WorkspaceId): Promise<OutsideMemory | undefined> {
    const { pool, checkpointFile } = this.#options;
    if (checkpointFile === undefined) return undefined;
    return compareOutsideMemory(pool, checkpointFile, workspaceId, this.#key(workspaceId));
  }

  sign(workspaceId: WorkspaceId, text: string): string {
    return signNote(text, [this.#key(workspaceId)]);
  }

  verifierKey(workspaceId: WorkspaceId): string {
    return this.#key(workspaceId).verifier.text;
  }

  catchUp(workspaceId: WorkspaceId): Promise<void> {
    return this.#keeper(workspaceId).catchUp();
  }

  async health(): Promise<LogHealth> {
    const { rows } = await this.#options.pool.query<LogHealth['copies'][number]>(
      `SELECT c.workspace_id AS "workspaceId", c.destination, c.tree_size AS "treeSize", c.last_error AS "lastError",
              coalesce((SELECT extract(epoch FROM clock_timestamp() - k.created_at) FROM log_checkpoints k
                         WHERE k.workspace_id = c.workspace_id AND k.tree_size > c.tree_size
                         ORDER BY k.tree_size, k.created_at LIMIT 1), 0)::float8 AS "behindSeconds"
         FROM checkpoint_copies c`,
    );
    return { writable: [...this.#writers.values()].every(({ writable }) => writable), copies: rows };
  }

  rebuildProjection(workspaceId: WorkspaceId): Promise<void> {
    return rebuildProjection(this.#options.pool, workspaceId);
  }

  compareProjection(workspaceId: WorkspaceId): Promise<readonly ProjectionDifference[]> {
    return compareProjection(this.#options.pool, workspaceId);
  }

  budgets(workspaceId: WorkspaceId, asked: readonly AskedWindow[]): Promise<readonly (readonly BudgetState[])[]> {
    return readBudgets(this.#options.pool, workspaceId, asked);
  }

  async compareBudgets(workspaceId: WorkspaceId): Promise<BudgetComparison> {
    const { pool } = this.#options;
    const asOfUs = await databaseTimeUs(pool);
    await this.catchUp(workspaceId);
    return compareBudgets(pool, workspaceId, asOfUs);
  }

  async placeOf(workspaceId: WorkspaceId, eventId: string): Promise<number | undefined> {
    await this.catchUp(workspaceId);
    const { rows } = await this.#options.pool.query<{ seq: number }>(
      'SELECT seq FROM actions WHERE workspace_id = $1 AND event_id = $2',
      [workspaceId, eventId],
    );
    return rows[0]?.seq;
  }

  async letGo(
    workspaceId: WorkspaceId,
    eventId: string,
    beside: (client: PoolClient, seqs: readonly number[]) => Promise<void>,
  ): Promise<LetGo> {
    const seq = await this.placeOf(workspaceId, eventId);
    if (seq === undefined) throw new Error(`the log has no record ${eventId}`);
    return letGo(this.#options.pool, workspaceId, seq, beside);
  }

  async export(workspaceId: WorkspaceId, options?: ExportOptions): Promise<LogExport> {
    await this.catchUp(workspaceId);
    return exportLog(this.#options.pool, workspaceId, this.#key(workspaceId).verifier, options);
  }

  usedValues(workspaceId: WorkspaceId, keys: readonly string[]): Promise<readonly UsedValue[]> {
    return findUsedValues(this.#options.pool, workspaceId, keys);
  }

  usage(workspaceId: WorkspaceId, demands: readonly WindowDemand[]): Promise<readonly WindowUsage[]> {
    return readUsage(this.#options.pool, workspaceId, demands);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all([...this.#writers.values()].map((writer) => writer.close()));
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.close()));
    await this.#listener?.close();
  }

  #writer(workspaceId: WorkspaceId): Writer {
    const known = this.#writers.get(workspaceId);
    if (known !== undefined) return known;
    const keeper = this.#keeper(workspaceId);
    const { connectionString, nodeId, logger, observe, beforeCommit } = this.#options;
    const { timeoutMs, maxBatch, maxQueue } = this.#limits;
    const writer = new Writer({
      workspaceId,
      nodeId,
      connectionString,
      clock: this.#clock,
      timeoutMs,
      maxBatch,
      maxQueue,
      logger,
      observe,
      onCommitted: () => keeper.wake(),
      beforeCommit,
    });
    this.#writers.set(workspaceId, writer);
    // Of a log that is closed, it refuses from the start.
    if (this.#closing !== undefined) void writer.close();
    return writer;
  }

  #keeper(workspaceId: WorkspaceId): Keeper {
    const known = this.#keepers.get(workspaceId);
    if (known !== undefined) return known;
    const { pool, logger, observe } = this.#options;
    const { checkpointAfterMs, idleCheckpointAfterMs } = this.#limits;
    const sealer = new Sealer({
      pool,
      workspaceId,
      key: this.#key(workspaceId),
      observe,
      checkpointAfterMs,
      idleCheckpointAfterMs,
    });
    const keeper = new Keeper({
      pool,
      workspaceId,
      sealer,
      copies: this.#copies,
      logger,
      observe,
      onProjected: () => this.#news.tell(workspaceId),
    });
    this.#keepers.set(workspaceId, keeper);
    if (this.#closing !== undefined) void keeper.close();
    return keeper;
  }

  #key(workspaceId: WorkspaceId): SigningKey {
    const key =
      this.#keys.get(workspaceId) ?? signingKey(`${this.#options.name ?? 'hivekey'}/${workspaceId}`, this.#seed);
    this.#keys.set(workspaceId, key);
    return key;
  }

  async #recover(): Promise<void> {
    for (const workspaceId of await recoverLostCalls(this.#options.pool, this.#options.nodeId, this.#clock()))
      this.#keeper(workspaceId).wake();
  }

  #every(ms: number, work: () => Promise<void>): void {
    const timer = setInterval(() => {
      work().catch((error: unknown) => this.#options.logger?.warn({ err: error }, 'upkeep of the log failed'));
    }, ms);
    this.#timers.push(timer.unref());
  }
}

class LogForReading extends Log {
  /** Until a checkpoint of whoever writes covers what can be read now: under load there is one each second. */
  override async catchUp(workspaceId: WorkspaceId): Promise<void> {
    const size = await this.size(workspaceId);
    const until = performance.now() + SIGNED_WITHIN_MS;
    while (((await this.checkpoint(workspaceId))?.treeSize ?? 0) < size) {
      if (performance.now() > until) throw new LogUnavailable('no checkpoint covers what can be read');
      await sleep(SIGNED_LOOK_MS);
    }
  }

  override transact<T>(): Promise<T> {
    return Promise.reject(new Error('this log is for reading'));
  }

  override record(): Promise<EventId> {
    return Promise.reject(new Error('this log is for reading'));
  }
}

function workspaceOf(payload: string): WorkspaceId {
  return JSON.parse(payload).workspace;
}

export { inTurn, LogOverloaded, LogUnavailable } from './types.ts';
