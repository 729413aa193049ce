/** Passkeys as they are stored, and as they are shown. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { OPEN_ENGAGEMENT_OF_P } from '../identity/index.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';

export const passkeySchema = z
  .object({
    id: z.string(),
    object: z.literal('passkey'),
    person: z.string(),
    name: z.string(),
    device_bound: z.boolean().meta({ description: 'Does not leave its device; others are synced.' }),
    registered_by: z.enum(['key', 'oidc', 'saml', 'passkey', 'invitation']).meta({
      description:
        'How the person was signed in then. Where people decide by their own sign-in, those of `key` do not count.',
    }),
    created: z.int(),
    last_used_at: z.int().nullable(),
    revoked_at: z.int().nullable(),
  })
  .meta({ id: 'Passkey' });

export type PasskeyView = z.output<typeof passkeySchema>;

export interface Passkey {
  readonly workspaceId: WorkspaceId;
  readonly id: string;
  readonly personId: PersonId;
  readonly credentialId: string;
  readonly publicKey: Buffer;
  readonly counter: number;
  readonly registeredBy: PasskeyView['registered_by'];
  readonly person: {
    readonly email: string;
    readonly active: boolean;
    readonly breakGlass: boolean;
    /** Of somebody of an audit firm, ISO 8601: when the engagement ends that lets them in; null: there is none. */
    readonly engagedUntil: string | null;
  };
}

const VIEW = `
SELECT k.id, 'passkey' AS object, p.email AS person, k.name, k.device_type = 'singleDevice' AS device_bound, k.registered_by,
       floor(extract(epoch FROM k.created_at))::bigint AS created, floor(extract(epoch FROM k.last_used_at))::bigint AS last_used_at,
       floor(extract(epoch FROM k.revoked_at))::bigint AS revoked_at
  FROM passkeys k JOIN people p ON p.workspace_id = k.workspace_id AND p.id = k.person_id WHERE k.workspace_id = $1`;

/** Also those that were revoked; by when they were registered. */
export async function listPasskeys(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  personId: PersonId,
): Promise<readonly PasskeyView[]> {
  const { rows } = await client.query<PasskeyView>(`${VIEW} AND k.person_id = $2 ORDER BY k.created_at, k.id`, [
    workspaceId,
    personId,
  ]);
  return rows;
}

export async function findPasskeyView(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<(PasskeyView & { readonly personId: PersonId }) | undefined> {
  const { rows } = await client.query<PasskeyView & { personId: PersonId }>(
    `SELECT v.*, k.person_id AS "personId" FROM (${VIEW} AND k.id = $2) v JOIN passkeys k ON k.workspace_id = $1 AND k.id = v.id`,
    [workspaceId, id],
  );
  return rows[0];
}

/** A passkey that was not revoked, by what its authenticator calls it, which is unique anywhere. */
export async function findPasskey(client: Pool | ClientBase, credentialId: string): Promise<Passkey | undefined> {
  const { rows } = await client.query<Passkey>(
    `SELECT k.workspace_id AS "workspaceId", k.id, k.person_id AS "personId", k.credential_id AS "credentialId",
            k.public_key AS "publicKey", k.counter, k.registered_by AS "registeredBy",
            json_build_object('email', p.email, 'active', p.active, 'breakGlass', p.break_glass,
              'engagedUntil', CASE WHEN p.external THEN (SELECT e.expires_at FROM ${OPEN_ENGAGEMENT_OF_P}) END) AS person
       FROM passkeys k JOIN people p ON p.workspace_id = k.workspace_id AND p.id = k.person_id
      WHERE k.credential_id = $1 AND k.revoked_at IS NULL`,
    [credentialId],
  );
  return rows[0];
}

/** Live passkeys of a person, as an authenticator knows them. */
export async function credentialIdsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  personId: PersonId,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ credential_id: string }>(
    'SELECT credential_id FROM passkeys WHERE workspace_id = $1 AND person_id = $2 AND revoked_at IS NULL ORDER BY created_at',
    [workspaceId, personId],
  );
  return rows.map(({ credential_id }) => credential_id);
}

/** Notes the use. False when the passkey was revoked meanwhile, or has counted less than before: then there is a copy of it. */
export async function noteUse(
  client: ClientBase,
  { workspaceId, id }: Pick<Passkey, 'workspaceId' | 'id'>,
  counter: number,
  now: Date,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE passkeys SET counter = $3, last_used_at = $4
      WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL AND (counter < $3 OR (counter = 0 AND $3 = 0))`,
    [workspaceId, id, counter, now],
  );
  return rowCount === 1;
}
