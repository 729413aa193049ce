/** Links by which a person comes in for the first time: made by an administrator for one person, for one use, for a time. */
import { createHmac, type KeyObject } from 'node:crypto';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { newId, randomBase62 } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { Secret } from '../secret.ts';

/** `identity`: an account of a provider is linked. `passkey`: the passkey of a break-glass account is registered. */
export type InvitationPurpose = 'identity' | 'passkey';

const DEFAULT_SECONDS = 7 * 86_400;

export const newInvitationSchema = z
  .strictObject({
    expires_in_seconds: z
      .int()
      .min(300)
      .max(30 * 86_400)
      .default(DEFAULT_SECONDS),
    any_email: z.boolean().default(false).meta({
      description: 'The provider may state another e-mail than the person has here.',
    }),
  })
  .prefault({});

export const invitationSchema = z
  .object({
    id: z.string(),
    object: z.literal('invitation'),
    person: z.string(),
    purpose: z.enum(['identity', 'passkey']),
    any_email: z.boolean(),
    status: z.enum(['open', 'used', 'revoked', 'expired']),
    created: z.int(),
    created_by: z.string(),
    expires_at: z.int(),
    used_at: z.int().nullable(),
  })
  .meta({ id: 'Invitation' });

export const shownInvitationSchema = invitationSchema
  .extend({ url: z.string().meta({ description: 'Give it to the person alone: whoever opens it comes in as them.' }) })
  .meta({ id: 'NewInvitation', description: 'The only answer that shows the link.' });

export type InvitationView = z.output<typeof invitationSchema>;

const INVITATIONS = `
SELECT i.id, 'invitation' AS object, p.email AS person, i.purpose, i.any_email,
       CASE WHEN i.used_at IS NOT NULL THEN 'used' WHEN i.revoked_at IS NOT NULL THEN 'revoked'
            WHEN i.expires_at <= clock_timestamp() THEN 'expired' ELSE 'open' END AS status,
       floor(extract(epoch FROM i.created_at))::bigint AS created, i.created_by,
       floor(extract(epoch FROM i.expires_at))::bigint AS expires_at, floor(extract(epoch FROM i.used_at))::bigint AS used_at,
       (extract(epoch FROM i.created_at) * 1000000)::bigint AS created_us
  FROM sign_in_invitations i JOIN people p ON p.workspace_id = i.workspace_id AND p.id = i.person_id
 WHERE i.workspace_id = $1`;

export type Invitation = InvitationView & { readonly created_us: number };

/** Newest first. */
export async function listInvitations(
  pool: Pool,
  workspaceId: WorkspaceId,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly Invitation[]> {
  const { rows } = await pool.query<Invitation>(
    `SELECT * FROM (${INVITATIONS}) i WHERE ($2::bigint IS NULL OR (created_us, id) < ($2, $3))
      ORDER BY created_us DESC, id DESC LIMIT $4`,
    [workspaceId, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Throws `invitation_not_found`. */
async function readInvitation(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<Invitation> {
  const { rows } = await client.query<Invitation>(`${INVITATIONS} AND i.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'invitation_not_found',
    `There is no invitation "${id}".`,
    'List them with GET /v1/invitations.',
  );
}

function tokenHash(pepper: KeyObject, token: string): Buffer {
  return createHmac('sha256', pepper).update(`invitation ${token}`).digest();
}

/** The person's earlier open invitations of the purpose end. */
export async function createInvitation(
  { client, now, log }: LoggedTransaction,
  pepper: KeyObject,
  { workspaceId, actor }: { readonly workspaceId: WorkspaceId; readonly actor: string },
  person: { readonly id: PersonId; readonly email: string },
  purpose: InvitationPurpose,
  { expires_in_seconds: seconds, any_email: anyEmail }: z.output<typeof newInvitationSchema>,
): Promise<{ readonly view: InvitationView; readonly token: Secret }> {
  const id = newId<string>('inv');
  const token = randomBase62(43);
  await client.query(
    `UPDATE sign_in_invitations SET revoked_at = $4
      WHERE workspace_id = $1 AND person_id = $2 AND purpose = $3 AND used_at IS NULL AND revoked_at IS NULL`,
    [workspaceId, person.id, purpose, now],
  );
  await client.query(
    `INSERT INTO sign_in_invitations (workspace_id, id, person_id, purpose, token_hash, any_email, created_at, created_by, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7::timestamptz, $8, $7::timestamptz + make_interval(secs => $9))`,
    [workspaceId, id, person.id, purpose, tokenHash(pepper, token), anyEmail, now, actor, seconds],
  );
  log({
    kind: 'invitation.changed',
    actor,
    change: 'created',
    invitation_id: id,
    person: person.email,
    person_id: person.id,
    purpose,
    any_email: anyEmail,
    expires_in_seconds: seconds,
  });
  const { created_us: _, ...view } = await readInvitation(client, workspaceId, id);
  return { view, token: new Secret(token) };
}

export async function revokeInvitation(
  { client, now, log }: LoggedTransaction,
  { workspaceId, actor }: { readonly workspaceId: WorkspaceId; readonly actor: string },
  id: string,
): Promise<InvitationView> {
  const { status, person } = await readInvitation(client, workspaceId, id);
  if (status === 'open') {
    await client.query('UPDATE sign_in_invitations SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2', [
      workspaceId,
      id,
      now,
    ]);
    log({ kind: 'invitation.changed', actor, change: 'revoked', invitation_id: id, person });
  }
  return readInvitation(client, workspaceId, id);
}

export interface Invited {
  readonly id: string;
  readonly workspaceId: WorkspaceId;
  readonly personId: PersonId;
  readonly email: string;
  readonly anyEmail: boolean;
  readonly createdBy: string;
}

const OPEN = `
SELECT i.id, i.workspace_id AS "workspaceId", i.person_id AS "personId", p.email, i.any_email AS "anyEmail", i.created_by AS "createdBy"
  FROM sign_in_invitations i JOIN people p ON p.workspace_id = i.workspace_id AND p.id = i.person_id
 WHERE i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > clock_timestamp() AND i.purpose = $1`;

/** The open invitation of a link, not used by this. Throws `invitation_over`. */
export async function findInvitation(
  pool: Pool,
  pepper: KeyObject,
  token: string,
  purpose: InvitationPurpose,
): Promise<Invited> {
  const { rows } = await pool.query<Invited>(`${OPEN} AND i.token_hash = $2`, [purpose, tokenHash(pepper, token)]);
  if (rows[0] !== undefined) return rows[0];
  throw over();
}

/** The invitation while it is open; a failure, as a value, when it is not any more. */
export async function openInvitation(
  { client }: LoggedTransaction,
  workspaceId: WorkspaceId,
  id: string,
  purpose: InvitationPurpose,
): Promise<Invited | Failure> {
  const { rows } = await client.query<Invited>(`${OPEN} AND i.workspace_id = $2 AND i.id = $3`, [
    purpose,
    workspaceId,
    id,
  ]);
  return rows[0] ?? over();
}

/** Uses it up: in the transaction that found it open. */
export async function useInvitation(
  { client, now }: LoggedTransaction,
  workspaceId: WorkspaceId,
  id: string,
): Promise<void> {
  await client.query('UPDATE sign_in_invitations SET used_at = $3 WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    id,
    now,
  ]);
}

function over(): Failure {
  return new Failure(
    403,
    'invitation_over',
    'This invitation was used, has been revoked or has expired, or there never was one.',
    'Ask an administrator of the workspace for another one.',
  );
}
