/**
 * The queryable rows of sealed entries: $1 workspace, $2 shard, $3 global number of the first, $4 its shard
 * position, $5 the records as one JSON array, $6–$8 entry hashes, previous links and links, 32 bytes each, joined.
 * The database takes the records apart, so this process does not parse them. A record of which nothing is left is `null`,
 * and has no row.
 */
export const PROJECTED_ROWS = `
SELECT $1::text AS workspace_id, $3::bigint + e.n - 1 AS seq, (e.r ->> 'ts')::timestamptz AS ts, e.r ->> 'event_id' AS event_id,
       e.r ->> 'kind' AS kind, e.r ->> 'agent_id' AS agent_id, e.r ->> 'agent' AS agent, (e.r ->> 'agent_seq')::bigint AS agent_seq,
       e.r ->> 'owner' AS owner, e.r ->> 'action' AS action, e.r ->> 'verdict' AS verdict, e.r ->> 'reason_class' AS reason_class,
       e.r ->> 'reason' AS reason, e.r ->> 'outcome' AS outcome, e.r ->> 'call_event_id' AS call_event_id,
       e.r ->> 'session_id' AS session_id, e.r ->> 'policy' AS policy, $2::text AS shard_id, $4::bigint + e.n - 1 AS shard_seq,
       substring($6::bytea FROM (e.n::int - 1) * 32 + 1 FOR 32) AS entry_hash,
       substring($7::bytea FROM (e.n::int - 1) * 32 + 1 FOR 32) AS prev_hash,
       substring($8::bytea FROM (e.n::int - 1) * 32 + 1 FOR 32) AS hash, e.r AS record
  FROM jsonb_array_elements($5::text::jsonb) WITH ORDINALITY AS e (r, n)
 WHERE e.r <> 'null'`;

export const PROJECT = `INSERT INTO actions ${PROJECTED_ROWS}`;

/**
 * A call shows how it ended. What is known for certain replaces `unknown`, never the other way round.
 * $2 first and $3 last global number of the new rows.
 */
export const PROJECT_OUTCOMES = `
UPDATE actions AS call SET outcome = result.outcome
  FROM (SELECT DISTINCT ON (call_event_id) call_event_id, outcome FROM actions
         WHERE workspace_id = $1 AND seq BETWEEN $2 AND $3 AND kind = 'tool.result'
         ORDER BY call_event_id, outcome = 'unknown', seq) AS result
 WHERE call.workspace_id = $1 AND call.event_id = result.call_event_id AND call.kind = 'tool.call'
   AND (call.outcome IS NULL OR call.outcome = 'unknown')`;

/** The sealed block that holds the global number $2, and those after it. */
export const SEALED_BLOCKS = `
SELECT s.first_global_seq AS "firstGlobalSeq", s.shard_id AS "shardId", b.first_seq AS "firstSeq", b.count, b.absent,
       b.records, b.entry_hashes AS "entryHashes", b.prev_head AS "previousHead", b.committed_at AS "committedAt"
  FROM log_seals s JOIN log_blocks b USING (workspace_id, shard_id, block)
 WHERE s.workspace_id = $1 AND s.first_global_seq + s.count > $2
   AND s.first_global_seq >= coalesce((SELECT max(first_global_seq) FROM log_seals
                                        WHERE workspace_id = $1 AND first_global_seq <= $2), $2)
 ORDER BY s.first_global_seq LIMIT $3`;
