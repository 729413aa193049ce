/** Identities that act and are not registered, as the API shows them, and what is done about them. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator, TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';
import { KINDS } from './sighting.ts';

export const unregisteredSchema = z
  .object({
    id: z.string(),
    object: z.literal('unregistered_identity'),
    kind: z.enum(KINDS).meta({
      description:
        '`token`: a credential that nobody was given; `retired_token`: of an agent that is revoked; `agent`: a name that an enforcement point asked about; `workload`: who an issuer vouches for and no rule lets in.',
    }),
    identity: z.string().meta({
      description:
        'Masked: of a credential its shape and a keyed fingerprint. `*`: the many without a row of their own.',
    }),
    source: z.string().meta({ description: 'Address; `*`: several.' }),
    agent: z.string().nullable().meta({ description: 'Whose token it was.' }),
    first_seen: z.int(),
    last_seen: z.int(),
    count: z.int(),
    dismissed: z
      .object({ at: z.int(), by: z.string(), reason: z.string() })
      .nullable()
      .meta({ description: 'Somebody has looked at it. It is counted on.' }),
  })
  .meta({ id: 'UnregisteredIdentity' });

export type UnregisteredView = z.output<typeof unregisteredSchema>;

const IDENTITIES = `
SELECT u.id, 'unregistered_identity' AS object, u.kind, u.identity, u.source, a.handle AS agent,
       floor(extract(epoch FROM u.first_seen))::bigint AS first_seen, floor(extract(epoch FROM u.last_seen))::bigint AS last_seen,
       u.count, CASE WHEN u.dismissed_at IS NOT NULL THEN json_build_object(
         'at', floor(extract(epoch FROM u.dismissed_at))::bigint, 'by', u.dismissed_by, 'reason', u.dismissed_reason) END AS dismissed,
       (extract(epoch FROM u.last_seen) * 1000000)::bigint AS seen_us
  FROM unregistered_identities u
  LEFT JOIN agents a ON a.workspace_id = u.workspace_id AND a.id = u.agent_id
 WHERE u.workspace_id = $1`;

export interface Unregistered extends UnregisteredView {
  readonly seen_us: number;
}

export interface UnregisteredFilter {
  readonly kind?: UnregisteredView['kind'] | undefined;
  readonly dismissed?: boolean | undefined;
}

/** Last seen first, up to `limit` after the position. */
export async function listUnregistered(
  pool: Pool,
  workspaceId: WorkspaceId,
  { kind, dismissed }: UnregisteredFilter,
  after: TimePosition | undefined,
  limit: number,
): Promise<Unregistered[]> {
  const { rows } = await pool.query<Unregistered>(
    `${IDENTITIES} AND ($2::text IS NULL OR u.kind = $2) AND ($3::boolean IS NULL OR (u.dismissed_at IS NOT NULL) = $3)
   AND ($4::bigint IS NULL OR (u.last_seen, u.id) < ('epoch'::timestamptz + $4 * interval '1 microsecond', $5))
 ORDER BY u.last_seen DESC, u.id DESC LIMIT $6`,
    [workspaceId, kind ?? null, dismissed ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

async function readUnregistered(client: ClientBase, workspaceId: WorkspaceId, id: string): Promise<Unregistered> {
  const { rows } = await client.query<Unregistered>(`${IDENTITIES} AND u.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'unregistered_identity_not_found',
    `There is no unregistered identity "${id}".`,
    'List them with GET /v1/unregistered-identities.',
  );
}

/** Somebody has looked at it. Twice changes nothing. Throws `unregistered_identity_not_found`. */
export function dismissUnregistered(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  id: string,
  reason: string,
): Promise<UnregisteredView> {
  return log.transact(workspaceId, async (transaction) => {
    const { client } = transaction;
    const before = await readUnregistered(client, workspaceId, id);
    if (before.dismissed !== null) return before;
    await client.query(
      `UPDATE unregistered_identities SET dismissed_at = clock_timestamp(), dismissed_by = $3, dismissed_reason = $4
        WHERE workspace_id = $1 AND id = $2`,
      [workspaceId, id, actor, reason],
    );
    transaction.log({
      kind: 'identity.dismissed',
      actor,
      identity_id: id,
      identity_kind: before.kind,
      identity: before.identity,
      src_ip: before.source,
      reason,
    });
    return readUnregistered(client, workspaceId, id);
  });
}
