import type { ControlTest } from '../control-test.ts';
import { callsMissing } from './log-coverage.ts';

/**
 * The log is intact and kept: each link is SHA-256 of the one before and the entry's hash, and no right to change entries is held by
 * the role that the application has. `hivekey verify` checks hashes of the records and signatures without us.
 */
export const AG_14: ControlTest = {
  id: 'AG-14',
  sources: ['log', 'copies'],
  query: `
WITH span AS (SELECT min(seq) AS lo, max(seq) AS hi FROM actions WHERE workspace_id = $1 AND ts >= $2 AND ts < $3),
entry AS (
  SELECT a.event_id, a.seq, sha256(a.prev_hash || a.entry_hash) <> a.hash
           OR lag(a.seq) OVER w = a.seq - 1 AND lag(a.hash) OVER w <> a.prev_hash AS broken
    FROM actions a, span WHERE a.workspace_id = $1 AND a.seq BETWEEN span.lo AND span.hi WINDOW w AS (ORDER BY a.seq))
SELECT event_id AS record_id,
       CASE WHEN broken THEN 'link_broken' END AS kind,
       CASE WHEN broken THEN format('entry %s does not follow from the one before', seq) END AS sentence, '/log?event=' || event_id AS href
  FROM entry
UNION ALL
SELECT t || '.' || p, CASE WHEN has_table_privilege(current_user, t, p) THEN 'may_change' END,
       format('the application may %s %s', p, t), '/system'
  FROM unnest(ARRAY['log_blocks', 'log_seals', 'log_tiles', 'log_checkpoints']) t, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) p
UNION ALL
SELECT c.destination, CASE WHEN c.last_error IS NOT NULL THEN 'copy_failed'
                           WHEN NOT EXISTS (SELECT FROM log_checkpoints k WHERE k.workspace_id = $1 AND k.tree_size = c.tree_size)
                           THEN 'copy_differs' END,
       format('%s has %s entries%s', c.destination, c.tree_size, coalesce(': ' || c.last_error, '')), '/system'
  FROM checkpoint_copies c WHERE c.workspace_id = $1`,
  missing: callsMissing,
};
