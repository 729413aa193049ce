import type { ControlTest } from '../control-test.ts';
import { logCoverageMissing } from './log-coverage.ts';

/**
 * Every acting identity is registered and has a live owner. A call that was refused is no deviation: that is what is to
 * happen. Nor is the retired token of an agent that is in the inventory.
 */
export const AG_01: ControlTest = {
  id: 'AG-01',
  sources: ['log', 'agents'],
  query: `
WITH call AS (
  SELECT agent_id, owner, verdict, event_id, ts FROM actions
   WHERE workspace_id = $1 AND kind = 'tool.call' AND ts >= $2 AND ts < $3 AND NOT record ? 'synthetic' AND agent_id IS NOT NULL),
-- from when until when a person was away
away AS (
  SELECT record ->> 'person' AS person, ts AS from_ts,
         (SELECT min(b.ts) FROM actions b
           WHERE b.workspace_id = $1 AND b.kind = 'person.changed' AND b.record ->> 'person_id' = a.record ->> 'person_id'
             AND b.ts > a.ts AND b.record #> '{changes,active,1}' = 'true') AS until_ts
    FROM actions a WHERE workspace_id = $1 AND kind = 'person.left' AND ts < $3),
orphan AS (
  SELECT DISTINCT ON (c.agent_id) c.agent_id, c.event_id, c.owner, c.ts
    FROM call c JOIN away w ON w.person = c.owner AND c.ts > w.from_ts AND (w.until_ts IS NULL OR c.ts < w.until_ts)
   WHERE c.verdict = 'allow' ORDER BY c.agent_id, c.ts)
SELECT a.agent_id AS record_id,
       CASE WHEN g.id IS NULL THEN 'not_in_inventory' WHEN o.agent_id IS NOT NULL THEN 'owner_had_left' END AS kind,
       CASE WHEN g.id IS NULL THEN 'acted, and is not in the inventory'
            WHEN o.agent_id IS NOT NULL THEN format('%s was allowed (%s) after its owner %s had left', g.handle, o.event_id, o.owner) END AS sentence,
       '/agents/' || a.agent_id AS href
  FROM (SELECT DISTINCT agent_id FROM call) a
  LEFT JOIN agents g ON g.workspace_id = $1 AND g.id = a.agent_id
  LEFT JOIN orphan o ON o.agent_id = a.agent_id
UNION ALL
SELECT u.id, CASE WHEN u.dismissed_at < $3 THEN NULL ELSE 'unregistered' END,
       format('%s %s was seen %s times and is not registered', u.kind, u.identity, u.count), '/agents?tab=unregistered'
  FROM unregistered_identities u WHERE u.workspace_id = $1 AND u.last_seen >= $2 AND u.first_seen < $3 AND u.agent_id IS NULL`,
  missing: logCoverageMissing,
};
