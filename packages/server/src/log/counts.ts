/**
 * How many entries there are, kept by the database as rows come and go (migration 0162): by hour and day, and by the day of
 * each agent, owner, capability, server and class of reasons.
 */
import type { ClientBase, Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';

/** What is counted by itself; `''`: all entries. */
export const COUNTED_DIMENSIONS = ['agent', 'owner', 'action', 'server', 'reason_class'] as const;
export type CountedDimension = (typeof COUNTED_DIMENSIONS)[number];
export type Grain = 'hour' | 'day';

export interface CountFilter {
  readonly dimension: CountedDimension | '';
  /** Empty where the dimension is. */
  readonly value: string;
  readonly kind?: string | undefined;
  readonly verdict?: string | undefined;
}

/** Whole hours or days, UTC. */
export interface Period {
  /** Inclusive. */
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
}

export interface Count {
  /** When the bucket begins; epoch seconds. */
  readonly at: number;
  /** Empty of entries that have none. */
  readonly verdict: string;
  readonly n: number;
}

/** `bucketSeconds`: a multiple of the grain. */
export async function countsOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  grain: Grain,
  { dimension, value, kind, verdict }: CountFilter,
  { from, to }: Period,
  bucketSeconds: number,
): Promise<readonly Count[]> {
  const values: unknown[] = [workspaceId, grain, dimension, value, from, to, bucketSeconds];
  const within = withinOf(dimension);
  const { rows } = await client.query<Count>(
    `SELECT floor(extract(epoch FROM at) / $7::bigint)::bigint * $7::bigint AS at, verdict, sum(n)::bigint AS n FROM log_counts
      WHERE workspace_id = $1 AND grain = $2 AND dimension = $3 AND value = $4 AND ${within}${more(values, kind, verdict)}
      GROUP BY 1, 2 HAVING sum(n) > 0 ORDER BY 1, 2`,
    values,
  );
  return rows;
}

interface TopValue {
  readonly value: string;
  readonly n: number;
}

/** The most frequent values of a dimension, and how many there are in all; of whole days. */
export async function topOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  dimension: CountedDimension,
  { kind, verdict }: Pick<CountFilter, 'kind' | 'verdict'>,
  { from, to }: Period,
  limit: number,
): Promise<{ readonly top: readonly TopValue[]; readonly values: number }> {
  const values: unknown[] = [workspaceId, dimension, from, to, limit];
  const { rows } = await client.query<TopValue & { readonly all: number }>(
    `SELECT value, sum(n)::bigint AS n, count(*) OVER () AS all FROM log_counts
      WHERE workspace_id = $1 AND grain = 'day' AND dimension = $2 AND at >= $3 AND at < $4${more(values, kind, verdict)}
      GROUP BY value HAVING sum(n) > 0 ORDER BY 2 DESC, 1 LIMIT $5`,
    values,
  );
  return { top: rows.map(({ all: _all, ...row }) => row), values: rows[0]?.all ?? 0 };
}

/** How many there are of each kind, or verdict; of whole days. */
export async function countsBy(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  column: 'kind' | 'verdict',
  { dimension, value, kind, verdict }: CountFilter,
  { from, to }: Period,
): Promise<readonly { readonly value: string; readonly n: number }[]> {
  const values: unknown[] = [workspaceId, 'day', dimension, value, from, to];
  const { rows } = await client.query<{ value: string; n: number }>(
    `SELECT ${column} AS value, sum(n)::bigint AS n FROM log_counts
      WHERE workspace_id = $1 AND grain = $2 AND dimension = $3 AND value = $4 AND ${withinOf(dimension)}${more(values, kind, verdict)}
      GROUP BY 1 HAVING sum(n) > 0 ORDER BY 2 DESC, 1`,
    values,
  );
  return rows;
}

/**
 * Of everything, a run of the index. Of one value, a place in it for each day, as the days before the value are what it is
 * ordered by.
 */
function withinOf(dimension: CountFilter['dimension']): string {
  return dimension === ''
    ? 'at >= $5 AND at < $6'
    : `at = ANY(ARRAY(SELECT generate_series($5::timestamptz, $6::timestamptz - interval '1 second', interval '1 day', 'UTC')))`;
}

function more(values: unknown[], kind: string | undefined, verdict: string | undefined): string {
  const conditions: string[] = [];
  for (const [column, value] of [
    ['kind', kind],
    ['verdict', verdict],
  ] as const) {
    if (value === undefined) continue;
    values.push(value);
    conditions.push(` AND ${column} = $${values.length}`);
  }
  return conditions.join('');
}
