/** Delegations as the API shows and takes them. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { capabilityPatternSchema } from '../capabilities/index.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

const MAX_DAYS = 30;
export const MAX_SECONDS = MAX_DAYS * 86_400;
/** How far ahead one can be arranged. */
const MAX_DAYS_AHEAD = 90;
export const MAX_SECONDS_AHEAD = MAX_DAYS_AHEAD * 86_400;

export const newDelegationSchema = z.strictObject({
  to: z.string().min(1).max(254).meta({ description: 'Id or e-mail of who decides meanwhile.' }),
  capabilities: z
    .array(capabilityPatternSchema)
    .min(1)
    .max(50)
    .transform((names) => [...new Set(names)].sort())
    .optional()
    .meta({ description: 'Only calls of these; without it, of all.' }),
  starts_at: z
    .int()
    .min(0)
    .optional()
    .meta({ description: `At most ${MAX_DAYS_AHEAD} days ahead; now, unless stated.` }),
  ends_at: z
    .int()
    .min(0)
    .meta({ description: `At most ${MAX_DAYS} days after it begins.` }),
  reason: z.string().trim().min(1).max(500),
});
export type NewDelegation = z.output<typeof newDelegationSchema>;

export const delegationSchema = z
  .object({
    id: z.string(),
    object: z.literal('delegation'),
    status: z.enum(['to_come', 'in_force', 'over']),
    from: z.string().meta({ description: 'E-mail of the person whose say it is.' }),
    to: z.string().meta({ description: 'E-mail of the person who decides for them.' }),
    capabilities: z.array(z.string()).nullable().meta({ description: 'Null: all.' }),
    reason: z.string(),
    starts_at: z.int(),
    ends_at: z.int(),
    created: z.int(),
    created_by: z.string(),
    ended_at: z.int().nullable().meta({ description: 'When it was ended before its time.' }),
    ended_by: z.string().nullable(),
    ended_reason: z.string().nullable(),
  })
  .meta({ id: 'Delegation' });
export type DelegationView = z.output<typeof delegationSchema>;

const DELEGATIONS = `
SELECT d.id, 'delegation' AS object,
       CASE WHEN d.ended_at IS NOT NULL OR d.ends_at <= clock_timestamp() THEN 'over'
            WHEN d.starts_at > clock_timestamp() THEN 'to_come' ELSE 'in_force' END AS status,
       f.email AS "from", t.email AS "to", d.capabilities, d.reason,
       floor(extract(epoch FROM d.starts_at))::bigint AS starts_at, floor(extract(epoch FROM d.ends_at))::bigint AS ends_at,
       floor(extract(epoch FROM d.created_at))::bigint AS created, d.created_by,
       floor(extract(epoch FROM d.ended_at))::bigint AS ended_at, d.ended_by, d.ended_reason,
       (extract(epoch FROM d.created_at) * 1000000)::bigint AS created_us
  FROM delegations d
  JOIN people f ON f.workspace_id = d.workspace_id AND f.id = d.from_id
  JOIN people t ON t.workspace_id = d.workspace_id AND t.id = d.to_id
 WHERE d.workspace_id = $1`;

export interface DelegationFilter {
  /** Id or e-mail, on either side. */
  readonly person?: string | undefined;
  /** Not over. */
  readonly open?: boolean | undefined;
}

/** Newest first. */
export async function listDelegations(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  { person, open }: DelegationFilter,
  after: TimePosition | undefined,
  limit: number,
): Promise<(DelegationView & { readonly created_us: number })[]> {
  const { rows } = await client.query<DelegationView & { readonly created_us: number }>(
    `SELECT * FROM (${DELEGATIONS} AND ($2::text IS NULL OR lower($2) IN (f.email, t.email) OR $2 IN (f.id, t.id))) all_of_them
      WHERE ($3::boolean IS NULL OR $3 = (status <> 'over')) AND ($4::bigint IS NULL OR (created_us, id) < ($4, $5))
      ORDER BY created_us DESC, id DESC LIMIT $6`,
    [workspaceId, person ?? null, open ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Throws `delegation_not_found`. */
export async function readDelegation(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<DelegationView> {
  const { rows } = await client.query<DelegationView>(`${DELEGATIONS} AND d.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'delegation_not_found',
    `There is no delegation "${id}".`,
    'List them with GET /v1/delegations.',
  );
}
