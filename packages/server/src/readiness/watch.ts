/** The daily run: of the 90 days that end with a day, UTC. Any number of nodes look; one makes it. */
import type { WorkspaceId } from '../ids.ts';
import type { Logger } from '../observability/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { makeRun, type RunContext } from './run.ts';

const LOOK_EVERY_MS = 60_000;
const DAY_MS = 86_400_000;
const DAYS = 90;
/** A node that died over it is not waited for any longer. */
const CLAIMED_SECONDS = 1_800;

// Only what there was something of: a workspace of today has its first run tomorrow.
const DUE = `
SELECT w.id FROM workspaces w
 WHERE w.created_at < $1 AND NOT EXISTS (SELECT FROM readiness_runs r WHERE r.workspace_id = w.id AND r.kind = 'daily' AND r.period_to = $1)
 ORDER BY w.id`;
const CLAIM = `
INSERT INTO readiness_watch AS r (workspace_id, claimed_until) VALUES ($1, clock_timestamp() + make_interval(secs => $2))
ON CONFLICT (workspace_id) DO UPDATE SET claimed_until = excluded.claimed_until WHERE r.claimed_until < clock_timestamp()`;

export type WatchContext = RunContext & { readonly logger: Logger; readonly clock: () => number };

export function watchReadiness(context: WatchContext): Rounds {
  return startRounds(
    LOOK_EVERY_MS,
    () => runDue(context),
    (error) => context.logger.warn({ err: error }, 'readiness could not be looked after'),
  );
}

/** Makes what is due. One workspace whose run fails keeps no other from its own. */
export async function runDue(context: WatchContext): Promise<void> {
  const to = new Date(Math.floor(context.clock() / DAY_MS) * DAY_MS);
  const from = new Date(to.getTime() - DAYS * DAY_MS);
  const { rows } = await context.pool.query<{ id: WorkspaceId }>(DUE, [to]);
  for (const { id } of rows) {
    const { rowCount } = await context.pool.query(CLAIM, [id, CLAIMED_SECONDS]);
    if (rowCount === 0) continue;
    const period = { from: from.toISOString(), to: to.toISOString() };
    await makeRun(context, { workspaceId: id, actor: 'system' }, period, 'daily').catch((error: unknown) =>
      context.logger.warn({ err: error, workspaceId: id }, 'the daily readiness run could not be made'),
    );
  }
}
