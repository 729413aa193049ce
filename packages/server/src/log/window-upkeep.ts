/** Clears away what no window holds any more. Entries stay a while longer, for guards that come later with longer windows. */
import type { Pool } from 'pg';

const KEEP_AT_LEAST_SECONDS = 31 * 86_400;
const COUNTERS_AT_ONCE = 500;
/** Small: whoever charges one of these counters waits. */
const TRIMMED_AT_ONCE = 20;
const ENTRIES_OF_A_COUNTER = 1_000;

const BEFORE_US = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint
                   - greatest(c.keep_seconds, ${KEEP_AT_LEAST_SECONDS}) * 1000000::bigint`;

/** Whole counters that nothing was charged to for longer than their longest window. The row lock keeps charges out. */
const CLEAR_COUNTERS = `
WITH idle AS MATERIALIZED (
  SELECT c.workspace_id, c.key FROM window_counters c WHERE c.last_at_us < ${BEFORE_US}
   LIMIT ${COUNTERS_AT_ONCE} FOR UPDATE SKIP LOCKED),
entries AS (
  DELETE FROM window_entries e USING idle i WHERE e.workspace_id = i.workspace_id AND e.key = i.key)
DELETE FROM window_counters c USING idle i WHERE c.workspace_id = i.workspace_id AND c.key = i.key`;

/** The oldest entries of a counter in use, replaced by one at the time 0 that holds the total up to there. */
const TRIM_COUNTERS = `
WITH long AS MATERIALIZED (
  SELECT c.workspace_id, c.key, ${BEFORE_US} AS before_us FROM window_counters c
   WHERE EXISTS (SELECT FROM window_entries e WHERE e.workspace_id = c.workspace_id AND e.key = c.key
                    AND e.at_us BETWEEN 1 AND ${BEFORE_US})
   LIMIT ${TRIMMED_AT_ONCE} FOR UPDATE SKIP LOCKED),
gone AS (
  DELETE FROM window_entries e USING long l
   WHERE e.workspace_id = l.workspace_id AND e.key = l.key
     AND e.at_us <= (SELECT max(old.at_us) FROM (SELECT o.at_us FROM window_entries o
                       WHERE o.workspace_id = l.workspace_id AND o.key = l.key AND o.at_us <= l.before_us
                       ORDER BY o.at_us LIMIT ${ENTRIES_OF_A_COUNTER}) AS old)
  RETURNING e.workspace_id, e.key, e.total)
INSERT INTO window_entries (workspace_id, key, at_us, version, total)
SELECT workspace_id, key, 0, 0, max(total) FROM gone GROUP BY workspace_id, key`;

/** Credits whose entry is gone: a second one finds nothing to give back. */
const CLEAR_CREDITS = `
DELETE FROM window_credits c
 WHERE c.given_at < now() - make_interval(secs => ${KEEP_AT_LEAST_SECONDS})
   AND NOT EXISTS (SELECT FROM window_entries e
                    WHERE e.workspace_id = c.workspace_id AND e.key = c.key AND e.version = c.version)`;

export async function clearWindows(pool: Pool): Promise<void> {
  await repeat(pool, CLEAR_COUNTERS, COUNTERS_AT_ONCE);
  await repeat(pool, TRIM_COUNTERS, 1);
  await pool.query(CLEAR_CREDITS);
}

/** Until a round finds less than `full`. */
async function repeat(pool: Pool, statement: string, full: number): Promise<void> {
  for (;;) {
    const { rowCount } = await pool.query(statement);
    if ((rowCount ?? 0) < full) return;
  }
}
