/** How many entries there are over time, by verdict. */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';
import { type Count, countsOf, type EventFilter, type Period, readFor, selectionOf, whereOf } from '../log/index.ts';
import { countedFilter, orTooWide, periodOf, SCAN_MS, wholeBuckets } from './scope.ts';

export const BUCKETS = ['minute', 'hour', 'day'] as const;
type Bucket = (typeof BUCKETS)[number];
const SECONDS: Readonly<Record<Bucket, number>> = { minute: 60, hour: 3_600, day: 86_400 };
/** A chart has room for so many bars. */
const MAX_BUCKETS = 750;
const WANTED_BUCKETS = 200;

export const histogramSchema = z
  .object({
    object: z.literal('log_histogram'),
    from: z.int(),
    to: z.int().meta({ description: 'Exclusive. Whole buckets, UTC.' }),
    bucket_seconds: z.int(),
    source: z.enum(['counted', 'scanned']).meta({
      description: 'counted: kept as entries come. scanned: counted row by row for this answer. Both are exact.',
    }),
    total: z.int(),
    buckets: z
      .array(
        z.object({
          at: z.int(),
          total: z.int(),
          allow: z.int(),
          deny: z.int(),
          review: z.int(),
          none: z.int().meta({ description: 'Entries that have no verdict.' }),
        }),
      )
      .meta({ description: 'Those with entries.' }),
  })
  .meta({ id: 'LogHistogram' });
type Histogram = z.output<typeof histogramSchema>;

/** Throws `period_invalid`, `log_query_wide`. */
export async function histogramOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  filter: EventFilter,
  bucket: Bucket | undefined,
  nowMs: number,
): Promise<Histogram> {
  const asked = periodOf(filter, nowMs);
  const bucketSeconds = secondsOf(bucket, asked);
  const period = wholeBuckets(asked, bucketSeconds * 1000);
  const grain = bucketSeconds % SECONDS.day === 0 ? 'day' : 'hour';
  const known = bucketSeconds % SECONDS.hour === 0 ? await countedFilter(pool, workspaceId, filter) : undefined;
  const counted = known?.dimension === '' || grain === 'day' ? known : undefined;
  const counts =
    counted === undefined
      ? await orTooWide(scan(pool, workspaceId, { ...filter, ...period }, bucketSeconds))
      : await countsOf(pool, workspaceId, grain, counted, period, bucketSeconds);
  const buckets = bucketsOf(counts);
  return {
    object: 'log_histogram',
    from: period.from.getTime() / 1000,
    to: period.to.getTime() / 1000,
    bucket_seconds: bucketSeconds,
    source: counted === undefined ? 'scanned' : 'counted',
    total: buckets.reduce((sum, each) => sum + each.total, 0),
    buckets,
  };
}

/** As asked for, but never more bars than fit; the next multiple then. */
function secondsOf(bucket: Bucket | undefined, { from, to }: Period): number {
  const length = (to.getTime() - from.getTime()) / 1000;
  const fits = BUCKETS.find((each) => length / SECONDS[each] <= WANTED_BUCKETS) ?? 'day';
  const one = SECONDS[bucket ?? fits];
  return one * Math.max(1, Math.ceil(length / one / MAX_BUCKETS));
}

function scan(pool: Pool, workspaceId: WorkspaceId, filter: EventFilter, bucketSeconds: number) {
  return readFor(pool, SCAN_MS, async (client) => {
    const selection = await selectionOf(client, workspaceId, filter);
    const { rows } = await client.query<Count>(
      `SELECT floor(extract(epoch FROM ts) / $${selection.values.length + 1}::bigint)::bigint * $${selection.values.length + 1}::bigint AS at,
              coalesce(verdict, '') AS verdict, count(*) AS n
         FROM actions WHERE ${whereOf(selection)} GROUP BY 1, 2 ORDER BY 1, 2`,
      [...selection.values, bucketSeconds],
    );
    return rows;
  });
}

function bucketsOf(counts: readonly Count[]): Histogram['buckets'] {
  const buckets = new Map<number, Histogram['buckets'][number]>();
  for (const { at, verdict, n } of counts) {
    const bucket = buckets.get(at) ?? { at, total: 0, allow: 0, deny: 0, review: 0, none: 0 };
    const name = verdict === 'allow' || verdict === 'deny' || verdict === 'review' ? verdict : 'none';
    buckets.set(at, { ...bucket, total: bucket.total + n, [name]: bucket[name] + n });
  }
  return [...buckets.values()];
}
