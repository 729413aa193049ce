import type { ControlTest } from '../control-test.ts';

/**
 * Agents of leavers are taken care of. Whoever is left over when a task is due is revoked by a round that comes within the minute;
 * an hour later that it was not is a deviation.
 */
export const AG_07: ControlTest = {
  id: 'AG-07',
  sources: ['leavers'],
  query: `
SELECT t.id AS record_id,
       CASE WHEN t.effective_at IS NULL AND t.opened_at < $3::timestamptz - interval '5 minutes' THEN 'suspension_not_effective'
            WHEN t.closed_at IS NULL AND t.due_at < $3::timestamptz - interval '1 hour' THEN 'open_past_due'
            WHEN t.closed_at > t.due_at + interval '1 hour' THEN 'closed_late' END AS kind,
       format('%s left %s; the agents were to be settled by %s', p.email, utc_text(t.opened_at), utc_text(t.due_at)) AS sentence,
       '/transfers/' || t.id AS href
  FROM transfer_tasks t JOIN people p ON p.workspace_id = t.workspace_id AND p.id = t.person_id
 WHERE t.workspace_id = $1 AND t.opened_at >= $2 AND t.opened_at < $3`,
};
