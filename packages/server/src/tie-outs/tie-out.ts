/** Tie-outs as the API shows them. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

export const TIE_OUT_STATES = ['equal', 'explained', 'different'] as const;
const DIFFERENCE_KINDS = [
  'only_here',
  'only_there',
  'amount_differs',
  'count_differs',
  'twice_here',
  'twice_there',
] as const;

const totals = z.object({
  count: z.int(),
  sums: z.record(z.string(), z.number()).meta({ description: 'Currency → minor units.' }),
});

export const tieOutSchema = z
  .object({
    id: z.string(),
    object: z.literal('tie_out'),
    tool: z.string(),
    capabilities: z.array(z.string()).meta({ description: 'That were compared; empty: all of the tool.' }),
    from: z.string(),
    to: z.string(),
    source: z.record(z.string(), z.unknown()).meta({ description: 'Kind, and where from; no credential.' }),
    sha256: z.string().meta({ description: 'Of the bytes that were read.' }),
    bytes: z.int(),
    rows: z.int().meta({ description: 'Of the tool’s own list.' }),
    rows_counted: z.int(),
    left_out: z.record(z.string(), z.int()).meta({ description: 'Why rows did not count → how many.' }),
    through_seq: z.int().meta({ description: 'The log as far as it was read.' }),
    compared_by: z.enum(['reference', 'count', 'day']),
    matched: z.int(),
    ours: totals,
    theirs: totals,
    differences: z.int(),
    explained: z.int(),
    state: z.enum(TIE_OUT_STATES),
    reason: z.string(),
    imported_by: z.string(),
    person: z.string().nullable(),
    imported_at: z.string(),
    event_id: z.string(),
  })
  .meta({ id: 'TieOut' });
export type TieOutView = z.output<typeof tieOutSchema>;

export const differenceSchema = z
  .object({
    id: z.string(),
    object: z.literal('tie_out_difference'),
    n: z.int(),
    kind: z.enum(DIFFERENCE_KINDS),
    reference: z.string().nullable(),
    call_event_id: z.string().nullable(),
    at: z.string().nullable(),
    currency: z.string().nullable(),
    ours_minor: z.int().nullable(),
    theirs_minor: z.int().nullable(),
    ours_count: z.int().nullable(),
    theirs_count: z.int().nullable(),
    words: z.string(),
    explanations: z.array(
      z.object({ explanation: z.string(), explained_by: z.string(), explained_at: z.string(), event_id: z.string() }),
    ),
  })
  .meta({ id: 'TieOutDifference' });
export type DifferenceView = z.output<typeof differenceSchema>;

const instantSql = (at: string): string => `to_char(${at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

export interface TieOutRow extends TieOutView {
  readonly imported_us: number;
}

const TIE_OUTS = `
SELECT t.id, 'tie_out' AS object, t.tool, t.capabilities, ${instantSql('t.period_from')} AS "from", ${instantSql('t.period_to')} AS "to",
       t.source, t.sha256, t.bytes, t.rows_count AS rows, t.rows_counted, t.left_out, t.through_seq, t.compared_by, t.matched,
       t.totals -> 'ours' AS ours, t.totals -> 'theirs' AS theirs, t.differences, d.explained::integer AS explained,
       CASE WHEN t.differences = 0 THEN 'equal' WHEN d.explained = t.differences THEN 'explained' ELSE 'different' END AS state,
       t.reason, t.imported_by, t.person, ${instantSql('t.imported_at')} AS imported_at, t.event_id,
       (extract(epoch FROM t.imported_at) * 1000000)::bigint AS imported_us
  FROM tie_outs t
 CROSS JOIN LATERAL (SELECT count(*) AS explained FROM tie_out_differences d
                      WHERE d.workspace_id = t.workspace_id AND d.tie_out_id = t.id AND d.explained_at IS NOT NULL) d
 WHERE t.workspace_id = $1`;

/** Throws `tie_out_not_found`. */
export async function readTieOut(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<TieOutView> {
  const { rows } = await client.query<TieOutRow>(`${TIE_OUTS} AND t.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return tieOutView(rows[0]);
  throw new Failure(404, 'tie_out_not_found', `There is no tie-out "${id}".`, 'List them with GET /v1/tie-outs.');
}

/** Newest first. */
export async function listTieOuts(
  pool: Pool,
  workspaceId: WorkspaceId,
  tool: string | undefined,
  after: TimePosition | undefined,
  limit: number,
): Promise<TieOutRow[]> {
  const { rows } = await pool.query<TieOutRow>(
    `${TIE_OUTS} AND ($2::text IS NULL OR t.tool = $2)
       AND ($3::bigint IS NULL OR (t.imported_at, t.id) < ('epoch'::timestamptz + $3 * interval '1 microsecond', $4))
     ORDER BY t.imported_at DESC, t.id DESC LIMIT $5`,
    [workspaceId, tool ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

export function tieOutView({ imported_us: _, ...view }: TieOutRow): TieOutView {
  return view;
}

const DIFFERENCES = `
SELECT d.id, 'tie_out_difference' AS object, d.n, d.kind, d.reference, d.call_event_id, ${instantSql('d.at')} AS at, d.currency,
       d.ours_minor, d.theirs_minor, d.ours_count, d.theirs_count, d.words,
       coalesce((SELECT jsonb_agg(jsonb_build_object('explanation', e.explanation, 'explained_by', e.explained_by,
                                                     'explained_at', ${instantSql('e.explained_at')}, 'event_id', e.event_id) ORDER BY e.n)
                   FROM tie_out_explanations e WHERE e.workspace_id = d.workspace_id AND e.difference_id = d.id), '[]') AS explanations
  FROM tie_out_differences d WHERE d.workspace_id = $1 AND d.tie_out_id = $2`;

/** By number, after one. */
export async function listDifferences(
  pool: Pool,
  workspaceId: WorkspaceId,
  id: string,
  after: number,
  limit: number,
): Promise<DifferenceView[]> {
  const { rows } = await pool.query<DifferenceView>(`${DIFFERENCES} AND d.n > $3 ORDER BY d.n LIMIT $4`, [
    workspaceId,
    id,
    after,
    limit,
  ]);
  return rows;
}

/** Throws `tie_out_difference_not_found`. */
export async function readDifference(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
  differenceId: string,
): Promise<DifferenceView> {
  const { rows } = await client.query<DifferenceView>(`${DIFFERENCES} AND d.id = $3`, [workspaceId, id, differenceId]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(
    404,
    'tie_out_difference_not_found',
    `The tie-out ${id} has no difference "${differenceId}".`,
    'List them with GET /v1/tie-outs/:id/differences.',
  );
}
