import { type ControlTest, missingInQuarters } from '../control-test.ts';

const TESTED = `
SELECT EXISTS (SELECT FROM detection_live_tests WHERE workspace_id = $1 AND status = 'passed' AND ended_at >= $2 AND ended_at < $3)
    OR EXISTS (SELECT FROM detection_sample_tests WHERE workspace_id = $1 AND passed AND tested_at >= $2 AND tested_at < $3) AS found`;

/** Monitoring works. Times are those that the alert got from the settings when it was opened; only whole days are compared. */
export const AG_16: ControlTest = {
  id: 'AG-16',
  sources: ['sinks', 'detections'],
  query: `
SELECT s.name || '/' || l.day AS record_id, CASE WHEN l.accepted < l.produced THEN 'not_delivered' END AS kind,
       format('%s on %s: %s produced, %s accepted, %s set aside', s.name, l.day, l.produced, l.accepted, l.rejected) AS sentence,
       '/pipelines/' || s.id AS href
  FROM sink_ledger l JOIN sinks s ON s.workspace_id = l.workspace_id AND s.id = l.sink_id
 WHERE l.workspace_id = $1 AND l.day >= ($2::timestamptz AT TIME ZONE 'UTC')::date AND l.day < ($3::timestamptz AT TIME ZONE 'UTC')::date
UNION ALL
SELECT a.id, CASE WHEN a.acknowledge_due_at < coalesce(a.acknowledged_at, $3) THEN 'acknowledged_late'
                  WHEN a.close_due_at < coalesce(a.closed_at, $3) THEN 'closed_late' END,
       format('%s (%s): acknowledged %s, due %s; closed %s, due %s', a.title, a.severity, utc_text(a.acknowledged_at),
              utc_text(a.acknowledge_due_at), utc_text(a.closed_at), utc_text(a.close_due_at)),
       '/alerts/' || a.id
  FROM alerts a WHERE a.workspace_id = $1 AND NOT a.synthetic AND a.opened_at >= $2 AND a.opened_at < $3
UNION ALL
SELECT t.id, CASE WHEN t.status = 'failed' AND NOT EXISTS (
                    SELECT FROM detection_live_tests n WHERE n.workspace_id = $1 AND n.detection = t.detection AND n.kind = t.kind
                       AND n.status = 'passed' AND n.ended_at > t.ended_at AND n.ended_at < $3) THEN 'rule_test_failed' END,
       format('test of %s: %s', t.detection, coalesce(t.failure, t.status)), '/detections/' || t.detection
  FROM detection_live_tests t WHERE t.workspace_id = $1 AND t.ended_at >= $2 AND t.ended_at < $3`,
  missing: (scope) => missingInQuarters(scope, 'test of a rule that passed', TESTED),
};
