import { tieOutCoverage } from '../../tie-outs/index.ts';
import type { ControlTest, TestScope } from '../control-test.ts';
import { callsMissing } from './log-coverage.ts';

/**
 * The log is complete. Numbers are looked at between the first and the last entry of the period, whatever their times; what has left
 * the log by a signed record of it (retention) is not a gap. $4 is the instant of the snapshot.
 */
export const AG_13: ControlTest = {
  id: 'AG-13',
  sources: ['log', 'tieOuts'],
  values: ({ asOf }) => [asOf],
  query: `
WITH span AS (SELECT min(seq) AS lo, max(seq) AS hi FROM actions WHERE workspace_id = $1 AND ts >= $2 AND ts < $3),
let_go AS (SELECT coalesce(range_agg(e), '{}'::int8multirange) AS seqs
             FROM log_absences l CROSS JOIN LATERAL unnest(l.entries) e WHERE l.workspace_id = $1),
entry AS (
  SELECT a.event_id, a.seq, lag(a.seq) OVER (ORDER BY a.seq) AS prev, a.agent, a.agent_seq,
         lag(a.agent_seq) OVER (PARTITION BY a.agent_id, a.agent_seq IS NULL ORDER BY a.seq) AS agent_prev
    FROM actions a, span WHERE a.workspace_id = $1 AND a.seq BETWEEN span.lo AND span.hi)
SELECT event_id AS record_id,
       CASE WHEN seq > prev + 1 AND NOT let_go.seqs @> int8range(prev + 1, seq) THEN 'gap'
            WHEN agent_seq > agent_prev + 1 AND isempty(let_go.seqs) THEN 'gap_of_agent'
            WHEN agent_seq <= agent_prev THEN 'number_of_agent_twice' END AS kind,
       CASE WHEN seq > prev + 1 THEN format('entries %s to %s are missing before it', prev + 1, seq - 1)
            WHEN agent_seq <> agent_prev + 1 THEN format('%s goes from number %s to %s', agent, agent_prev, agent_seq) END AS sentence,
       '/log?event=' || event_id AS href
  FROM entry, let_go
UNION ALL
SELECT t.id, CASE WHEN t.differences > (SELECT count(*) FROM tie_out_differences d
                                          WHERE d.workspace_id = $1 AND d.tie_out_id = t.id AND d.explained_at < $4)
                  THEN 'difference_not_explained' END,
       format('%s, %s to %s: %s differences', t.tool, utc_text(t.period_from), utc_text(t.period_to), t.differences), '/evidence'
  FROM (SELECT DISTINCT ON (tool, capabilities, period_from, period_to) * FROM tie_outs
         WHERE workspace_id = $1 AND period_from < $3 AND period_to > $2 AND imported_at < $4
         ORDER BY tool, capabilities, period_from, period_to, imported_at DESC) t`,
  missing: toolsMissing,
};

/** Tools that moved money or data in the period, and were not compared with their own lists from its beginning to its end. */
async function toolsMissing(scope: TestScope): Promise<string | null> {
  const { client, workspaceId, from, to, asOf } = scope;
  const uncovered = await callsMissing(scope);
  if (uncovered !== null) return uncovered;
  const tools = await tieOutCoverage(client, workspaceId, { from, to }, asOf);
  const open = tools.filter(({ is_covered }) => !is_covered).map(({ tool }) => tool);
  return open.length === 0 ? null : `Not compared with their own lists over the whole period: ${open.join(', ')}.`;
}
