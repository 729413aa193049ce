import type { ControlTest } from '../control-test.ts';

/** Emergency changes are reviewed in time: by the time that the setting gave them when they were activated. */
export const AG_10: ControlTest = {
  id: 'AG-10',
  sources: ['versions'],
  query: `
SELECT c.id AS record_id,
       CASE WHEN c.review_due_at IS NULL THEN NULL
            WHEN r.at IS NULL AND c.review_due_at < $3 THEN 'not_reviewed'
            WHEN r.at > c.review_due_at THEN 'reviewed_late' END AS kind,
       format('CHG-%s was activated %s by %s, to be reviewed by %s, reviewed %s', c.number, utc_text(c.activated_at),
              c.activated_by, utc_text(c.review_due_at), utc_text(r.at)) AS sentence,
       '/changes/' || c.id AS href
  FROM changes c
  LEFT JOIN LATERAL (SELECT max(r.at) AS at FROM change_reviews r
                      WHERE r.workspace_id = c.workspace_id AND r.change_id = c.id AND r.stage = 'after'
                        AND c.emergency_review IN ('passed', 'refused')) r ON true
 WHERE c.workspace_id = $1 AND c.class = 'emergency' AND c.activated_at >= $2 AND c.activated_at < $3`,
};
