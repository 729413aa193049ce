/** Keeps what was used up to date. Any number of nodes look; one at a time counts. */
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { Logger } from '../observability/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { countUse, forgetUse } from './use.ts';

const LOOK_EVERY_MS = 15_000;
/** Of one workspace in one round: another one's turn comes. */
const STEPS_IN_A_ROUND = 20;
const FORGET_EVERY_MS = 6 * 3_600_000;

export function watchUse({
  pool,
  logger,
  clock,
}: {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly clock: () => number;
}): Rounds {
  let forgetAtMs = 0;
  return startRounds(
    LOOK_EVERY_MS,
    async () => {
      const { rows } = await pool.query<{ id: WorkspaceId }>('SELECT id FROM workspaces');
      for (const { id } of rows)
        for (let step = 0; step < STEPS_IN_A_ROUND; step += 1) if (!(await countUse(pool, id))) break;
      if (clock() < forgetAtMs) return;
      forgetAtMs = clock() + FORGET_EVERY_MS;
      await forgetUse(pool);
    },
    (error) => logger.warn({ err: error }, 'what was used could not be counted'),
  );
}
