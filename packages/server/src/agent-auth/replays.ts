/** Assertions and proofs that count once. */
import { createHash } from 'node:crypto';
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';

export interface Once {
  readonly kind: 'assertion' | 'federation' | 'dpop';
  /** Within what the id is one: an agent, an issuer, a key. */
  readonly issuer: string;
  readonly jti: string;
  /** From then on it is refused for its age alone. */
  readonly expiresAt: Date;
}

/** False when it was accepted before, on whichever node. */
export async function acceptOnce(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  { kind, issuer, jti, expiresAt }: Once,
): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'auth-once',
    text: `INSERT INTO auth_replays (workspace_id, kind, issuer, jti, expires_at) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT DO NOTHING`,
    values: [workspaceId, kind, issuer, createHash('sha256').update(jti).digest('base64url'), expiresAt],
  });
  return rowCount === 1;
}

/** What is refused for its age alone need not be remembered. Access tokens stay a day, so that their ends can be looked into. */
export async function forgetExpired(pool: Pool): Promise<void> {
  await pool.query('DELETE FROM auth_replays WHERE expires_at < now()');
  await pool.query('DELETE FROM oauth_artifacts WHERE expires_at < now()');
  await pool.query(`DELETE FROM oauth_consents WHERE expires_at < now() - interval '1 day'`);
  // A client makes some hundred a day; one that was used a week ago says little when it is shown again.
  await pool.query(`DELETE FROM refresh_tokens WHERE used_at < now() - interval '7 days'`);
  await pool.query(`DELETE FROM refresh_tokens WHERE expires_at < now() - interval '1 day'`);
  await pool.query(`DELETE FROM access_tokens WHERE expires_at < now() - interval '1 day'`);
}
