import type { ControlTest } from '../control-test.ts';

/** Authorised before it gets a credential, by another than asked for it. */
export const AG_02: ControlTest = {
  id: 'AG-02',
  sources: ['agents'],
  query: `
SELECT a.id AS record_id,
       CASE WHEN a.approved_at IS NULL THEN 'not_approved'
            WHEN a.first_credential_at < a.approved_at THEN 'credential_before_approval'
            WHEN a.first_action_at < a.first_credential_at THEN 'action_before_credential'
            WHEN r.decided_by = r.requested_by OR r.decided_by_id = r.requested_by_id THEN 'approved_by_requester' END AS kind,
       CASE WHEN a.approved_at IS NULL THEN format('%s was created by %s, and nobody else let it in', a.handle, a.created_by)
            ELSE format('%s: approved %s, first credential %s, first action %s', a.handle, utc_text(a.approved_at),
                        utc_text(a.first_credential_at), utc_text(a.first_action_at)) END AS sentence,
       '/agents/' || a.id AS href
  FROM agents a
  LEFT JOIN agent_requests r ON r.workspace_id = a.workspace_id AND r.id = a.request_id
 WHERE a.workspace_id = $1 AND a.created_at >= $2 AND a.created_at < $3 AND a.rehearsal_id IS NULL AND NOT a.synthetic`,
};
