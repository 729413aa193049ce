/** Who a person is at the identity providers. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { SessionId, WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { readPerson } from '../people/index.ts';

export const identitySchema = z
  .object({
    id: z.string(),
    object: z.literal('identity'),
    person: z.string(),
    provider: z.object({ id: z.string(), name: z.string() }),
    issuer: z.string(),
    subject: z.string(),
    linked_how: z.enum(['invitation', 'session', 'first_sign_in', 'directory']),
    linked_by: z.string(),
    linked_at: z.int(),
    last_used_at: z.int(),
  })
  .meta({ id: 'Identity' });

type IdentityView = z.output<typeof identitySchema>;

/** By when they were linked. Throws `person_not_found`. */
export async function listIdentities(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  person: string,
): Promise<readonly IdentityView[]> {
  const { id } = await readPerson(client, workspaceId, person);
  const { rows } = await client.query<IdentityView>(
    `SELECT i.id, 'identity' AS object, p.email AS person, json_build_object('id', v.id, 'name', v.name) AS provider, i.issuer,
            i.subject, i.linked_how, i.linked_by, floor(extract(epoch FROM i.linked_at))::bigint AS linked_at,
            floor(extract(epoch FROM i.last_used_at))::bigint AS last_used_at
       FROM person_identities i
       JOIN people p ON p.workspace_id = i.workspace_id AND p.id = i.person_id
       JOIN identity_providers v ON v.workspace_id = i.workspace_id AND v.id = i.provider_id
      WHERE i.workspace_id = $1 AND i.person_id = $2 ORDER BY i.linked_at, i.id`,
    [workspaceId, id],
  );
  return rows;
}

/** Ends the sessions that came by it. Throws `person_not_found`, `identity_not_found`. */
export function unlinkIdentity(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  person: string,
  identityId: string,
): Promise<void> {
  return log.transact(workspaceId, async ({ client, log: record }) => {
    const { id: personId, email } = await readPerson(client, workspaceId, person);
    const identities = await listIdentities(client, workspaceId, personId);
    const identity = identities.find(({ id }) => id === identityId);
    if (identity === undefined)
      throw new Failure(
        404,
        'identity_not_found',
        `${email} has no identity "${identityId}".`,
        'List them with GET /v1/people/:person/identities.',
      );
    const { rows } = await client.query<{ id: SessionId }>(
      'DELETE FROM console_sessions WHERE workspace_id = $1 AND identity_id = $2 RETURNING id',
      [workspaceId, identityId],
    );
    await client.query('DELETE FROM person_identities WHERE workspace_id = $1 AND id = $2', [workspaceId, identityId]);
    const { issuer, subject, provider } = identity;
    record({
      kind: 'identity.unlinked',
      actor,
      person: email,
      person_id: personId,
      identity_id: identityId,
      provider_id: provider.id,
      provider: provider.name,
      issuer,
      subject,
    });
    for (const { id: session } of rows)
      record({ kind: 'session.ended', actor, session, person: email, reason: 'identity_unlinked' });
  });
}
