/** What a transaction locks and reads before it can decide. Sent together with BEGIN, in one round trip. */

/** FOR SHARE: recorders do not wait for each other, only for whoever changes policy or stops the workspace. */
export const LOCK_WORKSPACE = `
SELECT status, policy_revision FROM workspace_state WHERE workspace_id = $1 FOR SHARE`;

/**
 * For changes of state. The exclusive lock comes first, before any row of an agent, so that two of them, or one
 * and a recorder, cannot wait for each other in a circle.
 */
export const LOCK_WORKSPACE_EXCLUSIVELY = `
SELECT clock_timestamp() AS now FROM workspace_state WHERE workspace_id = $1 FOR NO KEY UPDATE`;

/** In id order, the same on every node. */
export const LOCK_AGENTS = `
SELECT agent_id, status, revision, agent_seq
  FROM agent_state WHERE workspace_id = $1 AND agent_id = ANY($2) ORDER BY agent_id FOR UPDATE`;

/**
 * No row when this writer no longer holds the shard. Once locked, nobody can take it before the commit. Sent after
 * the locks of workspace and agents, so its time is one at which those were held.
 */
export const LOCK_SHARD = `
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms FROM log_shards
 WHERE workspace_id = $1 AND shard_id = $2 AND fence = $3 AND next_block = $4 AND head = $5 FOR UPDATE`;
