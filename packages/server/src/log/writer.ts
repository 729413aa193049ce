/**
 * The writer of one workspace on this node: makes batches of what arrives while a commit is under way, and
 * resolves a caller only when its record is durable.
 *
 * A batch that needs no look at the database first is one guarded statement, sent behind the one before it
 * without waiting for its reply: it assumes that block, head and sequence numbers follow from that one. When
 * an assumption fails nothing is written, and the batch goes the locked way, which cannot fail so.
 */
import { settle } from '@hivekey/policy';
import type pg from 'pg';
import { type AgentId, type EventId, newEventId, type WorkspaceId } from '../ids.ts';
import type { Logger } from '../observability/logger.ts';
import type { LogObserver } from '../observability/metrics.ts';
import type { CallReference, Intent, Outcome, RecordResult } from '../path/types.ts';
import {
  type Append,
  type AppendReply,
  type Expectation,
  expectationOf,
  NOTHING_EXPECTED,
  prepareAppend,
} from './append.ts';
import { connectionOf, isRetryable } from './connection.ts';
import { CounterCache } from './counter-cache.ts';
import { decideBatch } from './decide-batch.ts';
import type { BatchItem, Entry, IntentEntry, PlainEntry } from './entries.ts';
import { type BatchContext, keysOf, lockAndDecide, ShardLost } from './locked-batch.ts';
import { OpenCalls } from './open-calls.ts';
import { callRecord, factsOf, type LogIdentity, looseRecord, resultRecord } from './records.ts';
import { settleLostCalls } from './recovery.ts';
import { claimShard, type HeldShard, type Position, releaseShard, retakeShard } from './shard.ts';
import { readIdentity, runChange } from './transaction.ts';
import { type LoggedTransaction, LogOverloaded, LogUnavailable, type RecordDraft } from './types.ts';
import type { WindowLedger } from './windows.ts';

/** Two: while the database works on one batch, this process prepares the next. */
const MAX_IN_FLIGHT = 2;
/** Below this many it is not worth cutting what waits into two batches. */
const MIN_TO_SPLIT = 16;
/** After a wrong assumption somebody else is at work on the same agents; so many batches look first. */
const CAUTIOUS_BATCHES = 8;
const MAX_ATTEMPTS = 3;
/** While the database is away, callers are refused at once, and one attempt in this time finds out whether it is back. */
const REFUSE_FOR_MS = 250;
const MAX_RETRY_MS = 5_000;
const GRACE_MS = 1_000;

export interface WriterOptions {
  readonly workspaceId: WorkspaceId;
  readonly nodeId: string;
  readonly connectionString: string;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  /** Longest wait for the database before callers are refused. */
  readonly timeoutMs: number;
  /** Most records in one commit. */
  readonly maxBatch: number;
  /** Most records waiting for a commit. */
  readonly maxQueue: number;
  readonly logger: Logger | undefined;
  readonly observe: LogObserver | undefined;
  /** Something new is durable. */
  readonly onCommitted: () => void;
}

interface Session {
  readonly client: pg.PoolClient;
  readonly held: HeldShard;
  readonly identity: LogIdentity;
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
  readonly #pool: pg.Pool;
  #session: Session | undefined;
  /** The shard of the last session, to be taken again. */
  #former: HeldShard | undefined;
  #opening = false;
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
  readonly #lastSeq = new Map<AgentId, number>();
  readonly #counters = new CounterCache(() => performance.now());
  readonly #open = new OpenCalls();
  #cautious = 0;

  #watch: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = REFUSE_FOR_MS;
  #refuseUntilMs = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#pool = connectionOf(options);
  }

  /** Whether the last thing heard of the database was good. */
  get writable(): boolean {
    return this.#session !== undefined || (this.#former === undefined && this.#refuseUntilMs === 0);
  }

  recordIntent(intent: Intent): Promise<RecordResult> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal();
      if (refusal !== undefined) throw refusal;
      this.#enqueue(this.#intentEntry(intent, resolve, reject));
    });
  }

  recordOutcome({ principal, action, eventId: call }: CallReference, outcome: Outcome): Promise<void> {
    const nowMs = this.#options.clock();
    const eventId = newEventId(nowMs);
    const text = resultRecord(factsOf(principal, action, call), outcome, principal, eventId, nowMs);
    const release = outcome.result === 'not_attempted' ? this.#open.reservationsOf(call) : undefined;
    return new Promise((resolve) => {
      this.#enqueue({
        kind: 'plain',
        eventId,
        text,
        settles: call,
        ...(release === undefined ? {} : { release }),
        attempts: 0,
        resolve,
      });
    });
  }

  async record(draft: RecordDraft): Promise<EventId> {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    const identity = await this.#knownIdentity();
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
    if (!this.#isIdle() && (this.#session !== undefined || this.#opening)) {
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      const patience = 2 * this.#options.timeoutMs;
      await Promise.race([idle, new Promise((resolve) => setTimeout(resolve, patience).unref())]);
    }
    clearTimeout(this.#retry);
    clearTimeout(this.#watch);
    this.#closed = true;
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) {
      await releaseShard(
        session.client,
        this.#options.workspaceId,
        session.held,
        this.#isIdle() && this.#open.size === 0,
      ).catch(() => undefined);
      session.client.release(true);
    }
    this.#abandonQueue();
    await this.#pool.end();
  }

  /** Name and environment of the workspace; a turn that changes nothing finds them out. */
  async #knownIdentity(): Promise<LogIdentity> {
    const known = this.#session?.identity;
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

  // ---- arrival

  #refusal(): Error | undefined {
    if (this.#closing) return new LogUnavailable('the log is closing');
    if (this.#queue.length >= this.#options.maxQueue)
      return new LogOverloaded('too many records wait for their commit');
    if (this.#session === undefined && !this.#opening && performance.now() < this.#refuseUntilMs)
      return new LogUnavailable('the database does not answer');
    return undefined;
  }

  #intentEntry(intent: Intent, resolve: (result: RecordResult) => void, reject: (error: Error) => void): IntentEntry {
    const nowMs = this.#options.clock();
    const eventId = newEventId(nowMs);
    const { evaluation, evenIfStopped } = intent;
    if (evenIfStopped === true && evaluation.verdict !== 'deny')
      throw new TypeError('only a denial is recorded even if stopped');
    checkAmounts(intent);
    const entry = { kind: 'intent', intent, eventId, nowMs, attempts: 0, resolve, reject } as const;
    if (evaluation.demands.length > 0 || (evaluation.verdict === 'allow' && evaluation.charges.length > 0))
      return { ...entry, ready: undefined };
    const decision = settle(evaluation, []);
    return { ...entry, ready: { decision, text: callRecord(intent, decision, eventId, nowMs) } };
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
      this.#pump();
    });
  }

  // ---- batches

  #pump(): void {
    this.#options.observe?.queued(this.#queue.length);
    const session = this.#session;
    if (session === undefined) {
      if (this.#queue.length > 0 || this.#turns.length > 0) this.#openSession();
      return;
    }
    if (this.#busy !== undefined || this.#missed.length > 0) return;
    const isFree = this.#inFlight.length === 0;
    if (this.#turns.length > 0) {
      if (isFree) void this.#turns.shift()?.run(session);
      return;
    }
    while (this.#queue.length > 0 && this.#inFlight.length < MAX_IN_FLIGHT) {
      const entries = this.#queue.slice(0, this.#batchSize());
      const append = this.#guess(session, entries);
      if (append !== undefined) {
        this.#queue.splice(0, entries.length);
        this.#send(session, append);
      } else {
        if (this.#inFlight.length === 0) {
          this.#queue.splice(0, entries.length);
          void this.#appendLocked(session, entries);
        }
        return;
      }
    }
    if (this.#isIdle()) this.#onIdle?.();
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
      if (entry.kind === 'intent') intents.push(entry);
      else if (entry.release !== undefined) return undefined;
    }
    if (!intents.every(({ intent }) => this.#lastSeq.has(intent.principal.agentId))) return undefined;
    const expectation = expectationOf(intents);
    if (expectation === undefined) return undefined;
    const keys = keysOf(entries);
    if (keys.size === 0) return this.#prepare(session, decideBatch(entries, undefined).items, expectation);
    const decided = this.#counters.decide(entries, keys);
    if (decided === undefined) return undefined;
    const { items, ledger, untilUs } = decided;
    return this.#prepare(session, items, { ...expectation, windowsUntilUs: untilUs }, ledger);
  }

  #send(session: Session, append: Append): void {
    this.#predicted = append.after;
    for (const [agentId, seq] of append.agentSeqs) this.#lastSeq.set(agentId, seq);
    if (append.windows !== undefined) this.#counters.learn(append.windows);
    const flight = this.#takeOff(append);
    session.client.query<AppendReply>(append.statement).then(
      ({ rows, rowCount }) => {
        if (this.#session !== session) return;
        this.#noteTime(rows[0]);
        this.#land(flight, rowCount === 1);
      },
      (error: unknown) => this.#lose(session, error),
    );
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
    this.#counters.forget();
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
      const { append, stale, faulty } = await lockAndDecide(this.#context(session), entries, (key) =>
        this.#counters.has(key),
      );
      if (append === undefined) await client.query('ROLLBACK');
      else await this.#commitAppend(session, append);
      if (this.#session !== session) return;
      if (append !== undefined) this.#learn(append);
      for (const { entry, result } of stale) entry.resolve(result);
      for (const { entry, error } of faulty) entry.reject(asError(error));
      this.#release();
    } catch (error) {
      this.#lose(session, error);
    }
  }

  #learn({ agentSeqs, windows }: Append): void {
    for (const [agentId, seq] of agentSeqs) this.#lastSeq.set(agentId, seq);
    if (windows !== undefined) this.#counters.learn(windows);
  }

  #noteTime(reply: AppendReply | undefined): void {
    if (reply?.now_us !== undefined) this.#counters.setClock(reply.now_us);
  }

  /** Sends the append and COMMIT together: the shard is locked, so the append cannot miss. */
  async #commitAppend(session: Session, append: Append): Promise<void> {
    const flight = this.#takeOff(append);
    const [appended, commit] = await Promise.all([
      session.client.query<AppendReply>(append.statement),
      session.client.query('COMMIT'),
    ]);
    if (this.#session !== session) return;
    if (appended.rowCount !== 1 || commit.command !== 'COMMIT') throw new Error('the batch was not committed');
    this.#noteTime(appended.rows[0]);
    this.#predicted = append.after;
    this.#land(flight, true);
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
      const changed = await runChange(this.#context(session), session.identity, this.#options.clock, change);
      if (this.#session !== session) throw new LogUnavailable('the session broke during the change');
      if (changed.kind === 'failed') {
        await client.query('ROLLBACK');
        reject(asError(changed.error));
      } else if (changed.logged.length === 0) {
        const { command } = await client.query('COMMIT');
        if (command === 'COMMIT') resolve(changed.value);
        else reject(new LogUnavailable('the change was rolled back'));
      } else {
        const items = changed.logged.map((logged, i): BatchItem => {
          const settled =
            i === 0 ? { resolve: () => resolve(changed.value), reject } : { resolve: ignore, reject: ignore };
          const entry: PlainEntry = { kind: 'plain', ...logged, attempts: 0, ...settled };
          return { entry, text: logged.text };
        });
        isSent = true;
        await this.#commitAppend(session, this.#prepare(session, items, NOTHING_EXPECTED));
      }
      if (this.#session === session) this.#release();
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
        if (entry.settles !== undefined) this.#open.settled(entry.settles);
        entry.resolve();
      } else if (decision !== undefined) {
        if (decision.verdict === 'allow') this.#open.opened(entry.eventId, append.before.block, reservations);
        if (this.#refused.delete(entry.eventId)) this.#callOff(entry, decision.verdict === 'allow');
        entry.resolve({ kind: 'recorded', eventId: entry.eventId, decision });
      }
    }
    this.#options.observe?.committed(append.items.length, seconds);
    this.#options.onCommitted();
  }

  /** The intent turned out to be on the log, but its caller was told otherwise and never began. */
  #callOff({ intent, eventId: call }: IntentEntry, wasAllowed: boolean): void {
    if (!wasAllowed) return;
    const nowMs = this.#options.clock();
    const eventId = newEventId(nowMs);
    const outcome: Outcome = { result: 'not_attempted', errorCode: 'log_unavailable' };
    const { principal, action } = intent;
    const release = this.#open.reservationsOf(call);
    this.#enqueue({
      kind: 'plain',
      eventId,
      text: resultRecord(factsOf(principal, action, call), outcome, principal, eventId, nowMs),
      settles: call,
      ...(release === undefined ? {} : { release }),
      attempts: 0,
      resolve: ignore,
    });
  }

  // ---- losing the session and getting a new one

  #watchReplies(): void {
    clearTimeout(this.#watch);
    const session = this.#session;
    if (session === undefined || (this.#inFlight.length === 0 && this.#busy === undefined)) return;
    // The server ends a statement after timeoutMs; this is for a server that does not answer at all.
    const patience = (this.#busy === undefined ? 1 : 2) * this.#options.timeoutMs + GRACE_MS;
    this.#watch = setTimeout(() => this.#lose(session, new Error('the database did not answer')), patience);
  }

  #lose(session: Session, error: unknown): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#former = session.held;
    clearTimeout(this.#watch);
    session.client.release(true);
    this.#options.observe?.failed('commit');
    this.#options.logger?.warn({ err: error, workspace: this.#options.workspaceId }, 'the log writer lost its session');

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
    this.#openSession();
  }

  /** Certainly not recorded: tried again where that is right, refused otherwise. */
  #giveBack(entries: readonly Entry[], error: unknown): void {
    const again: Entry[] = [];
    for (const entry of entries) {
      entry.attempts += 1;
      const isForOthers = isRetryable(error) || error instanceof ShardLost;
      const mayRetry = entry.reject === undefined || (isForOthers && entry.attempts < MAX_ATTEMPTS);
      if (mayRetry) again.push(entry);
      else entry.reject?.(unavailable(error));
    }
    this.#queue.unshift(...again);
  }

  #openSession(): void {
    if (this.#opening || this.#session !== undefined) return;
    this.#opening = true;
    clearTimeout(this.#retry);
    const late = setTimeout(
      () => this.#refuseWaiting(new Error('the database did not answer')),
      this.#options.timeoutMs,
    );
    this.#newSession().then(
      (session) => {
        clearTimeout(late);
        this.#opening = false;
        if (this.#closed) {
          session.client.release(true);
          return;
        }
        this.#retryMs = REFUSE_FOR_MS;
        this.#refuseUntilMs = 0;
        this.#session = session;
        this.#schedule();
      },
      (error: unknown) => {
        clearTimeout(late);
        this.#opening = false;
        this.#refuseUntilMs = performance.now() + REFUSE_FOR_MS;
        this.#options.observe?.failed('commit');
        this.#options.logger?.error({ err: error, workspace: this.#options.workspaceId }, 'the log cannot be written');
        this.#refuseWaiting(error);
        if (this.#closed) return;
        this.#retry = setTimeout(() => this.#openSession(), this.#retryMs);
        this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
      },
    );
  }

  async #newSession(): Promise<Session> {
    const { workspaceId, nodeId, clock } = this.#options;
    const client = await this.#pool.connect();
    client.on('error', (error) => {
      if (this.#session?.client === client) this.#lose(this.#session, error);
    });
    try {
      const identity = await readIdentity(client, workspaceId);
      const former = this.#former;
      let held = former === undefined ? undefined : await retakeShard(client, workspaceId, former);
      if (former !== undefined) await this.#resolveDoubt(client, former);
      if (held === undefined) {
        this.#open.leaveShard();
        held = await settleLostCalls(client, workspaceId, await claimShard(client, workspaceId, nodeId), clock());
      }
      this.#committed = held.position;
      this.#predicted = held.position;
      this.#former = held;
      return { client, held, identity };
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  /** Nobody can write with the old fence any more, so a block is there now or never will be. */
  async #resolveDoubt(client: pg.PoolClient, former: HeldShard): Promise<void> {
    const first = this.#doubt[0];
    if (first === undefined) return;
    const { rows } = await client.query<{ block: number; head: Buffer }>(
      'SELECT block, head FROM log_blocks WHERE workspace_id = $1 AND shard_id = $2 AND block >= $3 ORDER BY block LIMIT $4',
      [this.#options.workspaceId, former.shardId, first.before.block, this.#doubt.length],
    );
    const heads = new Map(rows.map(({ block, head }) => [block, head]));
    const doubt = this.#doubt;
    this.#doubt = [];
    for (const append of doubt) {
      if (heads.get(append.before.block)?.equals(append.block.head) === true) this.#commit(append, 0);
      else
        this.#giveBack(
          append.items.map(({ entry }) => entry),
          new Error('the session broke before the commit'),
        );
    }
  }

  /** The database is away: nobody waits for it. Outcomes stay, since their calls have happened. */
  #refuseWaiting(error: unknown): void {
    const waiting = this.#queue;
    this.#queue = waiting.filter(({ reject }) => reject === undefined);
    for (const { reject } of waiting) reject?.(unavailable(error));
    for (const { items } of this.#doubt) {
      for (const { entry } of items) {
        if (entry.kind === 'intent') this.#refused.add(entry.eventId);
        entry.reject?.(unavailable(error));
      }
    }
    for (const { reject } of this.#turns.splice(0)) reject(unavailable(error));
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

function checkAmounts({ evaluation: { demands, charges } }: Intent): void {
  for (const { amount } of [...demands, ...charges])
    if (!Number.isSafeInteger(amount) || amount < 0)
      throw new TypeError('an amount is a whole number from 0 to 2^53 - 1');
  for (const { windowSeconds } of demands)
    if (!Number.isInteger(windowSeconds) || windowSeconds < 1 || windowSeconds > 2 ** 31 - 1)
      throw new TypeError('a window is a whole number of seconds');
}

function unavailable(error: unknown): LogUnavailable {
  if (error instanceof LogUnavailable) return error;
  return new LogUnavailable('nothing was recorded', { cause: error });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function ignore(): void {}
