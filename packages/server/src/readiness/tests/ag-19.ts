import type { ControlTest } from '../control-test.ts';

/** Tools are approved as they are used. Pins that were let in are on the log; what was let in before records said so is in the registry. */
export const AG_19: ControlTest = {
  id: 'AG-19',
  sources: ['tools'],
  query: `
WITH used AS (
  SELECT action, record ->> 'definition_pin' AS pin, min(ts) AS first_ts, (array_agg(event_id ORDER BY seq))[1] AS event_id
    FROM actions
   WHERE workspace_id = $1 AND kind = 'tool.call' AND verdict = 'allow' AND ts >= $2 AND ts < $3 AND NOT record ? 'synthetic'
     AND record ? 'definition_pin' AND record ? 'namespace'
   GROUP BY 1, 2),
approved AS (
  SELECT record ->> 'capability' AS action, record ->> 'approved_pin' AS pin, min(ts) AS ts FROM actions
   WHERE workspace_id = $1 AND kind = 'tool.changed' AND ts < $3 AND record ? 'approved_pin' GROUP BY 1, 2),
registry AS (
  SELECT capability AS action, approved_pin AS pin FROM mcp_definitions WHERE workspace_id = $1
  UNION SELECT capability, approved_pin FROM http_operations WHERE workspace_id = $1)
SELECT u.event_id AS record_id,
       CASE WHEN a.ts > u.first_ts THEN 'approved_later'
            WHEN a.ts IS NULL AND NOT EXISTS (SELECT FROM registry r WHERE r.action = u.action AND r.pin = u.pin) THEN 'not_approved' END AS kind,
       format('%s ran with the definition %s, which %s', u.action, u.pin,
              CASE WHEN a.ts IS NULL THEN 'nobody had let in' ELSE format('was let in %s', utc_text(a.ts)) END) AS sentence,
       '/log?event=' || u.event_id AS href
  FROM used u LEFT JOIN approved a ON a.action = u.action AND a.pin = u.pin`,
};
