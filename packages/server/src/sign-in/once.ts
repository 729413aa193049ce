/** Messages of identity providers that count once: a second time they are a replay. */

import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';

export interface Message {
  readonly kind: 'saml_message' | 'logout_token';
  readonly issuer: string;
  readonly id: string;
  /** From when on the message is refused for its age alone. */
  readonly expiresAt: Date;
}

/** False when it was accepted before. In the transaction of what it brings about. */
export async function acceptOnce(
  { client }: Pick<LoggedTransaction, 'client'>,
  workspaceId: WorkspaceId,
  { kind, issuer, id, expiresAt }: Message,
): Promise<boolean> {
  await client.query('DELETE FROM accepted_once WHERE expires_at < now()');
  const { rowCount } = await client.query(
    `INSERT INTO accepted_once (workspace_id, kind, issuer, message_id, expires_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT DO NOTHING`,
    [workspaceId, kind, issuer, id, expiresAt],
  );
  return rowCount === 1;
}
