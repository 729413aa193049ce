/** Requests that nobody answers are over at their time. Any number of nodes look; whoever moves the row writes its record. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import type { Logger } from '../observability/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { expireRequest } from './change.ts';

const LOOK_EVERY_MS = 30_000;
const AT_ONCE = 100;

interface Context {
  readonly pool: Pool;
  readonly log: ActionLog;
  readonly logger: Logger;
}

export function watchAgentRequests(context: Context): Rounds {
  return startRounds(
    LOOK_EVERY_MS,
    () => expireRequests(context),
    (error) => context.logger.warn({ err: error }, 'requests for agents could not be looked after'),
  );
}

/** One look. */
export async function expireRequests({ pool, log }: Pick<Context, 'pool' | 'log'>): Promise<void> {
  const { rows } = await pool.query<{ workspace_id: WorkspaceId; id: string }>(
    `SELECT workspace_id, id FROM agent_requests
      WHERE status = 'requested' AND expires_at <= clock_timestamp() ORDER BY expires_at LIMIT ${AT_ONCE}`,
  );
  for (const { workspace_id: workspaceId, id } of rows)
    await log.transact(workspaceId, (transaction) =>
      expireRequest(transaction, { workspaceId, actor: 'system', credentialId: '' }, id),
    );
}
