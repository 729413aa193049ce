import type { ControlTest } from '../control-test.ts';

/**
 * High impact waits for a person, who approves exactly that. `people` and `groups` are what the guard asked for when the call was
 * held; whoever decides for somebody else does it with the groups of whom it is for, as the decision says.
 */
export const AG_12: ControlTest = {
  id: 'AG-12',
  sources: ['log'],
  query: `
WITH held AS (
  SELECT p.*, d.approvers, d.last_at, d.spoken, d.own,
         g.record ->> 'binds' AS binds, r.record ->> 'args_digest' AS ran
    FROM approvals p
    LEFT JOIN LATERAL (
      SELECT count(DISTINCT d.person_id)::int AS approvers, max(d.decided_at) AS last_at,
             array_agg(DISTINCT spoken.name) FILTER (WHERE spoken.name IS NOT NULL) AS spoken,
             bool_or(d.key_name = 'agent:' || p.agent OR d.key_id = p.token_id) AS own
        FROM approval_decisions d LEFT JOIN LATERAL unnest(d.groups) AS spoken(name) ON true
       WHERE d.workspace_id = p.workspace_id AND d.approval_id = p.id AND d.decision = 'approve') d ON true
    LEFT JOIN LATERAL (SELECT a.record FROM actions a WHERE a.workspace_id = $1 AND a.kind = 'approval.granted' AND a.record ? 'approval_id'
                          AND a.record ->> 'approval_id' = p.id AND a.ts >= p.requested_at LIMIT 1) g ON p.call_event_id IS NOT NULL
    LEFT JOIN LATERAL (SELECT a.record FROM actions a WHERE a.workspace_id = $1 AND a.event_id = p.call_event_id LIMIT 1) r ON true
   WHERE p.workspace_id = $1 AND p.requested_at >= $2 AND p.requested_at < $3)
SELECT id AS record_id,
       CASE WHEN call_event_id IS NULL THEN NULL
            WHEN coalesce(approvers, 0) < people OR own THEN 'not_approved_by_people'
            WHEN released_at < last_at THEN 'ran_before_approval'
            WHEN NOT groups <@ coalesce(spoken, '{}') THEN 'without_authority'
            WHEN binds IS NOT NULL AND ran IS NOT NULL AND binds <> ran THEN 'other_arguments' END AS kind,
       format('%s of %s: %s of %s people approved, decided %s, ran %s', capability, agent, coalesce(approvers, 0), people,
              utc_text(last_at), utc_text(released_at)) AS sentence,
       '/approvals/' || id AS href
  FROM held`,
};
