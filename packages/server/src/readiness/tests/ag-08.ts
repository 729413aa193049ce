import type { ControlTest } from '../control-test.ts';

/**
 * Changes of what decides are tested and approved by another. What a directory or a server says of itself, and what was put back as it
 * had been approved, is no change by a person. Emergencies are AG-10's; a standard change was approved as a pattern.
 */
export const AG_08: ControlTest = {
  id: 'AG-08',
  sources: ['versions'],
  query: `
SELECT v.event_id AS record_id,
       CASE WHEN v.basis = 'direct' THEN 'no_approval'
            WHEN v.basis <> 'change' OR c.class IN ('standard', 'emergency') THEN NULL
            WHEN c.approved_at IS NULL OR c.preview_hash IS NULL THEN 'not_approved'
            WHEN c.approved_at > c.activated_at THEN 'approved_after_activation'
            WHEN NOT EXISTS (SELECT FROM change_reviews r
                              WHERE r.workspace_id = c.workspace_id AND r.change_id = c.id AND r.decision = 'approve'
                                AND r.round = c.round AND r.content_hash = c.content_hash
                                AND NOT EXISTS (SELECT FROM change_edits e
                                                 WHERE e.workspace_id = c.workspace_id AND e.change_id = c.id AND e.person_id = r.person_id))
                 THEN 'approved_by_author' END AS kind,
       format('%s %s v%s %s%s', v.object_type, v.object_id, v.version,
              CASE v.basis WHEN 'direct' THEN 'was edited directly by ' || v.author ELSE 'came of ' || v.basis END,
              CASE WHEN c.number IS NOT NULL THEN format(' CHG-%s', c.number) ELSE '' END) AS sentence,
       CASE WHEN c.id IS NULL THEN '/log?event=' || v.event_id ELSE '/changes/' || c.id END AS href
  FROM object_versions v
  LEFT JOIN changes c ON c.workspace_id = v.workspace_id AND c.id = v.change_id
 WHERE v.workspace_id = $1 AND v.basis NOT IN ('adopted', 'restored', 'directory', 'discovery')
   AND v.activated_at >= $2 AND v.activated_at < $3`,
};
