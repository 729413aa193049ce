/**
 * Changes of a directory, one after the other in each workspace. A change has the workspace's log for itself while it
 * lasts, and so has a stop: with one change at a time in the queue, no directory keeps a stop waiting for more than that.
 */
import type { WorkspaceId } from '../ids.ts';
import { ScimFailure } from './failure.ts';

const MAX_WAITING = 64;

export class Lane {
  readonly #last = new Map<WorkspaceId, Promise<unknown>>();
  readonly #waiting = new Map<WorkspaceId, number>();

  /** Throws 429 when too many wait already. */
  async run<T>(workspaceId: WorkspaceId, change: () => Promise<T>): Promise<T> {
    const waiting = this.#waiting.get(workspaceId) ?? 0;
    if (waiting >= MAX_WAITING) throw new TooMany(1);
    this.#waiting.set(workspaceId, waiting + 1);
    const turn = (this.#last.get(workspaceId) ?? Promise.resolve()).then(change, change);
    this.#last.set(workspaceId, turn);
    try {
      return await turn;
    } finally {
      const left = (this.#waiting.get(workspaceId) ?? 1) - 1;
      if (left > 0) this.#waiting.set(workspaceId, left);
      else {
        this.#waiting.delete(workspaceId);
        this.#last.delete(workspaceId);
      }
    }
  }
}

/** Throws 429 when a connection asks for more than so much a minute. In memory, for itself: it touches no other limit. */
export class Pace {
  readonly #perMinute: number;
  readonly #nowMs: () => number;
  readonly #windows = new Map<string, { endsMs: number; used: number }>();

  constructor(perMinute: number, nowMs: () => number) {
    this.#perMinute = perMinute;
    this.#nowMs = nowMs;
  }

  count(connection: string, operations: number): void {
    const nowMs = this.#nowMs();
    const window = this.#windows.get(connection);
    const current = window === undefined || window.endsMs <= nowMs ? { endsMs: nowMs + 60_000, used: 0 } : window;
    if (current.used + operations > this.#perMinute && current.used > 0)
      throw new TooMany(Math.ceil((current.endsMs - nowMs) / 1000));
    current.used += operations;
    this.#windows.set(connection, current);
  }
}

export class TooMany extends ScimFailure {
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super(429, undefined, 'Too much at once; wait as Retry-After says.');
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
