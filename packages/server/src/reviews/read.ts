/** Reading campaigns for people. */
import { parseJson } from '@hivekey/action-log';
import type { Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { readStanding } from './gates.ts';
import { policyDocument } from './policy.ts';
import { CAMPAIGN, type CampaignRow, findCampaign } from './rows.ts';
import { type CampaignView, campaignFieldsOf, type campaignSummarySchema, campaignView } from './view.ts';

export interface CampaignFilter {
  readonly status?: CampaignRow['status'] | undefined;
  readonly kind?: CampaignRow['kind'] | undefined;
}

type Summary = z.output<typeof campaignSummarySchema>;

/** Newest first. */
export async function listCampaigns(
  pool: Pool,
  workspaceId: WorkspaceId,
  { status, kind }: CampaignFilter,
  after: TimePosition | undefined,
  limit: number,
  now: Date,
): Promise<readonly { readonly summary: Summary; readonly position: TimePosition }[]> {
  const { rows } = await pool.query<
    CampaignRow & { readonly items: number; readonly decided: number; readonly open: number; readonly at_us: number }
  >(
    `SELECT ${CAMPAIGN}, (extract(epoch FROM c.snapshot_at) * 1000000)::bigint AS at_us, n.items, n.decided,
            (SELECT count(*)::int FROM review_remediations r WHERE r.workspace_id = c.workspace_id AND r.campaign_id = c.id
                AND r.verified_at IS NULL AND (r.excepted_at IS NULL OR r.exception_until <= now())) AS open
       FROM review_campaigns c,
            LATERAL (SELECT count(*)::int AS items, count(i.decision)::int AS decided FROM review_items i
                      WHERE i.workspace_id = c.workspace_id AND i.campaign_id = c.id) AS n
      WHERE c.workspace_id = $1 AND ($2::text IS NULL OR c.status = $2) AND ($3::text IS NULL OR c.kind = $3)
        AND ($4::bigint IS NULL OR (c.snapshot_at, c.id) < ('epoch'::timestamptz + $4 * interval '1 microsecond', $5))
      ORDER BY c.snapshot_at DESC, c.id DESC LIMIT $6`,
    [workspaceId, status ?? null, kind ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows.map((row) => ({
    summary: {
      object: 'review',
      ...campaignFieldsOf({ ...row, policy: policyDocument.parse(row.policy) }, now),
      items: row.items,
      decided: row.decided,
      remediations_open: row.open,
    },
    position: { atUs: row.at_us, id: row.id },
  }));
}

/** Throws `review_not_found`. */
export async function readCampaign(
  pool: Pool,
  workspaceId: WorkspaceId,
  id: string,
  personId: string | undefined,
  now: Date,
): Promise<CampaignView> {
  const campaign = await findCampaign(pool, workspaceId, id);
  const standing = await readStanding(pool, workspaceId, id);
  const frozen = frozenOf(await readPopulation(pool, workspaceId, id));
  return campaignView({ campaign, standing, frozen, now, personId });
}

const frozenSchema = z.object({
  reconciliations: z.array(
    z.object({
      kind: z.enum(['owner_left', 'owner_moved', 'orphan', 'not_in_inventory']),
      subject: z.string(),
      name: z.string(),
      detail: z.string(),
      since: z.string().nullable(),
    }),
  ),
  exclusions: z.array(z.object({ what: z.string(), count: z.int(), reason: z.string() })),
});

export function frozenOf(document: string): z.output<typeof frozenSchema> {
  return frozenSchema.parse(parseJson(document));
}

/** Byte for byte as it was frozen. Throws `review_not_found`. */
export async function readPopulation(pool: Pick<Pool, 'query'>, workspaceId: WorkspaceId, id: string): Promise<string> {
  const { rows } = await pool.query<{ document: string }>(
    'SELECT document FROM review_populations WHERE workspace_id = $1 AND campaign_id = $2',
    [workspaceId, id],
  );
  const [row] = rows;
  if (row !== undefined) return row.document;
  throw new Failure(404, 'review_not_found', `There is no review "${id}".`, 'List them with GET /v1/reviews.');
}
