/** Whatever somebody may not do with a review is on the log before they are told. */
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { ReviewContext } from './context.ts';

export type Attempt = 'open' | 'decide' | 'reassign' | 'submit' | 'recheck' | 'sign' | 'close' | 'except';

/** What nobody was told of a review by: a name that does not exist, or a body that is no decision. */
const UNRECORDED: ReadonlySet<string> = new Set(['review_not_found', 'review_item_not_found', 'remediation_not_found']);

/** Throws what `attempt` throws. */
export async function recordingRefusals<T>(
  { log }: Pick<ReviewContext, 'log'>,
  who: Administrator,
  campaign: string,
  attempt: Attempt,
  items: readonly string[],
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Failure && error.status < 500 && !UNRECORDED.has(error.code))
      await log.record(who.workspaceId, {
        kind: 'review.refused',
        actor: who.actor,
        person: who.person?.email,
        key_id: who.credentialId,
        campaign,
        items: items.slice(0, 20),
        attempt,
        code: error.code,
        reason: error.message,
      });
    throw error;
  }
}
