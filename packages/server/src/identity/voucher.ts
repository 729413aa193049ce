/**
 * Who says who people are, and what they may. Where people decide by their own sign-in that takes one as well: whoever
 * holds a key could otherwise make somebody who signs in as they like.
 */
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { ownSignInProblem } from './assurance.ts';
import { checkStillThere } from './still-there.ts';

/** Somebody is there who can do it: an active person with an identity at a provider, or with the passkey of an emergency. */
const CAN_SIGN_IN = `
SELECT FROM person_identities i JOIN people p ON p.workspace_id = i.workspace_id AND p.id = i.person_id AND p.active
 WHERE i.workspace_id = $1
UNION ALL
SELECT FROM passkeys k JOIN people p ON p.workspace_id = k.workspace_id AND p.id = k.person_id AND p.active AND p.break_glass
 WHERE k.workspace_id = $1 AND k.revoked_at IS NULL
 LIMIT 1`;

/**
 * Belongs into the transaction of whatever vouches for people: providers, links that let anybody in, directories, roles,
 * accounts for emergencies. Throws `credential_over`, and `own_session_required`; not while there is nobody who can sign in.
 */
export async function checkVoucher(
  client: Pool | ClientBase,
  who: Pick<Administrator, 'workspaceId' | 'session' | 'credentialId'>,
): Promise<void> {
  await checkStillThere(client, who);
  if ((await ownSignInProblem(client, who)) === undefined) return;
  const { rowCount } = await client.query(CAN_SIGN_IN, [who.workspaceId]);
  if (rowCount === 0) return;
  throw new Failure(
    403,
    'own_session_required',
    'In this workspace people decide by their own sign-in: who they are, and what they may, is said by a person who has signed in.',
    'Sign in to the console by your identity provider, or with an account for emergencies.',
  );
}
