/**
 * Whoever asked may have left while the request waited for its transaction. What is only done matters little then; a
 * credential that is made for them would stay.
 */
import type { ClientBase, Pool } from 'pg';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';

const LIVE = `
SELECT FROM admin_keys k WHERE k.workspace_id = $1 AND k.id = $2 AND k.revoked_at IS NULL
   AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
UNION ALL
SELECT FROM console_sessions s WHERE s.workspace_id = $1 AND s.id = $2 AND s.expires_at > clock_timestamp()`;

/** Belongs into the transaction of what it makes. Throws `credential_over` when key or session has ended meanwhile. */
export async function checkStillThere(
  client: Pool | ClientBase,
  { workspaceId, credentialId }: Pick<Administrator, 'workspaceId' | 'credentialId'>,
): Promise<void> {
  const { rowCount } = await client.query(LIVE, [workspaceId, credentialId]);
  if (rowCount !== 0) return;
  throw new Failure(
    401,
    'credential_over',
    'The key, or session, of this request has ended while it waited.',
    'Sign in again, or use a live key.',
  );
}
