/** What a person signs in with beside keys and sessions, which ends when they leave. */
import { personActor } from '../identity/index.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { ACTORS } from './known-credentials.ts';
import type { Leaver } from './leave.ts';

export interface EndedCredentials {
  readonly passkeysRevoked: number;
  readonly invitationsRevoked: number;
}

/**
 * Passkeys, and links with which the person could register another or sign in for the first time; and links that they have
 * made for others, as who has seen one comes in as whom it is for.
 */
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
  const { rows: invitations } = await client.query<{ id: string; invited: PersonId; email: string }>(
    `UPDATE sign_in_invitations i SET revoked_at = $4 FROM people p
      WHERE i.workspace_id = $1 AND (i.person_id = $2 OR i.created_by = ANY(${ACTORS}))
        AND i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $4
        AND p.workspace_id = i.workspace_id AND p.id = i.person_id
     RETURNING i.id, p.id AS invited, p.email`,
    [workspaceId, personId, personActor(email), now],
  );
  for (const { id, invited, email: invitee } of invitations)
    log({
      kind: 'invitation.changed',
      actor,
      invitation_id: id,
      person_id: invited,
      person: invitee,
      change: 'revoked',
      reason,
    });
  return { passkeysRevoked: passkeys.length, invitationsRevoked: invitations.length };
}
