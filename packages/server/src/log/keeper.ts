/** Keeps the log of one workspace in order behind the writers: seals, projects, copies checkpoints. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { Logger, LogObserver } from '../observability/index.ts';
import type { CheckpointCopies } from './checkpoints.ts';
import { project, projectedSize } from './projector.ts';
import { type Sealer, type Sealing, treeSize } from './sealer.ts';

/** Under load a round begins this long after the last one, so that streams lag by less than two of them. */
const ROUND_EVERY_MS = 100;
const AFTER_FAILURE_MS = 1_000;
const TRIES_WHILE_BUSY = 50;

export interface KeeperOptions {
  readonly pool: Pool;
  readonly workspaceId: WorkspaceId;
  readonly sealer: Sealer;
  readonly copies: CheckpointCopies;
  readonly logger: Logger | undefined;
  readonly observe: LogObserver | undefined;
  /** New rows can be read, up to this global number. */
  readonly onProjected: (lastSeq: number) => void;
}

export class Keeper {
  readonly #options: KeeperOptions;
  #isWoken = false;
  #wakeUp: (() => void) | undefined;
  #isClosed = false;
  /** Rounds and requests run one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  /** So do projections, beside them. */
  #projection: Promise<unknown> = Promise.resolve();
  /** The one that has not begun. */
  #nextProjection: Promise<void> | undefined;
  /** Of what this node has sealed. */
  #size = 0;
  readonly #running: Promise<void>;
  #copying: Promise<void> | undefined;
  #copyAgainAtMs = 0;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** There may be something to seal. */
  wake(): void {
    this.#isWoken = true;
    this.#wakeUp?.();
  }

  /** Seals and projects all there is now, with a checkpoint. Rejects when the database does not answer. */
  async catchUp(): Promise<void> {
    const { pool, workspaceId } = this.#options;
    let sealed: number | undefined;
    for (let tries = 0; tries < TRIES_WHILE_BUSY; tries += 1) {
      const isSealed = (await this.#inTurn(() => this.#round(true))) !== undefined;
      if (isSealed) sealed ??= await treeSize(pool, workspaceId);
      await this.#project();
      // Another node may still have the projection in hand.
      if (sealed !== undefined && (await projectedSize(pool, workspaceId)) >= sealed) return;
      await new Promise((resolve) => setTimeout(resolve, ROUND_EVERY_MS));
    }
    throw new Error('another node has been sealing or projecting all the time');
  }

  /** A last round with a checkpoint, and its copies. Fails silently when the database is away: the next start goes on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.wake();
    await this.#running;
    await this.catchUp().catch(() => undefined);
    await this.#projection;
    await this.#copying;
    await this.#options.copies.deliver(this.#options.workspaceId).catch(() => undefined);
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      this.#isWoken = false;
      const idleMs = await this.#inTurn(() => this.#round(false)).catch((error: unknown) => {
        this.#options.logger?.warn({ err: error, workspace: this.#options.workspaceId }, 'the log could not be sealed');
        return AFTER_FAILURE_MS;
      });
      await this.#sleep(ROUND_EVERY_MS, false);
      // While another node seals, its round may have begun before our last block was there.
      if (!this.#isWoken && idleMs !== undefined) await this.#sleep(idleMs - ROUND_EVERY_MS, true);
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Milliseconds after which to look again although nothing was heard; undefined when another node is sealing. */
  async #round(signNow: boolean): Promise<number | undefined> {
    let sealing: Sealing;
    do {
      sealing = await this.#watched('seal', () => this.#options.sealer.seal(signNow));
      if (sealing.kind === 'sealed') this.#size = sealing.size;
      this.#projectBeside();
      // Lets the calls that waited behind the hashing go first.
      await new Promise((resolve) => setImmediate(resolve));
    } while (sealing.kind === 'sealed' && sealing.hasMore);
    if (sealing.kind === 'busy') return undefined;
    if (sealing.checkpoint !== undefined || performance.now() >= this.#copyAgainAtMs) this.#copy();
    return sealing.checkpointInMs;
  }

  /** Rows take several times as long as seals, for which streams wait: the next round is not held up. */
  #projectBeside(): void {
    if (this.#isClosed) return;
    this.#project().catch((error: unknown) => {
      const { logger, workspaceId } = this.#options;
      logger?.warn({ err: error, workspace: workspaceId }, 'the log could not be projected');
      setTimeout(() => this.wake(), AFTER_FAILURE_MS).unref();
    });
  }

  /** Whoever asks before a turn has begun shares it: it projects what is sealed then. */
  #project(): Promise<void> {
    if (this.#nextProjection !== undefined) return this.#nextProjection;
    const turn = this.#projection.then(() => {
      this.#nextProjection = undefined;
      return this.#projectAll();
    });
    this.#nextProjection = turn;
    this.#projection = turn.catch(() => undefined);
    return turn;
  }

  async #projectAll(): Promise<void> {
    const { pool, workspaceId, onProjected } = this.#options;
    const size = this.#size;
    for (;;) {
      const { lastSeq, hasMore } = await this.#watched('project', () => project(pool, workspaceId));
      if (lastSeq !== undefined) onProjected(lastSeq);
      if (!hasMore) return;
      // What is sealed faster than this has a turn of its own, or whoever waits for this one would wait for ever.
      if (lastSeq !== undefined && lastSeq >= size) return this.#projectBeside();
    }
  }

  /** In the background: a slow witness holds up nothing. */
  #copy(): void {
    if (this.#copying !== undefined) return;
    this.#copying = this.#options.copies
      .deliver(this.#options.workspaceId)
      .catch(() => AFTER_FAILURE_MS)
      .then((againInMs) => {
        this.#copying = undefined;
        this.#copyAgainAtMs = againInMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + againInMs;
        if (againInMs !== undefined) setTimeout(() => this.wake(), againInMs).unref();
      });
  }

  async #watched<T>(what: 'seal' | 'project', work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#options.observe?.failed(what);
      throw error;
    }
  }

  /** Until the time is over, or, with `untilWoken`, until there is something to do. Closing ends it. */
  #sleep(ms: number, untilWoken: boolean): Promise<void> {
    if (this.#isClosed || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      this.#wakeUp = () => {
        if (!untilWoken && !this.#isClosed) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
