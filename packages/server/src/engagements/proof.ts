/** Whoever lets an audit firm in proves that it is them, and not whoever found a session open. */
import type { Administrator, ApiContext } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { checkFresh } from '../identity/index.ts';

const FRESH_MS = 900_000;

/**
 * Throws `step_up_required` unless the session was proven within 15 minutes. A key is proven with its request; where people decide by
 * their own sign-in, the transaction refuses it.
 */
export async function checkProven(
  { pool, clock }: Pick<ApiContext, 'pool' | 'clock'>,
  { workspaceId, session, person, authenticatedAtMs = 0 }: Administrator,
): Promise<void> {
  if (session === undefined) return;
  const what = 'Letting an audit firm in';
  if (person !== undefined && session.method !== 'key')
    return checkFresh(pool, clock(), { workspaceId, personId: person.id, session }, what);
  if (Math.max(session.steppedUpAtMs ?? 0, authenticatedAtMs) > clock() - FRESH_MS) return;
  throw new Failure(403, 'step_up_required', `${what} takes a sign-in not older than 15 minutes.`, 'Sign in again.');
}
