/** Tells followers that a workspace's log has grown. */
import type { WorkspaceId } from '../ids.ts';
import type { NewRows } from './reader.ts';

export class News implements NewRows {
  readonly #waiting = new Map<WorkspaceId, Set<() => void>>();

  next(workspaceId: WorkspaceId, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(workspaceId) ?? new Set();
      this.#waiting.set(workspaceId, waiting);
      const done = (): void => {
        waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      waiting.add(done);
      signal.addEventListener('abort', done);
    });
  }

  tell(workspaceId: WorkspaceId): void {
    for (const done of this.#waiting.get(workspaceId) ?? []) done();
  }

  tellAll(): void {
    for (const workspaceId of this.#waiting.keys()) this.tell(workspaceId);
  }
}
