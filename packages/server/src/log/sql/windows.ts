/**
 * Sliding windows. A window of W seconds at the time t holds the entries of (t - W, t]. Entries carry the
 * running total of their counter, so what a window holds is a difference of two totals.
 */

/** Counters come to be with their first use. In key order, so that two makers cannot wait for each other in a circle. */
export const MAKE_COUNTERS = `
INSERT INTO window_counters (workspace_id, key) SELECT $1, k FROM unnest($2::text[]) AS k ORDER BY k
ON CONFLICT DO NOTHING`;

export const LOCK_COUNTERS = `
SELECT FROM window_counters WHERE workspace_id = $1 AND key = ANY($2) ORDER BY key FOR UPDATE`;

/**
 * The counters $2, each with its window of $3 seconds now; NULL asks for the counter alone. Of a counter that does
 * not exist, everything is null. A statement of its own, after the lock: it must see what was committed while
 * the lock was waited for. LIMIT keeps each lookup one index probe, whatever the planner believes of the arrays.
 */
export const READ_WINDOWS = `
SELECT w.key, w.seconds, c.version, c.total::text, c.keep_seconds, tick.now_us,
       coalesce(gone.total, 0)::text AS gone, inside.at_us AS oldest_us
  FROM unnest($2::text[], $3::integer[]) AS w (key, seconds)
 CROSS JOIN (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us) AS tick
  LEFT JOIN LATERAL (
    SELECT * FROM window_counters c WHERE c.workspace_id = $1 AND c.key = w.key LIMIT 1) AS c ON true
  LEFT JOIN LATERAL (
    SELECT e.total FROM window_entries e
     WHERE e.workspace_id = $1 AND e.key = w.key AND e.at_us <= tick.now_us - w.seconds * 1000000::bigint
     ORDER BY e.at_us DESC LIMIT 1) AS gone ON true
  LEFT JOIN LATERAL (
    SELECT e.at_us FROM window_entries e
     WHERE e.workspace_id = $1 AND e.key = w.key AND e.at_us > tick.now_us - w.seconds * 1000000::bigint
     ORDER BY e.at_us LIMIT 1) AS inside ON true`;

/** A row of READ_WINDOWS. */
export interface WindowRow {
  readonly key: string;
  readonly seconds: number | null;
  readonly version: number | null;
  readonly total: string | null;
  readonly keep_seconds: number | null;
  readonly now_us: number;
  /** Total of the counter at the window's far edge. */
  readonly gone: string;
  /** Time of the oldest entry inside. */
  readonly oldest_us: number | null;
}

/** The time of the entry with whose leaving the total $4 is gone, of those younger than $3; NULL when there is none. */
export const WHEN_FREED = `
SELECT (SELECT e.at_us FROM window_entries e
         WHERE e.workspace_id = $1 AND e.key = w.key AND e.at_us > w.since_us AND e.total >= w.total
         ORDER BY e.at_us LIMIT 1) AS at_us
  FROM unnest($2::text[], $3::bigint[], $4::numeric[]) WITH ORDINALITY AS w (key, since_us, total, position) ORDER BY w.position`;

/**
 * Takes $5 units back that the call $6 charged with the version $3 of the counter $2, not before $4: out of every
 * total from there on. Once for a call, and nothing when that entry has been cleared away.
 */
export const CREDIT = `
WITH charged AS MATERIALIZED (
  SELECT at_us FROM window_entries WHERE workspace_id = $1 AND key = $2 AND at_us >= $4 AND version = $3 LIMIT 1),
given AS (
  INSERT INTO window_credits (workspace_id, call_event_id, key, version, amount)
  SELECT $1, $6, $2, $3, $5::numeric FROM charged
  ON CONFLICT DO NOTHING RETURNING amount),
later AS (
  UPDATE window_entries SET total = total - $5::numeric
   WHERE workspace_id = $1 AND key = $2 AND at_us >= (SELECT at_us FROM charged) AND EXISTS (SELECT FROM given))
UPDATE window_counters SET version = version + 1, total = total - $5::numeric
 WHERE workspace_id = $1 AND key = $2 AND EXISTS (SELECT FROM given)`;
