/** Which tools moved money or data out in a period, and whether their own lists were held against the log. */
import type { Period } from '@hivekey/evidence';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { WorkspaceId } from '../ids.ts';
import { TOOL_OF_CALL } from './own-calls.ts';
import { TIE_OUT_STATES } from './tie-out.ts';

export const coverageSchema = z
  .object({
    object: z.literal('tie_out_coverage'),
    tool: z.string(),
    moves: z.array(z.string()).meta({ description: 'Currencies, `external`, and other units such as records_read.' }),
    calls: z.int().meta({ description: 'Allowed calls in the period.' }),
    tie_outs: z.int().meta({ description: 'That overlap the period.' }),
    covered_through: z
      .string()
      .nullable()
      .meta({ description: 'Up to when the period is covered without a hole; null: not from its beginning.' }),
    is_covered: z.boolean().meta({ description: 'From its beginning to its end.' }),
    state: z.enum([...TIE_OUT_STATES, 'none']).meta({ description: 'The worst of the newest ones of each period.' }),
  })
  .meta({ id: 'TieOutCoverage' });
type Coverage = z.output<typeof coverageSchema>;

/** A call moves money or data where it spends a unit, or reaches beyond the company. What an error spent is none. */
const COVERAGE = `
WITH calls AS (
  SELECT ${TOOL_OF_CALL} AS tool, c.record -> 'impact' AS impact, c.record -> 'external' = 'true' AS external
    FROM actions c
   WHERE c.workspace_id = $1 AND c.kind = 'tool.call' AND c.verdict = 'allow' AND c.ts >= $2 AND c.ts < $3 AND NOT c.record ? 'synthetic'),
moved AS (
  SELECT tool, count(*) AS calls,
         array_remove(array_agg(DISTINCT CASE WHEN external THEN 'external' END), NULL) AS reach,
         (SELECT coalesce(array_agg(DISTINCT u ORDER BY u), '{}') FROM calls k CROSS JOIN LATERAL jsonb_object_keys(k.impact) AS u
           WHERE k.tool = c.tool AND jsonb_typeof(k.impact) = 'object') AS units
    FROM calls c GROUP BY tool),
-- Of each period the newest import counts: whoever imports again corrects what was before.
newest AS (
  SELECT DISTINCT ON (tool, capabilities, period_from, period_to) id, tool, period_from, period_to, differences
    FROM tie_outs WHERE workspace_id = $1 AND period_from < $3 AND period_to > $2 AND imported_at < $4
   ORDER BY tool, capabilities, period_from, period_to, imported_at DESC),
open AS (
  SELECT n.*, n.differences > (SELECT count(*) FROM tie_out_differences d WHERE d.workspace_id = $1 AND d.tie_out_id = n.id
                                   AND d.explained_at < $4) AS unexplained FROM newest n)
SELECT 'tie_out_coverage' AS object, m.tool, m.units || m.reach AS moves, m.calls,
       (SELECT count(*) FROM open o WHERE o.tool = m.tool) AS tie_outs,
       (SELECT range_agg(tstzrange(o.period_from, o.period_to)) FROM open o WHERE o.tool = m.tool) AS covered,
       CASE WHEN NOT EXISTS (SELECT FROM open o WHERE o.tool = m.tool) THEN 'none'
            WHEN EXISTS (SELECT FROM open o WHERE o.tool = m.tool AND o.unexplained) THEN 'different'
            WHEN EXISTS (SELECT FROM open o WHERE o.tool = m.tool AND o.differences > 0) THEN 'explained' ELSE 'equal' END AS state
  FROM moved m WHERE cardinality(m.units || m.reach) > 0`;

const WITH_ENDS = `
SELECT object, tool, moves, calls, tie_outs, state, coalesce(covered @> tstzrange($2::timestamptz, $3::timestamptz), false) AS is_covered,
       to_char((SELECT least(upper(r), $3::timestamptz) FROM unnest(covered) AS r WHERE r @> $2::timestamptz) AT TIME ZONE 'UTC',
               'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS covered_through
  FROM (${COVERAGE}) c ORDER BY tool COLLATE "C"`;

/** By name of the tool. `asOf`: tie-outs and explanations that came later do not count. */
export async function tieOutCoverage(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  { from, to }: Period,
  asOf: string,
): Promise<readonly Coverage[]> {
  const { rows } = await client.query<Coverage>(WITH_ENDS, [workspaceId, from, to, asOf]);
  return rows;
}
