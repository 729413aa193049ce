/**
 * Ends engagements whose time is over, on every node; one does it. Nobody waits for it: a session is looked up with the
 * engagement that lets it in, and is over with it to the microsecond.
 */
import type { LeaveContext } from '../departures/index.ts';
import { withDepartures } from '../departures/index.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { endEngagement, expiredEngagements } from './life.ts';

const LOOK_EVERY_MS = 5_000;

export function watchEngagements(context: LeaveContext): Rounds {
  return startRounds(
    LOOK_EVERY_MS,
    async () => {
      for (const { workspaceId, id } of await expiredEngagements(context))
        await withDepartures(context, workspaceId, (transaction, leave) =>
          endEngagement(transaction, leave, { workspaceId, actor: 'system' }, id, 'its time is over'),
        );
    },
    (error) => context.logger.warn({ err: error }, 'an engagement that is over could not be ended yet'),
  );
}
