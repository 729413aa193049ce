import { type ControlTest, missingInQuarters } from '../control-test.ts';

const STOPPED = `
SELECT EXISTS (SELECT FROM containments WHERE workspace_id = $1 AND rehearsal_id IS NULL AND ordered_at >= $2 AND ordered_at < $3)
    OR EXISTS (SELECT FROM rehearsals WHERE workspace_id = $1 AND status <> 'running' AND ended_at >= $2 AND ended_at < $3) AS found`;

/**
 * A stop takes hold in time. Whatever stands behind the order in the log was decided under it, so a later allowed call of somebody
 * whom it covered is a deviation until it is lifted, or the agent restored.
 */
export const AG_06: ControlTest = {
  id: 'AG-06',
  sources: ['log'],
  values: ({ parameters: { stopTargetMs } }) => [stopTargetMs],
  query: `
WITH stop AS (
  SELECT c.*, (SELECT a.seq FROM actions a WHERE a.workspace_id = $1 AND a.event_id = c.event_id LIMIT 1) AS seq,
         extract(epoch FROM c.effective_at - c.ordered_at) * 1000 AS took_ms
    FROM containments c
   WHERE c.workspace_id = $1 AND c.rehearsal_id IS NULL AND c.ordered_at >= $2 AND c.ordered_at < $3),
later AS (
  SELECT DISTINCT ON (s.id) s.id, a.event_id
    FROM stop s
    JOIN containment_agents m ON m.workspace_id = $1 AND m.containment_id = s.id
    JOIN actions a ON a.workspace_id = $1 AND a.kind = 'tool.call' AND a.agent_id = m.agent_id AND a.verdict = 'allow'
                  AND a.seq > s.seq AND a.ts < $3 AND (s.lifted_at IS NULL OR a.ts < s.lifted_at)
                  AND (s.scope <> 'tool' OR a.action = s.target)
   WHERE NOT EXISTS (SELECT FROM actions r WHERE r.workspace_id = $1 AND r.kind = 'agent.restored' AND r.agent_id = m.agent_id
                        AND r.seq > s.seq AND r.seq < a.seq)
   ORDER BY s.id, a.seq)
SELECT s.id AS record_id,
       CASE WHEN l.id IS NOT NULL THEN 'later_success'
            WHEN s.effective_at IS NULL THEN 'not_effective'
            WHEN s.took_ms > $4 THEN 'late' END AS kind,
       CASE WHEN l.id IS NOT NULL THEN format('%s was allowed after the stop of %s %s', l.event_id, s.scope, s.target)
            WHEN s.effective_at IS NULL THEN format('the stop of %s %s is not known to be in force', s.scope, s.target)
            ELSE format('the stop of %s %s took %s ms', s.scope, s.target, round(s.took_ms::numeric, 1)) END AS sentence,
       '/containment' AS href
  FROM stop s LEFT JOIN later l ON l.id = s.id
UNION ALL
SELECT r.id, CASE WHEN r.status = 'failed' THEN 'rehearsal_failed' END,
       format('rehearsal of %s: %s, slowest refusal %s ms', coalesce(r.agent, 'nobody'), r.status, r.result ->> 'slowest_ms'),
       '/containment'
  FROM rehearsals r WHERE r.workspace_id = $1 AND r.status <> 'running' AND r.ended_at >= $2 AND r.ended_at < $3`,
  missing: (scope) => missingInQuarters(scope, 'stop and no rehearsal', STOPPED),
};
