/** What a person signs in with beside keys and sessions, which ends when they leave. */
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { Leaver } from './leave.ts';

export interface EndedCredentials {
  readonly passkeysRevoked: number;
  readonly invitationsRevoked: number;
}

/** Passkeys, and links with which the person could register another or sign in for the first time. */
export async function endCredentialsOf(
  { client, now, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  { id: personId, email }: Leaver,
  { actor, reason }: { readonly actor: string; readonly reason: string },
): Promise<EndedCredentials> {
  const { rows: passkeys } = await client.query<{ id: string; name: string }>(
    `UPDATE passkeys SET revoked_at = $3, revoked_by = $4
      WHERE workspace_id = $1 AND person_id = $2 AND revoked_at IS NULL RETURNING id, name`,
    [workspaceId, personId, now, actor],
  );
  for (const { id, name } of passkeys)
    log({ kind: 'passkey.revoked', actor, passkey_id: id, passkey: name, person_id: personId, person: email, reason });
  const { rows: invitations } = await client.query<{ id: string }>(
    `UPDATE sign_in_invitations SET revoked_at = $3
      WHERE workspace_id = $1 AND person_id = $2 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $3 RETURNING id`,
    [workspaceId, personId, now],
  );
  for (const { id } of invitations)
    log({
      kind: 'invitation.changed',
      actor,
      invitation_id: id,
      person_id: personId,
      person: email,
      change: 'revoked',
      reason,
    });
  return { passkeysRevoked: passkeys.length, invitationsRevoked: invitations.length };
}
