/**
 * The one statement that adds to a shard. It is its own transaction when nothing had to be looked at
 * first, and the last one of a transaction that did. Either all of it happens or nothing: every write
 * hangs on `moved`, which moves the shard's head only if
 *   - the shard still has the fence, block number and head this writer knows (no second writer),
 *   - the workspace is active, its policy is the one decided under, and no token has run out,
 *   - every agent is active, at the revision decided under and at the sequence number given out last,
 *   - every window counter is at the version the decision was made from, and if the database's time was guessed
 *     for it, the guess is close.
 * The row count tells whether it happened.
 *
 * Locks are taken in one order everywhere: workspace, agents by id, counters by key. Agents and counters are
 * found by `= ANY(array)`, which is one index probe for each however many rows the tables have and whatever
 * the planner believes; a join with the arrays may become a scan of the workspace. What was locked is
 * compared as an array in the order of the "C" collation, which is JavaScript's for these ids.
 */
const GUARDED = `
WITH workspace AS MATERIALIZED (
  SELECT FROM workspace_state
   WHERE workspace_id = $1 AND status = 'active' AND policy_revision = $2 AND clock_timestamp() < to_timestamp($3::float8)
     FOR SHARE),
agents AS MATERIALIZED (
  SELECT agent_id, agent_seq, CASE WHEN status = 'active' THEN revision END AS revision FROM agent_state
   WHERE workspace_id = $1 AND agent_id = ANY($4::text[]) AND ($2::bigint IS NULL OR EXISTS (SELECT FROM workspace))
   ORDER BY agent_id FOR UPDATE)`;

const AGENTS_AS_EXPECTED = `
  SELECT cardinality($4::text[]) = 0
      OR (array_agg(agent_seq ORDER BY agent_id COLLATE "C") = $5::bigint[]
          AND ($6::bigint[] IS NULL OR array_agg(revision ORDER BY agent_id COLLATE "C") = $6::bigint[])) FROM agents`;

const COUNTERS = `,
counters AS MATERIALIZED (
  SELECT key, version FROM window_counters
   WHERE workspace_id = $1 AND key = ANY($18::text[]) AND (${AGENTS_AS_EXPECTED})
   ORDER BY key FOR UPDATE)`;

const MOVED = `,
moved AS (
  UPDATE log_shards SET next_block = next_block + 1, next_seq = next_seq + $12, head = $16, open_block = $17, updated_at = now()
   WHERE workspace_id = $1 AND shard_id = $8 AND fence = $9 AND next_block = $10 AND head = $15
     AND ($2::bigint IS NULL OR EXISTS (SELECT FROM workspace))
     AND (${AGENTS_AS_EXPECTED})`;

const CLOCK_TOLERANCE_US = 100_000;

const MOVED_WITH_COUNTERS = `
     AND ($25::bigint IS NULL OR abs(extract(epoch FROM clock_timestamp()) * 1000000 - $25) < ${CLOCK_TOLERANCE_US})
     AND (SELECT array_agg(version ORDER BY key COLLATE "C") = $19::bigint[] FROM counters)`;

const COUNTED = `
  RETURNING 1),
counted AS (
  UPDATE agent_state SET agent_seq = agent_seq + ($7::jsonb ->> agent_id)::bigint, last_action_at = now()
   WHERE workspace_id = $1 AND agent_id = ANY($4::text[]) AND EXISTS (SELECT FROM moved))`;

const RESERVED = `,
totalled AS (
  UPDATE window_counters c
     SET (version, last_at_us, keep_seconds, window_seconds, totals, pruned_until_us) =
         (SELECT c.version + 1, w.* FROM jsonb_to_record($20::jsonb -> c.key)
              AS w (last_at_us bigint, keep_seconds bigint, window_seconds integer[], totals numeric[], pruned_until_us bigint[]))
   WHERE c.workspace_id = $1 AND c.key = ANY($18::text[]) AND EXISTS (SELECT FROM moved)),
entered AS (
  INSERT INTO window_entries (workspace_id, key, at_us, event_id, amount)
  SELECT $1, e.key, e.at_us, e.event_id, e.amount
    FROM unnest($21::text[], $22::bigint[], $23::text[], $24::bigint[]) AS e (key, at_us, event_id, amount), moved)`;

const STORED = `
INSERT INTO log_blocks (workspace_id, shard_id, block, first_seq, count, records, entry_hashes, prev_head, head)
SELECT $1, $8, $10, $11, $12, $13, $14, $15, $16 FROM moved`;

/**
 * $1 workspace, $2 policy revision or NULL when nothing depends on it, $3 first expiry of a token (epoch
 * seconds), $4 agents in order, $5 their sequence numbers now, $6 their revisions or NULL when they are not
 * compared, $7 how many numbers each takes, as JSON, $8 shard, $9 fence, $10 block, $11 first position, $12 count,
 * $13 records, $14 entry hashes, $15 previous head, $16 head, $17 oldest block with an unsettled call.
 */
export const APPEND = GUARDED + MOVED + COUNTED + STORED;

/** As APPEND, with $18 the counters in order, $19 their versions, $20 what becomes of them, as JSON, $21–$24 the entries, $25 the guessed time or NULL. */
export const APPEND_WITH_WINDOWS = GUARDED + COUNTERS + MOVED + MOVED_WITH_COUNTERS + COUNTED + RESERVED + STORED;
