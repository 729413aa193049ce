/** Every policy that a decision of the log was made under, and how it had come into force. */
import type { TableShape } from '@hivekey/evidence';
import { column } from '../column.ts';
import type { ReportScope } from '../report.ts';
import { streamRows } from '../snapshot.ts';

export const HASHES: TableShape = {
  name: 'policy-hashes-in-log',
  title: 'Policies on decisions of the period',
  columns: [
    column('policy_hash', 'id', 'As it stands on the decisions.'),
    column('decisions', 'integer', 'How many there are in the period.'),
    column('first_seq', 'integer', 'Number of the first of them in the log.'),
    column('last_seq', 'integer', 'And of the last.'),
    column(
      'policy_revision',
      'integer',
      'The newest revision with this hash before its last decision. Empty: there is none.',
    ),
    column('published_at', 'time', 'When that came into force.'),
    column('published_by', 'text', 'Who put it into force.'),
    column(
      'basis',
      'text',
      'On what ground: `change`, `direct`, `agent_request`, `directory`, `discovery`, `restored`, `stop`.',
    ),
    column('change_id', 'id', 'The change that brought it, by name.'),
    column('reviewers', 'list', 'Who had approved that.'),
    column('review_required', 'boolean', 'Whether somebody else had to, by what was set then.'),
    column(
      'standing',
      'text',
      '`approved`: by somebody else. `not reviewed`: nobody had to. `narrowing`: it takes away, or follows from what was let in. `unknown`: never published, an exception.',
    ),
    column('event_id', 'id', 'The record of its publication.'),
  ],
};

const IN_LOG = `
SELECT d.policy AS policy_hash, d.decisions, d.first_seq, d.last_seq, v.revision AS policy_revision, v.created_at AS published_at,
       v.actor AS published_by, e.record ->> 'basis' AS basis, 'CHG-' || c.number AS change_id,
       ARRAY(SELECT jsonb_array_elements_text(e.record -> 'reviewers')) AS reviewers,
       (e.record ->> 'review_required')::boolean AS review_required,
       CASE WHEN v.revision IS NULL THEN 'unknown'
            WHEN e.record ->> 'basis' IN ('change', 'agent_request') THEN 'approved'
            WHEN e.record IS NULL OR e.record ->> 'basis' = 'direct' AND e.record ->> 'review_required' IS DISTINCT FROM 'true' THEN 'not reviewed'
            ELSE 'narrowing' END AS standing,
       e.event_id
  FROM (SELECT policy, count(*) AS decisions, min(seq) AS first_seq, max(seq) AS last_seq, max(ts) AS last_at FROM actions
         WHERE workspace_id = $1 AND kind = 'tool.call' AND ts >= $2 AND ts < $3 GROUP BY policy) AS d
  LEFT JOIN LATERAL (SELECT p.revision, p.created_at, p.actor FROM policy_revisions p
                      WHERE p.workspace_id = $1 AND p.policy_hash = d.policy AND p.created_at <= d.last_at
                      ORDER BY p.revision DESC LIMIT 1) v ON true
  LEFT JOIN LATERAL (SELECT a.record, a.event_id FROM actions a
                      WHERE a.workspace_id = $1 AND a.kind = 'policy.changed' AND (a.record ->> 'policy_revision')::bigint = v.revision
                      LIMIT 1) e ON true
  LEFT JOIN changes c ON c.workspace_id = $1 AND c.id = e.record ->> 'change_id'
 WHERE d.policy IS NOT NULL
 ORDER BY d.first_seq`;

export function hashesIn({ client, workspaceId, period }: ReportScope, end: string): AsyncIterable<object> {
  return streamRows(client, IN_LOG, [workspaceId, period.from, end]);
}
