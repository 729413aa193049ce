/** What has ended is forgotten. */
import type { ApiContext } from '../api/route.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { forgetExpired } from './replays.ts';

const EVERY_MS = 60_000;

export function watchAgentAuth({ pool, logger }: Pick<ApiContext, 'pool' | 'logger'>): Rounds {
  return startRounds(
    EVERY_MS,
    () => forgetExpired(pool),
    (error) => logger.debug({ err: error }, 'expired access tokens were not cleared away'),
  );
}
