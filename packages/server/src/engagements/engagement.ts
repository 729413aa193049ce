/** An engagement: an audit firm looks at a period, for a time, and the customer sees what it looks at. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator, TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { PersonId, WorkspaceId } from '../ids.ts';

const engagementPersonSchema = z.object({
  id: z.string(),
  email: z.string(),
  display_name: z.string(),
  passkeys: z.int().meta({ description: 'With none, the person has not come in yet.' }),
  last_sign_in_at: z.int().nullable(),
  added_at: z.int(),
  added_by: z.string(),
  removed_at: z.int().nullable(),
  removed_by: z.string().nullable(),
});

export const engagementSchema = z
  .object({
    object: z.literal('engagement'),
    id: z.string(),
    firm: z.string(),
    firm_domain: z.string(),
    period_from: z.string().meta({ description: 'ISO 8601, inclusive.' }),
    period_to: z.string().meta({ description: 'ISO 8601, exclusive.' }),
    criteria: z.array(z.string()),
    scope: z.string().meta({ description: 'In words that both sides read.' }),
    status: z.enum(['open', 'ended']),
    expires_at: z.int(),
    opened_at: z.int(),
    opened_by: z.string(),
    ended_at: z.int().nullable().meta({ description: 'By hand, or when it expired.' }),
    ended_by: z.string().nullable(),
    end_reason: z.string().nullable(),
    event_id: z.string(),
    people: z.array(engagementPersonSchema),
    requests: z
      .object({ open: z.int(), provided: z.int(), accepted: z.int(), returned: z.int(), closed: z.int() })
      .meta({ description: 'How many are in each state.' }),
  })
  .meta({ id: 'Engagement' });
export type Engagement = z.output<typeof engagementSchema>;

interface Row extends Omit<Engagement, 'object'> {
  readonly opened_us: number;
}

const ISO = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`;
const EPOCH = (column: string) => `floor(extract(epoch FROM ${column}))::bigint`;

const ENGAGEMENTS = `
SELECT e.id, e.firm, e.firm_domain, to_char(e.period_from AT TIME ZONE 'UTC', ${ISO}) AS period_from,
       to_char(e.period_to AT TIME ZONE 'UTC', ${ISO}) AS period_to, e.criteria, e.scope,
       CASE WHEN e.ended_at IS NOT NULL OR e.expires_at <= clock_timestamp() THEN 'ended' ELSE 'open' END AS status,
       ${EPOCH('e.expires_at')} AS expires_at, ${EPOCH('e.opened_at')} AS opened_at, e.opened_by,
       CASE WHEN e.ended_at IS NOT NULL THEN ${EPOCH('e.ended_at')}
            WHEN e.expires_at <= clock_timestamp() THEN ${EPOCH('e.expires_at')} END AS ended_at,
       e.ended_by, e.end_reason, e.event_id, (extract(epoch FROM e.opened_at) * 1000000)::bigint AS opened_us,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                 'id', p.id, 'email', p.email, 'display_name', p.display_name,
                 'passkeys', (SELECT count(*) FROM passkeys k WHERE k.workspace_id = p.workspace_id AND k.person_id = p.id
                                 AND k.revoked_at IS NULL),
                 'last_sign_in_at', (SELECT ${EPOCH('max(k.last_used_at)')} FROM passkeys k
                                      WHERE k.workspace_id = p.workspace_id AND k.person_id = p.id AND k.last_used_at >= i.added_at),
                 'added_at', ${EPOCH('i.added_at')}, 'added_by', i.added_by,
                 'removed_at', ${EPOCH('i.removed_at')}, 'removed_by', i.removed_by) ORDER BY i.added_at, p.email), '[]')
          FROM engagement_people i JOIN people p ON p.workspace_id = i.workspace_id AND p.id = i.person_id
         WHERE i.workspace_id = e.workspace_id AND i.engagement_id = e.id) AS people,
       (SELECT jsonb_build_object('open', count(*) FILTER (WHERE status = 'open'), 'provided', count(*) FILTER (WHERE status = 'provided'),
                 'accepted', count(*) FILTER (WHERE status = 'accepted'), 'returned', count(*) FILTER (WHERE status = 'returned'),
                 'closed', count(*) FILTER (WHERE status = 'closed'))
          FROM engagement_requests r WHERE r.workspace_id = e.workspace_id AND r.engagement_id = e.id) AS requests
  FROM engagements e WHERE e.workspace_id = $1`;

function viewOf({ opened_us: _, ...row }: Row): Engagement {
  return { object: 'engagement', ...row };
}

export function engagementNotFound(id: string): Failure {
  return new Failure(
    404,
    'engagement_not_found',
    `There is no engagement "${id}".`,
    'List them with GET /v1/engagements.',
  );
}

/** Throws `engagement_not_found`. */
export async function readEngagement(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<Engagement> {
  const { rows } = await client.query<Row>(`${ENGAGEMENTS} AND e.id = $2`, [workspaceId, id]);
  if (rows[0] === undefined) throw engagementNotFound(id);
  return viewOf(rows[0]);
}

/** Newest first; to somebody of a firm, the one that lets them in. */
export async function listEngagements(
  pool: Pool,
  { workspaceId, engagement }: Pick<Administrator, 'workspaceId' | 'engagement'>,
  after: TimePosition | undefined,
  limit: number,
): Promise<readonly { readonly engagement: Engagement; readonly position: TimePosition }[]> {
  const { rows } = await pool.query<Row>(
    `SELECT * FROM (${ENGAGEMENTS} AND ($5::text IS NULL OR e.id = $5)) e
      WHERE $2::bigint IS NULL OR (opened_us, id) < ($2, $3) ORDER BY opened_us DESC, id DESC LIMIT $4`,
    [workspaceId, after?.atUs ?? null, after?.id ?? null, limit, engagement?.id ?? null],
  );
  return rows.map((row) => ({ engagement: viewOf(row), position: { atUs: row.opened_us, id: row.id } }));
}

export type Side = 'firm' | 'customer';

/**
 * On which side of the engagement somebody is. To people of one firm another's engagement is not there. Throws
 * `engagement_not_found`.
 */
export function sideOf({ engagement }: Pick<Administrator, 'engagement'>, id: string): Side {
  if (engagement === undefined) return 'customer';
  if (engagement.id === id) return 'firm';
  throw engagementNotFound(id);
}

/** What is the auditor's alone. Throws `engagement_not_found`, `auditor_required`. */
export function refuseCustomer(who: Pick<Administrator, 'engagement'>, id: string): void {
  if (sideOf(who, id) === 'firm') return;
  throw new Failure(
    403,
    'auditor_required',
    'This is for the people of the audit firm, signed in by the engagement.',
    'Have them do it in their own session.',
  );
}

export interface OpenEngagement {
  readonly id: string;
  readonly firm: string;
  readonly firmDomain: string;
  readonly from: Date;
  readonly to: Date;
  readonly expiresAt: Date;
}

/** For what happens in one, in the transaction in which it does. Throws `engagement_not_found`, `engagement_over`. */
export async function openEngagementOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<OpenEngagement> {
  const { rows } = await client.query<OpenEngagement & { readonly is_open: boolean }>(
    `SELECT id, firm, firm_domain AS "firmDomain", period_from AS "from", period_to AS "to", expires_at AS "expiresAt",
            ended_at IS NULL AND expires_at > clock_timestamp() AS is_open
       FROM engagements WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id],
  );
  const [row] = rows;
  if (row === undefined) throw engagementNotFound(id);
  if (row.is_open) return row;
  throw new Failure(409, 'engagement_over', 'The engagement is over.', 'What was done in it stays readable.');
}

export interface Member {
  readonly id: PersonId;
  readonly email: string;
}

/** The person of an engagement, by id or e-mail, who is in it now. Throws `engagement_person_not_found`. */
export async function memberOf(
  client: ClientBase,
  workspaceId: WorkspaceId,
  engagementId: string,
  person: string,
): Promise<Member> {
  const { rows } = await client.query<Member>(
    `SELECT p.id, p.email FROM engagement_people i JOIN people p ON p.workspace_id = i.workspace_id AND p.id = i.person_id
      WHERE i.workspace_id = $1 AND i.engagement_id = $2 AND i.removed_at IS NULL AND (p.id = $3 OR p.email = lower($3))`,
    [workspaceId, engagementId, person],
  );
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'engagement_person_not_found',
    `"${person}" is not in this engagement.`,
    'See its people with GET /v1/engagements/:id.',
  );
}
