import type { ControlTest, TestScope } from '../control-test.ts';
import { DRIFT_COVERAGE_PERCENT } from '../parameters.ts';
import { coverageMissing } from './log-coverage.ts';

/** A change that nobody approved is found. */
export const AG_09: ControlTest = {
  id: 'AG-09',
  sources: ['drift'],
  query: `
SELECT event_id AS record_id, NULL AS kind, format('%s objects compared', record ->> 'objects') AS sentence, '/log?event=' || event_id AS href
  FROM actions WHERE workspace_id = $1 AND kind = 'drift.checked' AND ts >= $2 AND ts < $3
UNION ALL
SELECT f.id, CASE WHEN f.resolved_at IS NULL OR f.resolved_at >= $3 THEN 'unresolved' END,
       format('%s %s is %s, and %s was approved', f.object_type, f.object_id, f.found, f.expected), '/log?event=' || f.event_id
  FROM drift_findings f
 WHERE f.workspace_id = $1 AND f.found_at < $3 AND (f.resolved_at IS NULL OR f.resolved_at >= $2)
UNION ALL
SELECT p.policy, CASE WHEN NOT EXISTS (SELECT FROM policy_revisions r WHERE r.workspace_id = $1 AND r.policy_hash = p.policy)
                      THEN 'policy_not_published' END,
       format('calls from %s on were decided by the policy %s', p.event_id, p.policy), '/log?event=' || p.event_id
  FROM (SELECT policy, min(event_id) AS event_id FROM actions
         WHERE workspace_id = $1 AND kind = 'tool.call' AND ts >= $2 AND ts < $3 AND policy IS NOT NULL GROUP BY policy) p`,
  missing: checksMissing,
};

async function checksMissing({ client, workspaceId, from, to }: TestScope): Promise<string | null> {
  const { rows } = await client.query<{ hours: number }>(
    `SELECT count(DISTINCT date_trunc('hour', ts, 'UTC'))::int AS hours FROM actions
      WHERE workspace_id = $1 AND kind = 'drift.checked' AND ts >= $2 AND ts < $3`,
    [workspaceId, from, to],
  );
  return coverageMissing('There are checks for drift in', rows[0]?.hours ?? 0, { from, to }, DRIFT_COVERAGE_PERCENT);
}
