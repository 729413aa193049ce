/** Setting up and taking back the accounts for emergencies. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { administratorsOf, BREAK_GLASS_MINIMUM, checkVoucher } from '../identity/index.ts';
import { newId, type PersonId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { emailSchema } from '../people/index.ts';

export const newAccountSchema = z.strictObject({
  email: emailSchema.meta({ description: 'Of nobody who is a person here already.' }),
  display_name: z.string().trim().max(200).default(''),
});

export const accountsSchema = z
  .object({
    object: z.literal('break_glass'),
    minimum: z.int().meta({ description: 'So many usable ones stay, once there are as many.' }),
    usable: z.int(),
    accounts: z.array(
      z.object({
        person: z.string(),
        email: z.string(),
        display_name: z.string(),
        active: z.boolean(),
        passkeys: z.int(),
        last_used_at: z.int().nullable(),
        created: z.int(),
      }),
    ),
  })
  .meta({ id: 'BreakGlass' });

export async function readAccounts(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<z.output<typeof accountsSchema>> {
  const { rows: accounts } = await client.query<z.output<typeof accountsSchema>['accounts'][number]>(
    `SELECT p.id AS person, p.email, p.display_name, p.active, count(k.id) FILTER (WHERE k.revoked_at IS NULL)::int AS passkeys,
            floor(extract(epoch FROM max(k.last_used_at)))::bigint AS last_used_at,
            floor(extract(epoch FROM p.created_at))::bigint AS created
       FROM people p LEFT JOIN passkeys k ON k.workspace_id = p.workspace_id AND k.person_id = p.id
      WHERE p.workspace_id = $1 AND p.break_glass AND p.active
      GROUP BY p.id, p.email, p.display_name, p.active, p.created_at ORDER BY p.email`,
    [workspaceId],
  );
  const usable = accounts.filter(({ active, passkeys }) => active && passkeys > 0).length;
  return { object: 'break_glass', minimum: BREAK_GLASS_MINIMUM, usable, accounts };
}

/** An administrator who is nobody's ordinary account: their own sign-in by the provider stays what it is. Throws `person_exists`, `own_session_required`. */
export async function addAccount(
  { client, log }: LoggedTransaction,
  who: Administrator,
  { email, display_name: displayName }: z.output<typeof newAccountSchema>,
): Promise<{ readonly id: PersonId; readonly email: string }> {
  const { workspaceId, actor } = who;
  await checkVoucher(client, who);
  const { rowCount } = await client.query(
    'SELECT FROM people WHERE workspace_id = $1 AND email = $2 AND deleted_at IS NULL',
    [workspaceId, email],
  );
  if (rowCount !== 0)
    throw new Failure(
      409,
      'person_exists',
      `${email} is a person here already.`,
      'Give the account for emergencies an address of its own, e.g. emergency-1@acme.example.',
    );
  const id = newId<PersonId>('per');
  await client.query(
    `INSERT INTO people (workspace_id, id, email, display_name, roles, break_glass) VALUES ($1, $2, $3, $4, '{admin}', true)`,
    [workspaceId, id, email, displayName],
  );
  const to = await administratorsOf(client, workspaceId);
  log({ kind: 'break_glass.changed', actor, severity: 'high', to, change: 'created', person: email, person_id: id });
  return { id, email };
}

/** Throws `break_glass_not_found`. */
export async function readAccount(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  person: string,
): Promise<{ readonly id: PersonId; readonly email: string; readonly displayName: string }> {
  const { rows } = await client.query<{ id: PersonId; email: string; displayName: string }>(
    `SELECT id, email, display_name AS "displayName" FROM people
      WHERE workspace_id = $1 AND (id = $2 OR email = lower($2)) AND break_glass AND active`,
    [workspaceId, person],
  );
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'break_glass_not_found',
    `There is no account for emergencies "${person}".`,
    'List them with GET /v1/break-glass.',
  );
}
