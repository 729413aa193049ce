/**
 * Permits for agents that run their own tools: the allowed call stays open until its agent says how it ended,
 * a stop reaches it, or its time is over. A permit stands in the database, so it outlives its node; the node
 * that issued it also holds the call in memory, so that a stop finds it in flight.
 */
import type { Pool } from 'pg';
import { type AgentId, newId, type WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import type { Logger } from '../observability/index.ts';
import { type ActionPath, mayBegin, type Outcome, type Permit } from '../path/index.ts';
import {
  type ClosedPermit,
  expirePermits,
  forgetPermits,
  insertPermit,
  noteRecorded,
  PERMITS_AT_ONCE,
  permitState,
  reportPermit,
  stopPermit,
  takeUnrecorded,
} from './store.ts';

export { type ClosedPermit, stopPermits } from './store.ts';

const SWEEP_EVERY_MS = 1_000;
const FORGET_EVERY_MS = 3_600_000;
/** A permit that another node closed is held here until this long after its time. */
const HELD_AFTER_END_MS = 15_000;

export interface PermitsOptions {
  readonly pool: Pool;
  readonly log: Pick<ActionLog, 'recordOutcome'>;
  readonly path: Pick<ActionPath, 'settle' | 'release'>;
  readonly nodeId: string;
  /** How long a permit is good. */
  readonly seconds: number;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly clock: () => number;
}

/** `stopped`: a stop came before the permit could be handed out; its call is on the log as not attempted. */
type Issued = { readonly kind: 'issued'; readonly id: string; readonly expiresAt: Date } | { readonly kind: 'stopped' };

/** Whether a report was taken. `unknown`: the agent has no such permit; `reported`: there was a report before. */
type Report = { readonly kind: 'taken' | 'unknown' | 'expired' | 'reported' };

export interface Permits {
  /** Makes the allowed call a permit to be handed out. Rejects when that could not be made durable: then the call is settled as not attempted. */
  issue(permit: Permit): Promise<Issued>;
  /** What became of the call, by the agent that holds the permit; once. */
  report(workspaceId: WorkspaceId, id: string, agentId: AgentId, outcome: Outcome): Promise<Report>;
  /** Leaves what is open to the database, so that shutting down does not wait for it. */
  close(): Promise<void>;
}

/** Puts the results of permits that somebody closed on the log. Should this node die before, a sweep does. */
export function recordEnded(
  { pool, log, logger }: Pick<PermitsOptions, 'pool' | 'log' | 'logger'>,
  closed: readonly ClosedPermit[],
): void {
  for (const each of closed)
    log
      .recordOutcome(each.call, each.outcome)
      .then(() => noteRecorded(pool, each))
      .catch((error: unknown) => logger.warn({ err: error }, 'the end of a permit could not be recorded'));
}

export function createPermits(options: PermitsOptions): Permits {
  return new Keeper(options);
}

interface HeldPermit {
  readonly permit: Permit;
  readonly untilMs: number;
}

class Keeper implements Permits {
  readonly #options: PermitsOptions;
  readonly #held = new Map<string, HeldPermit>();
  readonly #timers: readonly NodeJS.Timeout[];
  #sweeping: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: PermitsOptions) {
    this.#options = options;
    this.#timers = [
      setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref(),
      setInterval(() => void forgetPermits(options.pool).catch(this.#failed), FORGET_EVERY_MS).unref(),
    ];
  }

  async issue(permit: Permit): Promise<Issued> {
    const { pool, nodeId, seconds, path, clock } = this.#options;
    const { workspaceId } = permit.principal;
    const id = newId('prm');
    let expiresAt: Date;
    try {
      expiresAt = await insertPermit(pool, nodeId, id, permit, seconds);
    } catch (error) {
      // Should the row be there after all, it expires, as nobody knows of it.
      void path.settle(permit, { result: 'not_attempted', errorCode: 'permit_unavailable' });
      throw error;
    }
    if (this.#isClosed) path.release(permit);
    else this.#held.set(id, { permit, untilMs: clock() + seconds * 1000 + HELD_AFTER_END_MS });
    if (!mayBegin(permit)) {
      await this.#stop(workspaceId, id, 'not_attempted');
      return { kind: 'stopped' };
    }
    permit.signal.addEventListener('abort', () => void this.#stop(workspaceId, id, 'unknown').catch(this.#failed), {
      once: true,
    });
    return { kind: 'issued', id, expiresAt };
  }

  async report(workspaceId: WorkspaceId, id: string, agentId: AgentId, outcome: Outcome): Promise<Report> {
    const { pool } = this.#options;
    const closed = await reportPermit(pool, workspaceId, id, agentId, outcome);
    if (closed !== undefined) {
      this.#record(closed);
      return { kind: 'taken' };
    }
    const state = await permitState(pool, workspaceId, id, agentId);
    if (state === undefined) return { kind: 'unknown' };
    // Open or stopped, and yet it took no report: its time is over.
    return { kind: state === 'reported' ? 'reported' : 'expired' };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#sweeping;
    for (const id of this.#held.keys()) this.#letGo(id);
  }

  async #stop(workspaceId: WorkspaceId, id: string, result: 'unknown' | 'not_attempted'): Promise<void> {
    if (this.#isClosed) return;
    const closed = await stopPermit(this.#options.pool, workspaceId, id, result);
    if (closed === undefined) this.#letGo(id);
    else this.#record(closed);
  }

  /** The row has been closed by us. Should this node die before the result is durable, a sweep records it. */
  #record(closed: ClosedPermit): void {
    const { pool, path, log } = this.#options;
    const held = this.#held.get(closed.id);
    this.#held.delete(closed.id);
    const written =
      held === undefined ? log.recordOutcome(closed.call, closed.outcome) : path.settle(held.permit, closed.outcome);
    written.then(() => noteRecorded(pool, closed)).catch(this.#failed);
  }

  #letGo(id: string): void {
    const held = this.#held.get(id);
    this.#held.delete(id);
    if (held !== undefined) this.#options.path.release(held.permit);
  }

  #sweep(): void {
    if (this.#sweeping !== undefined) return;
    this.#sweeping = this.#closeWhatIsOver()
      .catch(this.#failed)
      .finally(() => {
        this.#sweeping = undefined;
      });
  }

  async #closeWhatIsOver(): Promise<void> {
    const { pool, nodeId, clock } = this.#options;
    for (const next of [() => expirePermits(pool, nodeId), () => takeUnrecorded(pool)]) {
      let batch: readonly ClosedPermit[];
      do {
        batch = await next();
        for (const closed of batch) this.#record(closed);
      } while (batch.length === PERMITS_AT_ONCE && !this.#isClosed);
    }
    const now = clock();
    for (const [id, { untilMs }] of this.#held) if (untilMs < now) this.#letGo(id);
  }

  readonly #failed = (error: unknown): void => {
    this.#options.logger.warn({ err: error }, 'permits could not be kept in order');
  };
}
