/** Sliding windows. A window of W seconds at the time t holds the entries of (t - W, t]. */

/** Counters come to be with their first use. In key order, so that two makers cannot wait for each other in a circle. */
export const MAKE_COUNTERS = `
INSERT INTO window_counters (workspace_id, key) SELECT $1, k FROM unnest($2::text[]) AS k ORDER BY k
ON CONFLICT DO NOTHING`;

export const LOCK_COUNTERS = `
SELECT FROM window_counters WHERE workspace_id = $1 AND key = ANY($2) ORDER BY key FOR UPDATE`;

/**
 * One row for each window of the locked counters, with what it holds now. A statement of its own: it must see
 * what was committed while the lock was waited for. Only entries that have left since the last time are summed.
 */
export const READ_WINDOWS = `
SELECT c.key, c.version, c.keep_seconds, clock.at_us, w.seconds, (w.total - coalesce(gone.amount, 0))::text AS total
  FROM window_counters c
 CROSS JOIN (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us) AS tick
 CROSS JOIN LATERAL (SELECT greatest(tick.now_us, c.last_at_us) AS at_us) AS clock
  LEFT JOIN LATERAL unnest(c.window_seconds, c.totals, c.pruned_until_us) AS w (seconds, total, pruned_until_us) ON true
  LEFT JOIN LATERAL (
    SELECT sum(e.amount) AS amount FROM window_entries e
     WHERE e.workspace_id = $1 AND e.key = c.key
       AND e.at_us > w.pruned_until_us AND e.at_us <= clock.at_us - w.seconds * 1000000::bigint) AS gone ON true
 WHERE c.workspace_id = $1 AND c.key = ANY($2)`;

/** What a window of a length that the counter does not keep yet holds: $2 keys, $3 entries younger than this. */
export const SUM_WINDOWS = `
SELECT coalesce((SELECT sum(e.amount) FROM window_entries e
                  WHERE e.workspace_id = $1 AND e.key = w.key AND e.at_us > w.since_us), 0)::text AS total
  FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS w (key, since_us, position) ORDER BY w.position`;

/** The time of the entry with whose leaving at least $4 units have left; NULL when the window holds less. */
export const WHEN_FREED = `
SELECT (SELECT r.at_us FROM (SELECT e.at_us, sum(e.amount) OVER (ORDER BY e.at_us, e.event_id) AS running
                               FROM window_entries e
                              WHERE e.workspace_id = $1 AND e.key = w.key AND e.at_us > w.since_us) AS r
         WHERE r.running >= w.needed ORDER BY r.at_us LIMIT 1) AS at_us
  FROM unnest($2::text[], $3::bigint[], $4::numeric[]) WITH ORDINALITY AS w (key, since_us, needed, position) ORDER BY w.position`;
