/** Accounts for emergencies: when no identity provider answers, they are the way to the kill switch. */
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../errors.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';
import { MAY_BE_ADMIN, rolesOfPersonSql } from './workspace-roles.ts';

/** So many stay, once there are as many: of one, the device may be lost. */
export const BREAK_GLASS_MINIMUM = 2;

/** Who is told: people who administer, by e-mail. */
export async function administratorsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ email: string }>(
    `SELECT p.email FROM people p WHERE p.workspace_id = $1 AND p.active AND NOT p.break_glass
        AND ${MAY_BE_ADMIN} AND 'admin' = ANY(${rolesOfPersonSql()}::text[]) ORDER BY p.email LIMIT 100`,
    [workspaceId],
  );
  return rows.map(({ email }) => email);
}

/** Those that can be used: active, with a passkey. */
const USABLE = `p.break_glass AND p.active AND EXISTS (
  SELECT FROM passkeys k WHERE k.workspace_id = p.workspace_id AND k.person_id = p.id AND k.revoked_at IS NULL)`;

/**
 * Before a change that makes the account of this person useless: throws `break_glass_minimum` unless enough are left.
 * No effect for other people, nor for an account that cannot be used yet.
 */
export async function refuseBreakGlassLoss(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  personId: PersonId,
): Promise<void> {
  const { rows } = await client.query<{ id: PersonId }>(
    `SELECT p.id FROM people p WHERE p.workspace_id = $1 AND ${USABLE}`,
    [workspaceId],
  );
  if (rows.length > BREAK_GLASS_MINIMUM || !rows.some(({ id }) => id === personId)) return;
  throw new Failure(
    409,
    'break_glass_minimum',
    `Fewer than ${BREAK_GLASS_MINIMUM} accounts for emergencies would be left.`,
    'Set up another one first: POST /v1/break-glass.',
  );
}
