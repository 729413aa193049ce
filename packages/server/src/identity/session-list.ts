/** The sessions that are open, for those whose they are and for administrators. */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Administrator, TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';

export const openSessionSchema = z
  .object({
    id: z.string(),
    object: z.literal('open_session'),
    person: z.string().nullable(),
    key: z.object({ id: z.string(), name: z.string() }).nullable(),
    method: z.enum(['key', 'oidc', 'saml', 'passkey']),
    provider: z.string().nullable().meta({ description: 'Id of the identity provider.' }),
    authenticated_at: z.int(),
    stepped_up_at: z.int().nullable(),
    acr: z.string().nullable(),
    amr: z.array(z.string()),
    address: z.string().nullable(),
    user_agent: z.string().nullable(),
    created: z.int(),
    idle_at: z.int().meta({ description: 'It ends then, unless it is used before.' }),
    expires_at: z.int(),
    current: z.boolean().meta({ description: 'The one that asks.' }),
  })
  .meta({ id: 'OpenSession' });

export type OpenSessionView = z.output<typeof openSessionSchema>;

const SESSIONS = `
SELECT s.id, 'open_session' AS object, p.email AS person,
       CASE WHEN k.id IS NOT NULL THEN json_build_object('id', k.id, 'name', k.name) END AS key,
       s.method, s.provider_id AS provider, floor(extract(epoch FROM s.authenticated_at))::bigint AS authenticated_at,
       floor(extract(epoch FROM s.stepped_up_at))::bigint AS stepped_up_at, s.acr, s.amr, s.address, s.user_agent,
       floor(extract(epoch FROM s.created_at))::bigint AS created, floor(extract(epoch FROM s.idle_at))::bigint AS idle_at,
       floor(extract(epoch FROM s.expires_at))::bigint AS expires_at, s.id IS NOT DISTINCT FROM $2 AS current, p.id AS person_id, k.id AS key_id,
       (extract(epoch FROM s.created_at) * 1000000)::bigint AS created_us
  FROM console_sessions s
  LEFT JOIN admin_keys k ON k.workspace_id = s.workspace_id AND k.id = s.admin_key_id
  LEFT JOIN people p ON p.workspace_id = s.workspace_id AND p.id = coalesce(s.person_id, k.person_id)
 WHERE s.workspace_id = $1 AND s.expires_at > clock_timestamp() AND s.idle_at > clock_timestamp()`;

/** Administrators see all; everybody else those of their own person, or key. */
const MINE = `($3 OR person_id = $4 OR (person_id IS NULL AND key_id = $5))`;

function seenBy({ workspaceId, roles, session, person, credentialId }: Administrator): unknown[] {
  return [workspaceId, session?.id ?? null, roles.includes('admin'), person?.id ?? null, credentialId];
}

/** Newest first. */
export async function listSessions(
  pool: Pool,
  who: Administrator,
  person: string | undefined,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly (OpenSessionView & { readonly created_us: number })[]> {
  const { rows } = await pool.query<OpenSessionView & { created_us: number }>(
    `SELECT * FROM (${SESSIONS}) s WHERE ${MINE} AND ($6::text IS NULL OR person = lower($6) OR person_id = $6)
        AND ($7::bigint IS NULL OR (created_us, id) < ($7, $8)) ORDER BY created_us DESC, id DESC LIMIT $9`,
    [...seenBy(who), person ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Ends one's own session, or any as an administrator. Throws `session_not_found`. */
export function revokeSession(log: ActionLog, who: Administrator, id: string): Promise<void> {
  const workspaceId: WorkspaceId = who.workspaceId;
  return log.transact(workspaceId, async ({ client, log: record }) => {
    const { rows } = await client.query<OpenSessionView>(`SELECT * FROM (${SESSIONS}) s WHERE ${MINE} AND id = $6`, [
      ...seenBy(who),
      id,
    ]);
    const [session] = rows;
    if (session === undefined)
      throw new Failure(404, 'session_not_found', `There is no session "${id}".`, 'List them with GET /v1/sessions.');
    await client.query('DELETE FROM console_sessions WHERE workspace_id = $1 AND id = $2', [workspaceId, id]);
    record({
      kind: 'session.ended',
      actor: who.actor,
      session: id,
      key_id: session.key?.id,
      person: session.person ?? undefined,
      reason: 'revoked',
    });
  });
}
