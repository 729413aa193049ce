/** Risk signals as the API shows them. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

export const MAX_SECONDS = 30 * 86_400;
const DEFAULT_SECONDS = 3_600;
const level = z.enum(['low', 'medium', 'high', 'critical']);
const kind = z.enum(['agent', 'owner', 'tool']);

export const newRiskSchema = z.strictObject({
  subject: z.strictObject({
    kind,
    id: z
      .string()
      .min(1)
      .max(254)
      .meta({ description: 'Agent: id or handle. Owner: id or e-mail. Tool: the capability.' }),
  }),
  level,
  reason: z.string().trim().max(500).default(''),
  expires_in_seconds: z.int().min(1).max(MAX_SECONDS).default(DEFAULT_SECONDS),
});
export type NewRisk = z.output<typeof newRiskSchema>;

export const riskSchema = z
  .object({
    id: z.string(),
    object: z.literal('risk_signal'),
    subject: z.object({ kind, id: z.string(), name: z.string() }),
    level,
    reason: z.string(),
    source: z.string(),
    status: z.enum(['active', 'expired', 'cleared']),
    raised_at: z.int(),
    expires_at: z.int(),
    cleared_at: z.int().nullable(),
    cleared_by: z.string().nullable(),
  })
  .meta({ id: 'RiskSignal' });
export type RiskView = z.output<typeof riskSchema>;

interface Row extends RiskView {
  readonly raised_us: number;
}

const RISKS = `
SELECT id, 'risk_signal' AS object, json_build_object('kind', kind, 'id', subject, 'name', subject_name) AS subject, level, reason, source,
       CASE WHEN cleared_at IS NOT NULL THEN 'cleared' WHEN expires_at <= clock_timestamp() THEN 'expired' ELSE 'active' END AS status,
       floor(extract(epoch FROM raised_at))::bigint AS raised_at, floor(extract(epoch FROM expires_at))::bigint AS expires_at,
       floor(extract(epoch FROM cleared_at))::bigint AS cleared_at, cleared_by, (extract(epoch FROM raised_at) * 1000000)::bigint AS raised_us
  FROM risk_signals WHERE workspace_id = $1`;

/** Newest first. */
export async function listRisks(
  pool: Pool,
  workspaceId: WorkspaceId,
  active: boolean | undefined,
  after: TimePosition | undefined,
  limit: number,
): Promise<Row[]> {
  const { rows } = await pool.query<Row>(
    `${RISKS} AND ($2::boolean IS NULL OR (cleared_at IS NULL AND expires_at > clock_timestamp()) = $2)
   AND ($3::bigint IS NULL OR (risk_signals.raised_at, id) < ('epoch'::timestamptz + $3 * interval '1 microsecond', $4))
 ORDER BY risk_signals.raised_at DESC, id DESC LIMIT $5`,
    [workspaceId, active ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Throws `risk_not_found`. */
export async function readRisk(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<RiskView> {
  const { rows } = await client.query<Row>(`${RISKS} AND id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(404, 'risk_not_found', `There is no risk signal "${id}".`, 'List them with GET /v1/risks.');
}
