/** Clears away what no window holds any more. Entries stay a while longer, for guards that come later with longer windows. */
import type { Pool } from 'pg';

const KEEP_AT_LEAST_SECONDS = 31 * 86_400;
const COUNTERS_AT_ONCE = 500;
const ENTRIES_AT_ONCE = 10_000;

const NOW_US = '(extract(epoch FROM clock_timestamp()) * 1000000)::bigint';
const KEPT_US = `greatest(c.keep_seconds, ${KEEP_AT_LEAST_SECONDS}) * 1000000::bigint`;

/** Whole counters that nothing was charged to for longer than their longest window. The row lock keeps charges out. */
const CLEAR_COUNTERS = `
WITH idle AS MATERIALIZED (
  SELECT c.workspace_id, c.key FROM window_counters c WHERE c.last_at_us < ${NOW_US} - ${KEPT_US}
   LIMIT ${COUNTERS_AT_ONCE} FOR UPDATE SKIP LOCKED),
entries AS (
  DELETE FROM window_entries e USING idle i WHERE e.workspace_id = i.workspace_id AND e.key = i.key)
DELETE FROM window_counters c USING idle i WHERE c.workspace_id = i.workspace_id AND c.key = i.key`;

/** Entries that have left the total of every window of their counter, so that no total can be made wrong. */
const CLEAR_ENTRIES = `
DELETE FROM window_entries WHERE ctid = ANY (ARRAY(
  SELECT e.ctid FROM window_counters c
    JOIN window_entries e ON e.workspace_id = c.workspace_id AND e.key = c.key
     AND e.at_us <= (SELECT min(until) FROM unnest(c.pruned_until_us) AS until)
     AND e.at_us < ${NOW_US} - ${KEPT_US}
   LIMIT ${ENTRIES_AT_ONCE}))`;

export async function clearWindows(pool: Pool): Promise<void> {
  await repeat(pool, CLEAR_COUNTERS, COUNTERS_AT_ONCE);
  await repeat(pool, CLEAR_ENTRIES, ENTRIES_AT_ONCE);
}

async function repeat(pool: Pool, statement: string, full: number): Promise<void> {
  for (;;) {
    const { rowCount } = await pool.query(statement);
    if ((rowCount ?? 0) < full) return;
  }
}
