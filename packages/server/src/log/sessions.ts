/**
 * The writer's session with the database: one connection that holds one shard. It is opened when it is needed and
 * again when it breaks; while that does not succeed, callers are refused at once instead of waiting.
 */
import type pg from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { Logger, LogObserver } from '../observability/index.ts';
import { connectionOf } from './connection.ts';
import type { LogIdentity } from './records.ts';
import { settleLostCalls } from './recovery.ts';
import { claimShard, type HeldShard, releaseShard, retakeShard } from './shard.ts';
import { readIdentity } from './transaction.ts';

/** While the database is away, callers are refused at once, and one attempt in this time finds out whether it is back. */
const REFUSE_FOR_MS = 250;
const MAX_RETRY_MS = 5_000;

export interface Session {
  readonly client: pg.PoolClient;
  readonly held: HeldShard;
  readonly identity: LogIdentity;
}

export interface SessionOptions {
  readonly workspaceId: WorkspaceId;
  readonly nodeId: string;
  readonly connectionString: string;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  /** Longest wait for the database before callers are refused. */
  readonly timeoutMs: number;
  readonly logger: Logger | undefined;
  readonly observe: LogObserver | undefined;
}

export interface SessionEvents {
  /** Nobody can write with the former fence any more: what its shard holds now is all it got. */
  fenced(client: pg.PoolClient, former: HeldShard): Promise<void>;
  /** Another writer has the former shard now and answers for its unsettled calls. */
  shardLost(): void;
  opened(session: Session): void;
  /** The database does not answer, or not as it should. Called again with each attempt. */
  unavailable(error: unknown): void;
  /** The connection ended by itself. */
  broke(session: Session, error: unknown): void;
}

export class Sessions {
  readonly #options: SessionOptions;
  readonly #events: SessionEvents;
  readonly #pool: pg.Pool;
  #current: Session | undefined;
  /** The shard of the last session, to be taken again. */
  #former: HeldShard | undefined;
  #isOpening = false;
  #isClosed = false;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = REFUSE_FOR_MS;
  #refuseUntilMs = 0;

  constructor(options: SessionOptions, events: SessionEvents) {
    this.#options = options;
    this.#events = events;
    this.#pool = connectionOf(options);
  }

  get current(): Session | undefined {
    return this.#current;
  }

  /** Whether waiting for the database may be worth it. */
  get isHopeful(): boolean {
    return this.#current !== undefined || this.#isOpening || performance.now() >= this.#refuseUntilMs;
  }

  /** Whether the last thing heard of the database was good, or nothing was heard yet. */
  get isHealthy(): boolean {
    return this.#current !== undefined || (this.#former === undefined && this.#refuseUntilMs === 0);
  }

  /** Unless the last attempt has only just failed. */
  open(): void {
    if (performance.now() >= this.#refuseUntilMs) this.#open();
  }

  /** After `drop`: the database answers and cannot write, so it is left alone for a moment, as one that is away. */
  pause(error: unknown): void {
    if (this.#current === undefined && !this.#isOpening) this.#failed(error);
  }

  #open(): void {
    if (this.#isOpening || this.#isClosed || this.#current !== undefined) return;
    this.#isOpening = true;
    clearTimeout(this.#retry);
    const { timeoutMs } = this.#options;
    const late = setTimeout(() => this.#events.unavailable(new Error('the database did not answer')), timeoutMs);
    this.#connect().then(
      (session) => {
        clearTimeout(late);
        this.#isOpening = false;
        if (this.#isClosed) {
          session.client.release(true);
          return;
        }
        this.#retryMs = REFUSE_FOR_MS;
        this.#refuseUntilMs = 0;
        this.#current = session;
        this.#events.opened(session);
      },
      (error: unknown) => {
        clearTimeout(late);
        this.#isOpening = false;
        this.#failed(error);
      },
    );
  }

  /** The session is not to be trusted any more; false when it was given up before. */
  drop(session: Session, error: unknown): boolean {
    if (this.#current !== session) return false;
    this.#current = undefined;
    session.client.release(true);
    const { logger, observe, workspaceId } = this.#options;
    observe?.failed('commit');
    logger?.warn({ err: error, workspace: workspaceId }, 'the log writer lost its session');
    return true;
  }

  /** Gives the shard back. `settled` says that no call of it is without a result. */
  async close(settled: boolean): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const session = this.#current;
    this.#current = undefined;
    if (session !== undefined) {
      await releaseShard(session.client, this.#options.workspaceId, session.held, settled).catch(() => undefined);
      session.client.release(true);
    }
    await this.#pool.end();
  }

  #failed(error: unknown): void {
    const { logger, observe, workspaceId } = this.#options;
    this.#refuseUntilMs = performance.now() + REFUSE_FOR_MS;
    if (!this.#isClosed) {
      observe?.failed('commit');
      logger?.error({ err: error, workspace: workspaceId }, 'the log cannot be written');
      this.#retry = setTimeout(() => this.#open(), this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
    }
    this.#events.unavailable(error);
  }

  async #connect(): Promise<Session> {
    const { workspaceId, nodeId, clock } = this.#options;
    const client = await this.#pool.connect();
    client.on('error', (error) => {
      if (this.#current?.client === client) this.#events.broke(this.#current, error);
    });
    try {
      const identity = await readIdentity(client, workspaceId);
      const former = this.#former;
      let held = former && (await retakeShard(client, workspaceId, former));
      if (former !== undefined) await this.#events.fenced(client, former);
      if (held === undefined) {
        this.#events.shardLost();
        held = await settleLostCalls(client, workspaceId, await claimShard(client, workspaceId, nodeId), clock());
      }
      this.#former = held;
      return { client, held, identity };
    } catch (error) {
      client.release(true);
      throw error;
    }
  }
}
