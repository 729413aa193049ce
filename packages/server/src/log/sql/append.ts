/**
 * The one statement that adds to a shard. It is its own transaction when nothing had to be looked at
 * first, and the last one of a transaction that did. Either all of it happens or nothing: every write
 * hangs on `moved`, which moves the shard's head only if
 *   - the shard still has the fence, block number and head this writer knows (no second writer),
 *   - the workspace is active, its policy is the one decided under, no token has run out, and the time is one
 *     at which the decisions hold: no change freeze has begun or ended since,
 *   - every agent is active, at the revision decided under and at the sequence number given out last,
 *   - every window counter is at the version the decision was made from, and the time it was
 *     made for is not still to come.
 * The row count tells whether it happened. Times are compared last, when every lock has been waited for.
 *
 * Locks are taken in one order everywhere: workspace, agents by id, counters by key. Agents and counters are
 * found by `= ANY(array)`, which is one index probe for each however many rows the tables have and whatever
 * the planner believes; a join with the arrays may become a scan of the workspace. What was locked is
 * compared as an array in the order of the "C" collation, which is JavaScript's for these ids.
 */
const GUARDED = `
WITH workspace AS MATERIALIZED (
  SELECT FROM workspace_state WHERE workspace_id = $1 AND status = 'active' AND policy_revision = $2 FOR SHARE),
agents AS MATERIALIZED (
  SELECT agent_id, agent_seq, CASE WHEN status = 'active' THEN revision END AS revision FROM agent_state
   WHERE workspace_id = $1 AND agent_id = ANY($4::text[]) AND ($2::bigint IS NULL OR EXISTS (SELECT FROM workspace))
   ORDER BY agent_id FOR UPDATE),
allowed AS MATERIALIZED (
  SELECT ($2::bigint IS NULL OR (EXISTS (SELECT FROM workspace) AND clock_timestamp() >= to_timestamp(($3::float8[])[1])
                              AND clock_timestamp() < to_timestamp(($3::float8[])[2])))
     AND (cardinality($4::text[]) = 0
          OR (array_agg(agent_seq ORDER BY agent_id COLLATE "C") = $5::bigint[]
              AND ($6::bigint[] IS NULL OR array_agg(revision ORDER BY agent_id COLLATE "C") = $6::bigint[]))) AS yes
    FROM agents)`;

const COUNTERS = `,
counters AS MATERIALIZED (
  SELECT key, version FROM window_counters
   WHERE workspace_id = $1 AND key = ANY($18::text[]) AND (SELECT yes FROM allowed)
   ORDER BY key FOR UPDATE),
unchanged AS MATERIALIZED (
  SELECT array_agg(version ORDER BY key COLLATE "C") = $19::bigint[]
     AND ($22::bigint IS NULL OR extract(epoch FROM clock_timestamp()) * 1000000 >= $22) AS yes
    FROM counters)`;

const MOVED = `,
moved AS (
  UPDATE log_shards SET next_block = next_block + 1, next_seq = next_seq + $12, head = $16, open_block = $17, updated_at = now()
   WHERE workspace_id = $1 AND shard_id = $8 AND fence = $9 AND next_block = $10 AND head = $15
     AND (SELECT yes FROM allowed)`;

const AND_COUNTERS = `
     AND (SELECT yes FROM unchanged)`;

const COUNTED = `
  RETURNING (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us),
counted AS (
  UPDATE agent_state SET agent_seq = agent_seq + ($7::jsonb ->> agent_id)::bigint, last_action_at = now()
   WHERE workspace_id = $1 AND agent_id = ANY($4::text[]) AND EXISTS (SELECT FROM moved))`;

const RESERVED = `,
charged AS (
  UPDATE window_counters
     SET version = version + 1, total = total + ($20::jsonb ->> key)::numeric,
         last_at_us = greatest(last_at_us + 1, (SELECT now_us FROM moved)),
         keep_seconds = greatest(keep_seconds, ($21::jsonb ->> key)::bigint)
   WHERE workspace_id = $1 AND key = ANY($18::text[]) AND $20::jsonb ? key AND EXISTS (SELECT FROM moved)
  RETURNING key, last_at_us, version, total),
entered AS (
  INSERT INTO window_entries (workspace_id, key, at_us, version, total)
  SELECT $1, key, last_at_us, version, total FROM charged)`;

const STORED = `
INSERT INTO log_blocks (workspace_id, shard_id, block, first_seq, count, records, entry_hashes, prev_head, head)
SELECT $1, $8, $10, $11, $12, $13, $14, $15, $16 FROM moved`;

/**
 * $1 workspace, $2 policy revision or NULL when nothing depends on it, $3 the times, from one to before
 * another, for which all was decided (epoch seconds), $4 agents in order, $5 their sequence numbers now, $6 their revisions or NULL when they are not
 * compared, $7 how many numbers each takes, as JSON, $8 shard, $9 fence, $10 block, $11 first position, $12 count,
 * $13 records, $14 entry hashes, $15 previous head, $16 head, $17 oldest block with an unsettled call.
 */
export const APPEND = GUARDED + MOVED + COUNTED + STORED;

/**
 * As APPEND, with $18 the counters in order, $19 their versions, $20 what is added to them, $21 how long their
 * entries must be kept where that grows, both as JSON, $22 the time as of which the windows were decided
 * (microseconds) or NULL when they were read under lock. Returns the database's time.
 */
export const APPEND_WITH_WINDOWS = `${GUARDED + COUNTERS + MOVED + AND_COUNTERS + COUNTED + RESERVED + STORED}
RETURNING (extract(epoch FROM committed_at) * 1000000)::bigint AS now_us`;
