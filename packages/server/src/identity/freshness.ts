/** Before somebody adds another way to sign in as themselves: the first thing that a thief of a session would do. */
import type { Pool } from 'pg';
import type { SignIn } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';

const FRESH_SECONDS = 900;

interface Proof {
  readonly has_passkey: boolean;
  readonly authenticated_at: Date;
}

/**
 * Throws `step_up_required` unless the person has proven within 15 minutes who they are: with a passkey or at the provider,
 * and where they have no passkey yet by the sign-in itself. `what`: as the subject of a sentence.
 */
export async function checkFresh(
  pool: Pool,
  nowMs: number,
  { workspaceId, personId, session }: { workspaceId: WorkspaceId; personId: PersonId; session: SignIn },
  what: string,
): Promise<void> {
  const { rows } = await pool.query<Proof>(
    `SELECT s.authenticated_at, EXISTS (
              SELECT FROM passkeys k WHERE k.workspace_id = $1 AND k.person_id = $3 AND k.revoked_at IS NULL) AS has_passkey
       FROM console_sessions s WHERE s.workspace_id = $1 AND s.id = $2`,
    [workspaceId, session.id, personId],
  );
  const [proof] = rows;
  const hasPasskey = proof?.has_passkey !== false;
  const signedInMs = hasPasskey ? 0 : proof.authenticated_at.getTime();
  if (Math.max(session.steppedUpAtMs ?? 0, signedInMs) > nowMs - FRESH_SECONDS * 1000) return;
  throw new Failure(
    403,
    'step_up_required',
    `${what} takes proof, not older than 15 minutes, that it is you.`,
    hasPasskey ? 'Confirm with a passkey that you have, or sign in anew at your provider.' : 'Sign in again.',
  );
}
