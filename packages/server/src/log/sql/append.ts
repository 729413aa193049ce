/**
 * The one statement that adds to a shard. It is its own transaction when nothing had to be looked at
 * first, and the last one of a transaction that did. Either all of it happens or nothing: every write
 * hangs on `moved`, which moves the shard's head only if
 *   - the shard still has the fence, block number and head this writer knows (no second writer),
 *   - the workspace is active, its policy is the one decided under, and no token has run out,
 *   - every agent is active, at the revision decided under and at the sequence number given out last,
 *   - every window counter is at the version the decision was made from.
 * One row comes back when it happened, none when not.
 *
 * Locks are taken in one order everywhere: workspace, agents by id, counters by key. The joins run
 * as nested loops over the arrays (the log's connection has hash and merge joins off), so each agent and
 * counter is one index probe however many rows the tables have.
 */
const GUARDED = `
WITH workspace AS MATERIALIZED (
  SELECT FROM workspace_state
   WHERE workspace_id = $1 AND status = 'active' AND policy_revision = $2 AND clock_timestamp() < to_timestamp($3::float8)
     FOR SHARE),
expected AS MATERIALIZED (
  SELECT * FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::bigint[]) AS e (agent_id, revision, seq, next_seq)),
agents AS MATERIALIZED (
  SELECT s.agent_id FROM expected e JOIN agent_state s ON s.workspace_id = $1 AND s.agent_id = e.agent_id
   WHERE s.agent_seq = e.seq AND (e.revision IS NULL OR (s.revision = e.revision AND s.status = 'active'))
     AND ($2::bigint IS NULL OR EXISTS (SELECT FROM workspace))
   ORDER BY s.agent_id FOR UPDATE OF s)`;

const COUNTERS = `,
counters AS MATERIALIZED (
  SELECT c.key, w.version FROM json_to_recordset($18) AS w (key text, version bigint)
    JOIN window_counters c ON c.workspace_id = $1 AND c.key = w.key
   WHERE c.version = w.version AND (SELECT count(*) FROM agents) = cardinality($4::text[])
   ORDER BY c.key FOR UPDATE OF c)`;

const MOVED = `,
moved AS (
  UPDATE log_shards SET next_block = next_block + 1, next_seq = next_seq + $12, head = $16, open_block = $17, updated_at = now()
   WHERE workspace_id = $1 AND shard_id = $8 AND fence = $9 AND next_block = $10 AND head = $15
     AND (SELECT count(*) FROM agents) = cardinality($4::text[])
     AND ($2::bigint IS NULL OR EXISTS (SELECT FROM workspace))`;

const MOVED_WITH_COUNTERS = `
     AND (SELECT count(*) FROM counters) = json_array_length($18)`;

const COUNTED = `
  RETURNING 1),
counted AS (
  UPDATE agent_state s SET agent_seq = e.next_seq, last_action_at = now()
    FROM expected e WHERE s.workspace_id = $1 AND s.agent_id = e.agent_id AND EXISTS (SELECT FROM moved))`;

// Entries are deleted where a reservation is given back, and added where one is made.
const RESERVED = `,
totalled AS (
  UPDATE window_counters c
     SET version = c.version + 1, last_at_us = w.last_at_us, keep_seconds = w.keep_seconds,
         window_seconds = w.window_seconds, totals = w.totals, pruned_until_us = w.pruned_until_us
    FROM json_to_recordset($18) AS w (key text, last_at_us bigint, keep_seconds bigint, window_seconds integer[],
                                      totals numeric[], pruned_until_us bigint[])
   WHERE c.workspace_id = $1 AND c.key = w.key AND EXISTS (SELECT FROM moved)),
entered AS (
  INSERT INTO window_entries (workspace_id, key, at_us, event_id, amount)
  SELECT $1, e.key, e.at_us, e.event_id, e.amount
    FROM unnest($19::text[], $20::bigint[], $21::text[], $22::bigint[]) AS e (key, at_us, event_id, amount), moved),
released AS (
  DELETE FROM window_entries e
   USING unnest($23::text[], $24::bigint[], $25::text[]) AS r (key, at_us, event_id)
   WHERE e.workspace_id = $1 AND e.key = r.key AND e.at_us = r.at_us AND e.event_id = r.event_id
     AND EXISTS (SELECT FROM moved))`;

const STORED = `
INSERT INTO log_blocks (workspace_id, shard_id, block, first_seq, count, records, entry_hashes, prev_head, head)
SELECT $1, $8, $10, $11, $12, $13, $14, $15, $16 FROM moved`;

/**
 * $1 workspace, $2 policy revision or NULL when nothing depends on it, $3 first expiry of a token (epoch
 * seconds), $4–$7 agents: id, revision or NULL when it is not checked, sequence number now and then, $8 shard,
 * $9 fence, $10 block, $11 first position, $12 count, $13 records, $14 entry hashes, $15 previous head,
 * $16 head, $17 oldest block with an unsettled call.
 */
export const APPEND = GUARDED + MOVED + COUNTED + STORED;

/** As APPEND, with $18 the counters as JSON, $19–$22 the entries to add and $23–$25 those to give back. */
export const APPEND_WITH_WINDOWS = GUARDED + COUNTERS + MOVED + MOVED_WITH_COUNTERS + COUNTED + RESERVED + STORED;
