/** Lets go of what has outlived its period, and finishes what was left, on every node; one at a time does it. */
import type { WorkspaceId } from '../ids.ts';
import type { Logger } from '../observability/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { type DisposeContext, dispose } from './dispose.ts';

/** Periods are days; what somebody asked for, and a node that died left, should not wait long. */
const LOOK_EVERY_MS = 60_000;
const DISPOSE_EVERY_MS = 6 * 3_600_000;

export type WatchContext = DisposeContext & { readonly logger: Logger };

export function watchRetention(context: WatchContext): Rounds {
  const disposedAt = new Map<WorkspaceId, number>();
  return startRounds(
    LOOK_EVERY_MS,
    async () => {
      const { rows } = await context.pool.query<{ id: WorkspaceId; is_open: boolean }>(
        `SELECT w.id, EXISTS (SELECT FROM retention_work o WHERE o.workspace_id = w.id AND o.done_at IS NULL)
                   OR EXISTS (SELECT FROM disposals d WHERE d.workspace_id = w.id AND d.ended_at IS NULL) AS is_open
           FROM workspaces w
          WHERE EXISTS (SELECT FROM retention_settings s WHERE s.workspace_id = w.id)
             OR EXISTS (SELECT FROM retention_work o WHERE o.workspace_id = w.id AND o.done_at IS NULL)`,
      );
      for (const { id, is_open } of rows) {
        const isDue = performance.now() - (disposedAt.get(id) ?? Number.NEGATIVE_INFINITY) >= DISPOSE_EVERY_MS;
        if (!is_open && !isDue) continue;
        disposedAt.set(id, performance.now());
        await dispose(context, id, 'system');
      }
    },
    (error) => context.logger.warn({ err: error }, 'what has outlived its retention could not be let go'),
  );
}
