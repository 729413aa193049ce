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
SELECT c.key, c.version, c.last_at_us, c.keep_seconds, tick.now_us, w.seconds,
       (w.total - coalesce(gone.amount, 0))::text AS total, oldest.at_us AS oldest_us
  FROM window_counters c
 CROSS JOIN (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us) AS tick
  LEFT JOIN LATERAL (
    SELECT u.seconds, u.total, u.pruned_until_us, greatest(tick.now_us, c.last_at_us) - u.seconds * 1000000::bigint AS since_us
      FROM unnest(c.window_seconds, c.totals, c.pruned_until_us) AS u (seconds, total, pruned_until_us)) AS w ON true
  LEFT JOIN LATERAL (
    SELECT sum(e.amount) AS amount FROM window_entries e
     WHERE e.workspace_id = $1 AND e.key = c.key AND e.at_us > w.pruned_until_us AND e.at_us <= w.since_us) AS gone ON true
  LEFT JOIN LATERAL (
    SELECT e.at_us FROM window_entries e
     WHERE e.workspace_id = $1 AND e.key = c.key AND e.at_us > w.since_us ORDER BY e.at_us LIMIT 1) AS oldest ON true
 WHERE c.workspace_id = $1 AND c.key = ANY($2)`;

/** A row of READ_WINDOWS. The last three are null for a counter without windows. */
export interface WindowRow {
  readonly key: string;
  readonly version: number;
  readonly last_at_us: number;
  readonly keep_seconds: number;
  readonly now_us: number;
  readonly seconds: number | null;
  readonly total: string | null;
  readonly oldest_us: number | null;
}

/** What a window of a length that the counter does not keep yet holds: $2 keys, $3 entries younger than this. */
export const SUM_WINDOWS = `
SELECT coalesce(held.total, 0)::text AS total, held.oldest_us
  FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS w (key, since_us, position)
 CROSS JOIN LATERAL (SELECT sum(e.amount) AS total, min(e.at_us) AS oldest_us FROM window_entries e
                      WHERE e.workspace_id = $1 AND e.key = w.key AND e.at_us > w.since_us) AS held
 ORDER BY w.position`;

/** The time of the entry with whose leaving at least $4 units have left; NULL when the window holds less. */
export const WHEN_FREED = `
SELECT (SELECT r.at_us FROM (SELECT e.at_us, sum(e.amount) OVER (ORDER BY e.at_us, e.event_id) AS running
                               FROM window_entries e
                              WHERE e.workspace_id = $1 AND e.key = w.key AND e.at_us > w.since_us) AS r
         WHERE r.running >= w.needed ORDER BY r.at_us LIMIT 1) AS at_us
  FROM unnest($2::text[], $3::bigint[], $4::numeric[]) WITH ORDINALITY AS w (key, since_us, needed, position) ORDER BY w.position`;

/**
 * Takes one reservation back, out of the entries and out of the totals that still hold it; nothing when it is
 * not there any more. One at a time: only an equality on the whole key is sure not to become a scan.
 */
export const RELEASE_ENTRY = `
WITH gone AS (
  DELETE FROM window_entries WHERE workspace_id = $1 AND key = $2 AND at_us = $3 AND event_id = $4
  RETURNING at_us, amount)
UPDATE window_counters c
   SET totals = ARRAY(SELECT u.total - CASE WHEN gone.at_us > u.until THEN gone.amount ELSE 0 END
                        FROM unnest(c.totals, c.pruned_until_us) WITH ORDINALITY AS u (total, until, i) ORDER BY u.i)
  FROM gone WHERE c.workspace_id = $1 AND c.key = $2`;
