/**
 * The writer of one workspace on this node: makes batches of what arrives while a commit is under way, and
 * resolves a caller only when its record is durable.
 *
 * A batch that needs no look at the database first is one guarded statement, sent behind the one before it
 * without waiting for its reply: it assumes that block, head and sequence numbers follow from that one. When
 * an assumption fails nothing is written, and the batch goes the locked way, which cannot fail so.
 */
import type pg from 'pg';
import { type AgentId, type EventId, newEventId } from '../ids.ts';
import type { CallReference, Intent, Outcome, RecordResult } from '../path/index.ts';
import {
  type Append,
  type AppendReply,
  type Expectation,
  expectationOf,
  NOTHING_EXPECTED,
  prepareAppend,
} from './append.ts';
import { intentEntry, resultEntry } from './arrivals.ts';
import { cannotWrite, isRetryable } from './connection.ts';
import { CounterCache } from './counter-cache.ts';
import { decideBatch } from './decide-batch.ts';
import type { BatchItem, Entry, IntentEntry, PlainEntry } from './entries.ts';
import { type BatchContext, keysOf, lockAndDecide, ShardLost } from './locked-batch.ts';
import { OpenCalls } from './open-calls.ts';
import { type LogIdentity, looseRecord } from './records.ts';
import { type Session, type SessionOptions, Sessions } from './sessions.ts';
import type { HeldShard, Position } from './shard.ts';
import { type Logged, runChange } from './transaction.ts';
import { type BeforeCommit, type LoggedTransaction, LogOverloaded, LogUnavailable, type RecordDraft } from './types.ts';
import { useValues } from './used-values.ts';
import type { WindowLedger } from './windows.ts';

/** Two: while the database works on one batch, this process prepares the next. */
const MAX_IN_FLIGHT = 2;
/** Below this many it is not worth cutting what waits into two batches. */
const MIN_TO_SPLIT = 16;
/** After a wrong assumption somebody else is at work on the same agents; so many batches look first. */
const CAUTIOUS_BATCHES = 8;
const MAX_AGENTS = 100_000;
const MAX_ATTEMPTS = 3;
/**
 * Nobody waits for a result, so that it waits this long for a call whose commit it can share: an agent that calls
 * again at once would else have its next call queue behind the commit of its last result.
 */
const RESULT_WAITS_MS = 5;
const GRACE_MS = 1_000;

export interface WriterOptions extends SessionOptions {
  /** Most records in one commit. */
  readonly maxBatch: number;
  /** Most records waiting for a commit. */
  readonly maxQueue: number;
  /** Something new is durable. */
  readonly onCommitted: () => void;
  readonly beforeCommit?: BeforeCommit | undefined;
}

interface Flight {
  readonly append: Append;
  readonly startedMs: number;
}

/** A change waiting for, or having, the writer for itself. */
type Turn = (session: Session) => Promise<void>;
interface WaitingTurn {
  readonly run: Turn;
  readonly reject: (error: Error) => void;
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #sessions: Sessions;
  #closing = false;
  #closed = false;

  #queue: Entry[] = [];
  readonly #turns: WaitingTurn[] = [];
  #scheduled = false;
  /** A locked batch or a turn has the connection. */
  #busy: readonly Entry[] | undefined;
  #inFlight: Flight[] = [];
  /** Entries of batches whose assumptions failed, until every batch behind them has come back. */
  #missed: Entry[] = [];
  /** Appends whose fate is unknown since their session broke. */
  #doubt: Append[] = [];
  /** Callers of these were told that nothing was recorded. */
  readonly #refused = new Set<EventId>();

  #committed: Position = { block: 1, seq: 1, head: new Uint8Array(32) };
  #predicted: Position = this.#committed;
  /** The number last given to each agent. */
  readonly #lastSeq = new Map<AgentId, number>();
  readonly #counters = new CounterCache(() => performance.now());
  readonly #open = new OpenCalls();
  #cautious = 0;

  #resultsTimer: NodeJS.Timeout | undefined;
  #areResultsDue = false;
  #watch: NodeJS.Timeout | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#sessions = new Sessions(options, {
      fenced: (client, former) => this.#resolveDoubt(client, former),
      shardLost: () => this.#open.leaveShard(),
      opened: ({ held }) => {
        this.#committed = held.position;
        this.#predicted = held.position;
        this.#schedule();
      },
      unavailable: (error) => this.#refuseWaiting(error),
      broke: (session, error) => this.#lose(session, error),
    });
  }

  /** Whether the last thing heard of the database was good. */
  get writable(): boolean {
    return this.#sessions.isHealthy;
  }

  recordIntent(intent: Intent): Promise<RecordResult> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal();
      if (refusal !== undefined) throw refusal;
      this.#enqueue(intentEntry(intent, this.#options.clock(), resolve, reject));
    });
  }

  recordOutcome(call: CallReference, outcome: Outcome): Promise<void> {
    return new Promise((resolve) => this.#enqueue(this.#resultEntry(call, outcome, resolve)));
  }

  handOver(call: EventId): void {
    this.#open.closed(call);
  }

  async record(draft: RecordDraft): Promise<EventId> {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    const identity = await this.#identity();
    const nowMs = this.#options.clock();
    const eventId = newEventId(nowMs);
    const text = looseRecord(draft, identity, eventId, nowMs);
    return new Promise((resolve, reject) => {
      this.#enqueue({ kind: 'plain', eventId, text, attempts: 0, resolve: () => resolve(eventId), reject });
    });
  }

  transact<T>(change: (transaction: LoggedTransaction) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal();
      if (refusal !== undefined) throw refusal;
      this.#turns.push({ run: (session) => this.#runTurn(session, change, resolve, reject), reject });
      this.#schedule();
    });
  }

  /** Stops accepting, makes durable what waits, gives the shard back. Does not wait for a database that is away. */
  async close(): Promise<void> {
    this.#closing = true;
    if (!this.#isIdle() && this.#sessions.isHopeful) {
      const { promise: idle, resolve } = Promise.withResolvers<void>();
      this.#onIdle = resolve;
      this.#schedule();
      const patience = setTimeout(resolve, 2 * this.#options.timeoutMs);
      await idle;
      clearTimeout(patience);
    }
    clearTimeout(this.#watch);
    clearTimeout(this.#resultsTimer);
    this.#closed = true;
    await this.#sessions.close(this.#isIdle() && this.#open.size === 0);
    this.#abandonQueue();
  }

  // ---- arrival

  #refusal(): Error | undefined {
    if (this.#closing) return new LogUnavailable('the log is closing');
    if (this.#queue.length >= this.#options.maxQueue)
      return new LogOverloaded('too many records wait for their commit');
    return this.#sessions.isHopeful ? undefined : new LogUnavailable('the database does not answer');
  }

  #resultEntry(call: CallReference, outcome: Outcome, resolve: () => void): PlainEntry {
    return resultEntry(call, outcome, this.#options.clock(), resolve);
  }

  /** Name and environment of the workspace; a turn that changes nothing finds them out. */
  async #identity(): Promise<LogIdentity> {
    const known = this.#sessions.current?.identity;
    if (known !== undefined) return known;
    return new Promise((resolve, reject) => {
      const run: Turn = async ({ identity }) => {
        resolve(identity);
        this.#schedule();
      };
      this.#turns.push({ run, reject });
      this.#schedule();
    });
  }

  #enqueue(entry: Entry): void {
    this.#queue.push(entry);
    if (this.#closed) this.#abandonQueue();
    else this.#schedule();
  }

  /** Not at once: whatever else arrives in this turn of the event loop belongs into the same batch. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#pump();
    });
  }

  // ---- batches

  #pump(): void {
    this.#options.observe?.queued(this.#queue.length);
    const session = this.#sessions.current;
    if (session === undefined) {
      if (this.#queue.length > 0 || this.#turns.length > 0) this.#sessions.open();
      return;
    }
    if (this.#busy !== undefined || this.#missed.length > 0) return;
    if (this.#turns.length > 0) {
      if (this.#inFlight.length === 0) void this.#turns.shift()?.run(session);
      return;
    }
    if (this.#mayWait()) return;
    while (this.#queue.length > 0 && this.#inFlight.length < MAX_IN_FLIGHT) {
      const entries = this.#queue.slice(0, this.#batchSize());
      const append = this.#guess(session, entries);
      if (append === undefined && this.#inFlight.length > 0) return;
      this.#queue.splice(0, entries.length);
      if (append === undefined) {
        void this.#appendLocked(session, entries);
        return;
      }
      this.#send(session, append);
    }
    if (this.#isIdle()) this.#onIdle?.();
  }

  /** True while only results are there that may wait for company. When they leave, so does their timer. */
  #mayWait(): boolean {
    const areWaiting = this.#queue.length > 0 && this.#queue.every(isPatient);
    if (areWaiting && !this.#areResultsDue && !this.#closing) {
      this.#resultsTimer ??= setTimeout(() => {
        this.#areResultsDue = true;
        this.#schedule();
      }, RESULT_WAITS_MS);
      return true;
    }
    clearTimeout(this.#resultsTimer);
    this.#resultsTimer = undefined;
    this.#areResultsDue = false;
    return false;
  }

  #batchSize(): number {
    const waiting = Math.min(this.#queue.length, this.#options.maxBatch);
    return this.#inFlight.length === 0 && waiting > MIN_TO_SPLIT ? Math.ceil(waiting / 2) : waiting;
  }

  #isIdle(): boolean {
    return (
      this.#queue.length === 0 &&
      this.#inFlight.length === 0 &&
      this.#turns.length === 0 &&
      this.#missed.length === 0 &&
      this.#doubt.length === 0 &&
      this.#busy === undefined
    );
  }

  /** The batch as it goes without a look at the database first, if it can. */
  #guess(session: Session, entries: readonly Entry[]): Append | undefined {
    if (this.#cautious > 0) return undefined;
    const intents: IntentEntry[] = [];
    for (const entry of entries) {
      if (entry.attempts > 0) return undefined;
      if (entry.kind === 'plain') {
        if (entry.credits !== undefined || entry.leaves !== undefined) return undefined;
        continue;
      }
      if (!this.#lastSeq.has(entry.intent.principal.agentId)) return undefined;
      intents.push(entry);
    }
    const expectation = expectationOf(intents);
    if (expectation === undefined) return undefined;
    const keys = keysOf(entries);
    if (keys.size === 0) {
      const { items } = decideBatch(entries, undefined);
      return needsGate(items) ? undefined : this.#prepare(session, items, expectation);
    }
    const decided = this.#counters.decide(entries, keys);
    if (decided === undefined || needsGate(decided.items)) return undefined;
    const { items, ledger } = decided;
    return this.#prepare(session, items, { ...expectation, windowsAsOfUs: ledger.nowUs }, ledger);
  }

  #prepare(session: Session, items: readonly BatchItem[], expectation: Expectation, windows?: WindowLedger): Append {
    return prepareAppend(
      this.#options.workspaceId,
      session.held,
      this.#predicted,
      this.#openBlock(),
      items,
      expectation,
      (agentId) => this.#lastSeq.get(agentId) ?? 0,
      windows,
    );
  }

  #openBlock(): number {
    return this.#open.oldestBlock ?? this.#inFlight[0]?.append.before.block ?? this.#predicted.block;
  }

  #send(session: Session, append: Append): void {
    this.#predicted = append.after;
    this.#learn(append);
    const flight = this.#takeOff(append);
    session.client.query<AppendReply>(append.statement).then(
      ({ rows, rowCount }) => {
        if (this.#sessions.current !== session) return;
        this.#noteTime(rows[0]);
        this.#land(flight, rowCount === 1);
      },
      (error: unknown) => this.#lose(session, error),
    );
  }

  #takeOff(append: Append): Flight {
    const flight = { append, startedMs: performance.now() };
    this.#inFlight.push(flight);
    this.#watchReplies();
    return flight;
  }

  #land(flight: Flight, isWritten: boolean): void {
    this.#inFlight.shift();
    this.#watchReplies();
    if (isWritten) this.#commit(flight.append, (performance.now() - flight.startedMs) / 1000);
    else this.#missed.push(...flight.append.items.map(({ entry }) => entry));
    if (this.#missed.length > 0 && this.#inFlight.length === 0) this.#startOver();
    this.#schedule();
  }

  /** Some assumption was wrong, so this batch and all behind it wrote nothing. They go first, and look first. */
  #startOver(): void {
    const missed = this.#missed;
    this.#missed = [];
    this.#predicted = this.#committed;
    this.#cautious = CAUTIOUS_BATCHES;
    this.#counters.forget(keysOf(missed));
    for (const entry of missed) {
      entry.attempts += 1;
      if (entry.kind === 'intent') this.#lastSeq.delete(entry.intent.principal.agentId);
    }
    this.#queue.unshift(...missed);
  }

  async #appendLocked(session: Session, entries: readonly Entry[]): Promise<void> {
    this.#busy = entries;
    this.#cautious = Math.max(0, this.#cautious - 1);
    this.#watchReplies();
    const { client } = session;
    try {
      const isKnown = (key: string): boolean => this.#counters.has(key);
      const { append, stale, faulty } = await lockAndDecide(this.#context(session), entries, isKnown);
      if (append === undefined) await client.query('ROLLBACK');
      else await this.#commitAppend(session, append);
      if (this.#sessions.current !== session) return;
      for (const { entry, result } of stale) entry.resolve(result);
      for (const { entry, error } of faulty) entry.reject(asError(error));
      this.#release();
    } catch (error) {
      this.#lose(session, error);
    }
  }

  /** Sends the append and COMMIT together: the shard is locked, so the append cannot miss. */
  async #commitAppend(session: Session, append: Append): Promise<void> {
    const flight = this.#takeOff(append);
    const { client } = session;
    const entries = append.items.map(({ entry }) => entry);
    const [appended, , , commit] = await Promise.all([
      client.query<AppendReply>(append.statement),
      Promise.all(append.items.map(({ gate }) => gate?.write(client))),
      useValues(client, this.#options.workspaceId, entries),
      client.query('COMMIT'),
    ]);
    if (this.#sessions.current !== session) return;
    if (appended.rowCount !== 1 || commit.command !== 'COMMIT') throw new Error('the batch was not committed');
    this.#predicted = append.after;
    this.#learn(append);
    this.#noteTime(appended.rows[0]);
    this.#land(flight, true);
  }

  #learn({ agentSeqs, windows }: Append): void {
    if (this.#lastSeq.size > MAX_AGENTS) this.#lastSeq.clear();
    for (const [agentId, seq] of agentSeqs) this.#lastSeq.set(agentId, seq);
    if (windows !== undefined) this.#counters.learn(windows);
  }

  #noteTime(reply: AppendReply | undefined): void {
    if (reply?.now_us !== undefined) this.#counters.setClock(reply.now_us);
  }

  async #runTurn<T>(
    session: Session,
    change: (transaction: LoggedTransaction) => Promise<T>,
    resolve: (value: T) => void,
    reject: (error: Error) => void,
  ): Promise<void> {
    this.#busy = [];
    this.#watchReplies();
    const { client } = session;
    // Once the records are on their way, the fate of the block tells the caller, whatever becomes of the session.
    let isSent = false;
    try {
      const { clock, beforeCommit } = this.#options;
      const changed = await runChange(this.#context(session), session.identity, clock, change, beforeCommit);
      if (this.#sessions.current !== session) throw new LogUnavailable('the session broke during the change');
      if (changed.kind === 'failed') {
        await client.query('ROLLBACK');
        reject(asError(changed.error));
      } else if (changed.logged.length === 0) {
        const { command } = await client.query('COMMIT');
        if (command === 'COMMIT') resolve(changed.value);
        else reject(new LogUnavailable('the change was rolled back'));
      } else {
        const items = itemsOf(changed.logged, () => resolve(changed.value), reject);
        const append = this.#prepare(session, items, NOTHING_EXPECTED);
        isSent = true;
        await this.#commitAppend(session, append);
      }
      if (this.#sessions.current === session) this.#release();
    } catch (error) {
      if (!isSent) reject(unavailable(error));
      this.#lose(session, error);
    }
  }

  #context(session: Session): BatchContext {
    return {
      client: session.client,
      workspaceId: this.#options.workspaceId,
      held: session.held,
      position: this.#committed,
      openBlock: this.#openBlock(),
    };
  }

  #release(): void {
    this.#busy = undefined;
    this.#watchReplies();
    this.#schedule();
  }

  /** The block is durable: its callers may go on. */
  #commit(append: Append, seconds: number): void {
    this.#committed = append.after;
    for (const { entry, decision, reservations } of append.items) {
      if (entry.kind === 'plain') {
        if (entry.settles !== undefined) this.#open.closed(entry.settles);
        entry.resolve();
      } else if (decision !== undefined) {
        if (decision.verdict === 'allow') this.#open.opened(entry.eventId, append.before.block);
        if (this.#refused.delete(entry.eventId) && decision.verdict === 'allow') this.#callOff(entry, reservations);
        const recorded = { kind: 'recorded', eventId: entry.eventId, decision } as const;
        entry.resolve(reservations === undefined ? recorded : { ...recorded, reservations });
      }
    }
    this.#options.observe?.committed(append.items.length, seconds);
    this.#options.onCommitted();
  }

  /** The intent turned out to be on the log, but its caller was told otherwise and never began. */
  #callOff({ intent: { principal, action }, eventId }: IntentEntry, reservations: BatchItem['reservations']): void {
    const outcome: Outcome = { result: 'not_attempted', errorCode: 'log_unavailable' };
    const call = { principal, action, eventId, ...(reservations === undefined ? {} : { reservations }) };
    this.#enqueue(this.#resultEntry(call, outcome, ignore));
  }

  // ---- when the session breaks, and while there is none

  #watchReplies(): void {
    clearTimeout(this.#watch);
    const session = this.#sessions.current;
    if (session === undefined || (this.#inFlight.length === 0 && this.#busy === undefined)) return;
    // The server ends a statement after timeoutMs; this is for a server that does not answer at all.
    const patience = (this.#busy === undefined ? 1 : 2) * this.#options.timeoutMs + GRACE_MS;
    this.#watch = setTimeout(() => this.#lose(session, new Error('the database did not answer')), patience);
  }

  #lose(session: Session, error: unknown): void {
    if (!this.#sessions.drop(session, error)) return;
    clearTimeout(this.#watch);
    const sent = this.#inFlight.map(({ append }) => append);
    const isSent = new Set(sent.flatMap(({ items }) => items.map(({ entry }) => entry)));
    const unsent = [...this.#missed, ...(this.#busy ?? []).filter((entry) => !isSent.has(entry))];
    this.#doubt.push(...sent);
    this.#inFlight = [];
    this.#missed = [];
    this.#busy = undefined;
    this.#lastSeq.clear();
    this.#counters.forget();
    this.#giveBack(unsent, error);
    // Results are tried again for ever; callers must not wait behind them for a disk that stays full.
    if (cannotWrite(error)) this.#sessions.pause(error);
    else this.#sessions.open();
  }

  /** Certainly not recorded: tried again where that is right, refused otherwise. */
  #giveBack(entries: readonly Entry[], error: unknown): void {
    const isForOthers = isRetryable(error) || error instanceof ShardLost;
    const again = entries.filter((entry) => {
      entry.attempts += 1;
      const { reject } = entry;
      const wasRefused = this.#refused.delete(entry.eventId);
      if (reject === undefined || (isForOthers && !wasRefused && entry.attempts < MAX_ATTEMPTS)) return true;
      reject(unavailable(error));
      return false;
    });
    this.#queue.unshift(...again);
  }

  async #resolveDoubt(client: pg.PoolClient, former: HeldShard): Promise<void> {
    const first = this.#doubt[0];
    if (first === undefined) return;
    const { rows } = await client.query<{ block: number; head: Buffer }>(
      'SELECT block, head FROM log_blocks WHERE workspace_id = $1 AND shard_id = $2 AND block >= $3 ORDER BY block LIMIT $4',
      [this.#options.workspaceId, former.shardId, first.before.block, this.#doubt.length],
    );
    const heads = new Map(rows.map(({ block, head }) => [block, head]));
    for (const append of this.#doubt.splice(0)) {
      if (heads.get(append.before.block)?.equals(append.block.head) === true) this.#commit(append, 0);
      else
        this.#giveBack(
          append.items.map(({ entry }) => entry),
          new Error('the session broke before the commit'),
        );
    }
  }

  /** The database is away: nobody waits for it. Results stay, since their calls have happened. */
  #refuseWaiting(error: unknown): void {
    const waiting = this.#queue;
    this.#queue = waiting.filter(({ reject }) => reject === undefined);
    for (const { reject } of waiting) reject?.(unavailable(error));
    for (const { items } of this.#doubt) {
      for (const { entry } of items) {
        if (entry.kind === 'intent') this.#refused.add(entry.eventId);
        entry.reject?.(uncertain(error));
      }
    }
    for (const { reject } of this.#turns.splice(0)) reject(unavailable(error));
    if (this.#closing) this.#onIdle?.();
  }

  #abandonQueue(): void {
    const left = this.#queue.filter(({ reject }) => reject === undefined).length;
    if (left > 0)
      this.#options.logger?.error(
        { results: left },
        'closed without the results of calls; the next start records them as unknown',
      );
    this.#refuseWaiting(new LogUnavailable('the log is closing'));
    for (const entry of this.#queue.splice(0)) if (entry.kind === 'plain') entry.resolve();
  }
}

/** A result that changes nothing but the log, unless it was tried before. */
function isPatient(entry: Entry): boolean {
  if (entry.kind !== 'plain' || entry.settles === undefined || entry.attempts > 0) return false;
  return entry.credits === undefined && entry.leaves === undefined;
}

/** Some call may not be recorded as decided before its gate was asked, which takes locks. */
function needsGate(items: readonly BatchItem[]): boolean {
  return items.some(
    ({ entry, decision }) =>
      entry.kind === 'intent' && decision !== undefined && entry.intent.gate?.concerns(decision) === true,
  );
}

/** The records of a change. The first carries its caller. */
function itemsOf(logged: readonly Logged[], resolve: () => void, reject: (error: Error) => void): BatchItem[] {
  return logged.map((each, i) => {
    const caller = i === 0 ? { resolve, reject } : { resolve: ignore, reject: ignore };
    return { entry: { kind: 'plain', ...each, attempts: 0, ...caller }, text: each.text };
  });
}

function unavailable(error: unknown): LogUnavailable {
  if (error instanceof LogUnavailable) return error;
  return new LogUnavailable('nothing was recorded', { cause: error });
}

/** For what was sent when the database went away. An intent that made it is called off; a change may stand. */
function uncertain(error: unknown): LogUnavailable {
  return new LogUnavailable('the database went away during the commit; whether it took place is not known yet', {
    cause: error,
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function ignore(): void {}
