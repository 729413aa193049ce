/** Samples as the API shows them. */
import { MAX_SAMPLE, SEED } from '@hivekey/evidence';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { jsonValue, type TimePosition } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

const SAMPLE_METHODS = ['random', 'stratified', 'monetary_unit'] as const;

const column = z.string().min(1).max(64);

export const newSampleSchema = z
  .strictObject({
    report: z.string().min(1).max(64).meta({ description: 'Id of a report: GET /v1/evidence/reports.' }),
    table: z.string().min(1).max(64).optional().meta({ description: 'Absent: its first table.' }),
    from: z.iso.datetime({ offset: true }).meta({ description: 'Inclusive.' }),
    to: z.iso.datetime({ offset: true }).meta({ description: 'Exclusive.' }),
    parameters: z.record(z.string().max(64), z.string().max(256)).default({}),
    method: z.enum(SAMPLE_METHODS).default('random'),
    stratify_by: column
      .optional()
      .meta({ description: 'A column such as verdict or agent_id, or day. Of a stratified sample.' }),
    amount: column
      .optional()
      .meta({ description: 'The column with the amount. Of a monetary unit sample; absent: amount_minor.' }),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/)
      .optional()
      .meta({ description: 'Which is counted. Of a monetary unit sample.' }),
    size: z.int().min(1).max(MAX_SAMPLE),
    seed: z
      .string()
      .regex(SEED)
      .meta({ description: '8 to 128 letters, digits, `.`, `_` and `-`. The same one draws the same rows.' }),
    reason: z.string().trim().max(2_000).default(''),
  })
  .meta({ id: 'NewSample' });
export type NewSample = z.output<typeof newSampleSchema>;

export const sampleSchema = z
  .object({
    id: z.string(),
    object: z.literal('sample'),
    report: z.string(),
    table: z.string(),
    from: z.string(),
    to: z.string(),
    parameters: z.record(z.string(), z.string()),
    as_of: z.string().meta({ description: 'The instant at which the population was read.' }),
    population: z.object({
      count: z.int(),
      sha256: z.string().meta({ description: 'Of the lines of GET /v1/samples/:id/population.' }),
      total_minor: z.string().nullable().meta({ description: 'Of a monetary unit sample: the money in it.' }),
    }),
    method: z.enum(SAMPLE_METHODS),
    stratify_by: z.string().nullable(),
    strata: z.array(z.object({ stratum: z.string(), population: z.int(), drawn: z.int() })),
    amount: z.string().nullable(),
    currency: z.string().nullable(),
    size: z.int().meta({
      description: 'As asked for. Fewer are drawn where the population has fewer, or money fell on one row twice.',
    }),
    seed: z.string(),
    draw: z.int().meta({ description: 'The how manieth of this table and period.' }),
    reason: z.string(),
    status: z
      .enum(['requested', 'drawn'])
      .meta({ description: 'One that stays requested broke off before anything was shown.' }),
    count: z.int().nullable(),
    list_sha256: z
      .string()
      .nullable()
      .meta({ description: 'Of the ids that were drawn, in their order, each with a line feed.' }),
    requested_by: z.string(),
    person: z.string().nullable(),
    engagement: z.string().nullable(),
    requested_at: z.string(),
    requested_event_id: z.string(),
    drawn_at: z.string().nullable(),
    drawn_event_id: z.string().nullable(),
  })
  .meta({ id: 'Sample' });
export type SampleView = z.output<typeof sampleSchema>;

export const sampleItemSchema = z
  .object({
    object: z.literal('sample_item'),
    n: z.int(),
    unit_id: z.string().meta({ description: 'As it stands in the population.' }),
    rank: z.string().meta({ description: 'SHA-256(seed ‖ unit_id), hex.' }),
    stratum: z.string(),
    amount_minor: z.string().nullable(),
    hits: z.int(),
    row: z.record(z.string(), jsonValue).meta({ description: 'As it was when it was drawn, by names of columns.' }),
  })
  .meta({ id: 'SampleItem' });
export type SampleItemView = z.output<typeof sampleItemSchema>;

export interface SampleRow extends SampleView {
  readonly requested_us: number;
}

const instant = (at: string): string => `to_char(${at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const SAMPLES = `
SELECT s.id, 'sample' AS object, s.report, s.table_name AS "table", ${instant('s.period_from')} AS "from", ${instant('s.period_to')} AS "to",
       s.parameters, s.as_of, s.method, s.stratify_by, s.strata, s.amount, s.currency, s.size, s.seed, s.draw, s.reason,
       jsonb_build_object('count', s.population_count, 'sha256', s.population_sha256, 'total_minor', s.population_minor::text) AS population,
       CASE WHEN s.drawn_at IS NULL THEN 'requested' ELSE 'drawn' END AS status, s.drawn_count AS count, s.list_sha256,
       s.requested_by, s.person, s.engagement_id AS engagement, ${instant('s.requested_at')} AS requested_at, s.event_id AS requested_event_id,
       ${instant('s.drawn_at')} AS drawn_at, s.drawn_event_id,
       (extract(epoch FROM s.requested_at) * 1000000)::bigint AS requested_us
  FROM samples s WHERE s.workspace_id = $1`;

/** Throws `sample_not_found`. */
export async function readSample(client: Pool | ClientBase, workspaceId: WorkspaceId, id: string): Promise<SampleRow> {
  const { rows } = await client.query<SampleRow>(`${SAMPLES} AND s.id = $2`, [workspaceId, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(404, 'sample_not_found', `There is no sample "${id}".`, 'List them with GET /v1/samples.');
}

export interface SampleFilter {
  readonly report?: string | undefined;
  readonly engagement?: string | undefined;
}

/** Newest first. */
export async function listSamples(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  { report, engagement }: SampleFilter,
  after: TimePosition | undefined,
  limit: number,
): Promise<SampleRow[]> {
  const { rows } = await client.query<SampleRow>(
    `${SAMPLES} AND ($2::text IS NULL OR s.report = $2) AND ($3::text IS NULL OR s.engagement_id = $3)
       AND ($4::bigint IS NULL OR (s.requested_at, s.id) < ('epoch'::timestamptz + $4 * interval '1 microsecond', $5))
     ORDER BY s.requested_at DESC, s.id DESC LIMIT $6`,
    [workspaceId, report ?? null, engagement ?? null, after?.atUs ?? null, after?.id ?? null, limit],
  );
  return rows;
}

export interface SampleItemRow {
  readonly n: number;
  readonly unit_id: string;
  readonly rank: string;
  readonly stratum: string;
  readonly amount_minor: string | null;
  readonly hits: number;
  readonly cells: readonly z.output<typeof jsonValue>[];
}

export async function sampleItems(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  id: string,
): Promise<readonly SampleItemRow[]> {
  const { rows } = await client.query<SampleItemRow>(
    `SELECT n, unit_id, rank, stratum, amount_minor::text, hits, cells FROM sample_items
      WHERE workspace_id = $1 AND sample_id = $2 ORDER BY n`,
    [workspaceId, id],
  );
  return rows;
}

export function sampleView({ requested_us: _, ...view }: SampleRow): SampleView {
  return view;
}

export function sampleItemView(columns: readonly string[], { cells, ...item }: SampleItemRow): SampleItemView {
  return {
    object: 'sample_item',
    ...item,
    row: Object.fromEntries(columns.map((name, at) => [name, cells[at] ?? null])),
  };
}
