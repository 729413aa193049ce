/** How many entries there are, by hour or day, and by what they say: kept by the database as rows come and go (migration 0162). */
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

/** Both in the grain: whole hours or days, UTC. */
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
  const { rows } = await client.query<Count>(
    `SELECT floor(extract(epoch FROM at) / $7::bigint)::bigint * $7::bigint AS at, verdict, sum(n)::bigint AS n FROM log_counts
      WHERE workspace_id = $1 AND grain = $2 AND dimension = $3 AND value = $4 AND at >= $5 AND at < $6${more(values, kind, verdict)}
      GROUP BY 1, 2 HAVING sum(n) > 0 ORDER BY 1, 2`,
    values,
  );
  return rows;
}

export interface TopValue {
  readonly value: string;
  readonly n: number;
  readonly verdicts: Readonly<Record<string, number>>;
}

/** The most frequent values of a dimension, and how many there are besides. */
export async function topOf(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  grain: Grain,
  dimension: CountedDimension,
  { kind, verdict }: Pick<CountFilter, 'kind' | 'verdict'>,
  { from, to }: Period,
  limit: number,
): Promise<{ readonly top: readonly TopValue[]; readonly values: number }> {
  const values: unknown[] = [workspaceId, grain, dimension, from, to, limit];
  const { rows } = await client.query<TopValue & { readonly all: number }>(
    `WITH sums AS (
       SELECT value, verdict, sum(n)::bigint AS n FROM log_counts
        WHERE workspace_id = $1 AND grain = $2 AND dimension = $3 AND at >= $4 AND at < $5${more(values, kind, verdict)}
        GROUP BY value, verdict HAVING sum(n) > 0)
     SELECT value, sum(n)::bigint AS n, json_object_agg(verdict, n) AS verdicts, count(*) OVER () AS all
       FROM sums GROUP BY value ORDER BY sum(n) DESC, value LIMIT $6`,
    values,
  );
  return { top: rows.map(({ all: _all, ...row }) => row), values: rows[0]?.all ?? 0 };
}

/** How many there are of each kind, or verdict. */
export async function countsBy(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  grain: Grain,
  column: 'kind' | 'verdict',
  { dimension, value, kind, verdict }: CountFilter,
  { from, to }: Period,
): Promise<readonly { readonly value: string; readonly n: number }[]> {
  const values: unknown[] = [workspaceId, grain, dimension, value, from, to];
  const { rows } = await client.query<{ value: string; n: number }>(
    `SELECT ${column} AS value, sum(n)::bigint AS n FROM log_counts
      WHERE workspace_id = $1 AND grain = $2 AND dimension = $3 AND value = $4 AND at >= $5 AND at < $6${more(values, kind, verdict)}
      GROUP BY 1 HAVING sum(n) > 0 ORDER BY 2 DESC, 1`,
    values,
  );
  return rows;
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

/** Counts that are not what the rows say; none means that they are right. At most `limit`. */
export async function compareCounts(
  pool: Pool,
  workspaceId: WorkspaceId,
  limit = 100,
): Promise<
  readonly {
    readonly dimension: string;
    readonly value: string;
    readonly at: Date;
    readonly counted: number;
    readonly rows: number;
  }[]
> {
  const { rows } = await pool.query(
    `WITH expected AS (
       SELECT d.grain, d.dimension, d.value, date_trunc(d.grain, r.ts, 'UTC') AS at, r.kind, coalesce(r.verdict, '') AS verdict, count(*) AS n
         FROM actions r CROSS JOIN LATERAL log_counted(r.agent_id, r.owner, r.action, r.reason_class, r.record) d
        WHERE r.workspace_id = $1 GROUP BY 1, 2, 3, 4, 5, 6),
     kept AS (SELECT grain, dimension, value, at, kind, verdict, n FROM log_counts WHERE workspace_id = $1 AND n <> 0)
     SELECT dimension, value, at, coalesce(k.n, 0) AS counted, coalesce(e.n, 0) AS rows
       FROM expected e FULL JOIN kept k USING (grain, dimension, value, at, kind, verdict)
      WHERE e.n IS DISTINCT FROM k.n ORDER BY at, dimension, value LIMIT $2`,
    [workspaceId, limit],
  );
  return rows;
}
