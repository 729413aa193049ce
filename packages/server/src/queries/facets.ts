/** The most frequent values of what is selected. */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';
import { COUNTED_DIMENSIONS, countsBy, type EventFilter, readFor, selectionOf, topOf, whereOf } from '../log/index.ts';
import { countedFilter, DAY_MS, orTooWide, periodOf, SCAN_MS, wholeBuckets } from './scope.ts';

export const FACETS = [...COUNTED_DIMENSIONS, 'kind', 'verdict', 'tool', 'outcome'] as const;
export type Facet = (typeof FACETS)[number];

export const facetSchema = z
  .object({
    object: z.literal('log_facet'),
    by: z.enum(FACETS),
    from: z.int(),
    to: z.int().meta({ description: 'Exclusive. Of times longer than three days, whole days, UTC.' }),
    source: z.enum(['counted', 'scanned']),
    values: z.int().meta({ description: 'How many different ones there are.' }),
    top: z.array(
      z.object({
        value: z.string(),
        name: z.string().nullable().meta({ description: 'Handle of an agent.' }),
        n: z.int(),
      }),
    ),
  })
  .meta({ id: 'LogFacet' });
type FacetView = z.output<typeof facetSchema>;

/** Of less, days would be too coarse. */
const COUNTED_FROM_MS = 3 * DAY_MS;

const COLUMNS: Readonly<Record<Facet, string>> = {
  agent: 'agent_id',
  owner: 'owner',
  action: 'action',
  server: `record ->> 'namespace'`,
  reason_class: 'reason_class',
  kind: 'kind',
  verdict: 'verdict',
  tool: `record ->> 'tool'`,
  outcome: 'outcome',
};

/** Throws `period_invalid`, `log_query_wide`. */
export async function facetOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  filter: EventFilter,
  by: Facet,
  limit: number,
  nowMs: number,
): Promise<FacetView> {
  const asked = periodOf(filter, nowMs);
  const isLong = asked.to.getTime() - asked.from.getTime() > COUNTED_FROM_MS;
  const period = isLong ? wholeBuckets(asked, DAY_MS) : asked;
  const counted = isLong ? await countedFilter(pool, workspaceId, filter) : undefined;
  const dimension = COUNTED_DIMENSIONS.find((each) => each === by);
  let found: { readonly top: readonly { readonly value: string; readonly n: number }[]; readonly values: number };
  let source: FacetView['source'] = 'counted';
  if (counted !== undefined && (by === 'kind' || by === 'verdict')) {
    const all = (await countsBy(pool, workspaceId, by, counted, period)).filter(({ value }) => value !== '');
    found = { top: all.slice(0, limit), values: all.length };
  } else if (counted?.dimension === '' && dimension !== undefined)
    found = await topOf(pool, workspaceId, dimension, counted, period, limit);
  else {
    source = 'scanned';
    found = await orTooWide(scan(pool, workspaceId, { ...filter, ...period }, by, limit));
  }
  const names =
    by === 'agent'
      ? await handlesOf(
          pool,
          workspaceId,
          found.top.map(({ value }) => value),
        )
      : new Map();
  return {
    object: 'log_facet',
    by,
    from: Math.floor(period.from.getTime() / 1000),
    to: Math.ceil(period.to.getTime() / 1000),
    source,
    values: found.values,
    top: found.top.map(({ value, n }) => ({ value, name: names.get(value) ?? null, n })),
  };
}

function scan(pool: Pool, workspaceId: WorkspaceId, filter: EventFilter, by: Facet, limit: number) {
  return readFor(pool, SCAN_MS, async (client) => {
    const selection = await selectionOf(client, workspaceId, filter);
    const { rows } = await client.query<{ value: string; n: number; all: number }>(
      `SELECT ${COLUMNS[by]} AS value, count(*) AS n, count(*) OVER () AS all FROM actions
        WHERE ${whereOf(selection)} AND ${COLUMNS[by]} IS NOT NULL
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $${selection.values.length + 1}`,
      [...selection.values, limit],
    );
    return { top: rows.map(({ value, n }) => ({ value, n })), values: rows[0]?.all ?? 0 };
  });
}

async function handlesOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await pool.query<{ id: string; handle: string }>(
    'SELECT id, handle FROM agents WHERE workspace_id = $1 AND id = ANY($2)',
    [workspaceId, ids],
  );
  return new Map(rows.map(({ id, handle }) => [id, handle]));
}
