/** Counting what was used, from the log as it grows, and reading it again. */
import type { ClientBase, Pool, PoolClient } from 'pg';
import type { AgentId, WorkspaceId } from '../ids.ts';
import { loadPolicySet } from '../roles/index.ts';
import { counterOf, measuredCounters, peakKey } from './counters.ts';

/** Records that are counted in one transaction. */
const RECORDS_AT_ONCE = 5_000;
/** A call is recorded with the node's clock, its counters with the database's: so far apart they may be. */
const CLOCKS_APART_SECONDS = 60;
/** Entries of counters are there for at least so long; see log/window-upkeep.ts. */
const ENTRIES_KEPT_DAYS = 31;
const USE_KEPT_DAYS = 400;

const SPAN = `
SELECT max(seq)::bigint AS last, min(ts) AS first_at, max(ts) AS last_at
  FROM actions WHERE workspace_id = $1 AND seq >= $2 AND seq < $3`;

/**
 * Calls that got past scope, of who called and of each on whose behalf: a role that is taken from one of those narrows the
 * call just the same. Shadows of rehearsals are nobody.
 */
const COUNT_CALLS = `
INSERT INTO capability_use (workspace_id, agent_id, day, action, roles, calls, refused, last_at)
SELECT $1, w.agent_id, (a.ts AT TIME ZONE 'UTC')::date, a.action,
       ARRAY(SELECT jsonb_array_elements_text(a.record -> 'roles') ORDER BY 1) AS roles,
       count(*) FILTER (WHERE a.verdict <> 'deny'), count(*) FILTER (WHERE a.verdict = 'deny'), max(a.ts)
  FROM actions a
 CROSS JOIN LATERAL (SELECT a.agent_id UNION SELECT c ->> 'agent_id' FROM jsonb_array_elements(a.record -> 'chain') AS c) AS w (agent_id)
  JOIN agents g ON g.workspace_id = a.workspace_id AND g.id = w.agent_id AND g.rehearsal_id IS NULL
 WHERE a.workspace_id = $1 AND a.seq >= $2 AND a.seq <= $3 AND a.kind = 'tool.call' AND a.action IS NOT NULL
   AND NOT (a.verdict = 'deny' AND a.reason_class IN ('scope', 'containment', 'credential'))
 GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (workspace_id, agent_id, day, action, roles) DO UPDATE SET
  calls = capability_use.calls + excluded.calls, refused = capability_use.refused + excluded.refused,
  last_at = greatest(capability_use.last_at, excluded.last_at)`;

const CHARGED_KEYS = `
SELECT DISTINCT c ->> 'key' AS key
  FROM actions a CROSS JOIN LATERAL jsonb_array_elements(a.record -> 'charges') AS c
 WHERE a.workspace_id = $1 AND a.seq >= $2 AND a.seq <= $3 AND a.kind = 'tool.call'`;

/**
 * The most that windows of $5 µs held at the entries from $4 on, of the counters $2, kept as $3. An entry counts with what
 * it was charged: what was given back later had to have room when it was decided.
 */
const MEASURE = `
WITH spent AS (
  SELECT e.key, e.at_us,
         e.total - coalesce(lag(e.total) OVER (PARTITION BY e.key ORDER BY e.at_us), edge.total, 0) + coalesce(given.amount, 0) AS amount
    FROM unnest($2::text[]) AS k (key)
    LEFT JOIN LATERAL (
      SELECT b.total FROM window_entries b WHERE b.workspace_id = $1 AND b.key = k.key AND b.at_us <= $4::bigint - $5::bigint
       ORDER BY b.at_us DESC LIMIT 1) AS edge ON true
    JOIN window_entries e ON e.workspace_id = $1 AND e.key = k.key AND e.at_us > greatest($4::bigint - $5::bigint, 0)
    LEFT JOIN (
      SELECT key, version, sum(greatest(amount, 0)) AS amount FROM window_credits
       WHERE workspace_id = $1 AND key = ANY($2) GROUP BY key, version) AS given ON given.key = e.key AND given.version = e.version),
held AS (
  SELECT key, at_us, sum(amount) OVER (PARTITION BY key ORDER BY at_us RANGE BETWEEN $6::bigint PRECEDING AND CURRENT ROW) AS held FROM spent)
INSERT INTO limit_use (workspace_id, key, window_seconds, counter, day, peak)
SELECT $1, h.key, ($5::bigint / 1000000)::integer, k.counter, (to_timestamp(h.at_us / 1e6) AT TIME ZONE 'UTC')::date, max(h.held)
  FROM held h JOIN unnest($2::text[], $3::text[]) AS k (key, counter) ON k.key = h.key
 WHERE h.at_us >= $4
 GROUP BY 2, 4, 5
ON CONFLICT (workspace_id, key, window_seconds, day) DO UPDATE SET peak = greatest(limit_use.peak, excluded.peak)`;

/** Counts the next records. False when there are no more, or another node is at it. */
export async function countUse(pool: Pool, workspaceId: WorkspaceId): Promise<boolean> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const hasMore = await countNext(client, workspaceId);
    await client.query('COMMIT');
    client.release();
    return hasMore;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

async function countNext(client: PoolClient, workspaceId: WorkspaceId): Promise<boolean> {
  await client.query('INSERT INTO use_cursors (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING', [workspaceId]);
  const { rows: cursors } = await client.query<{ next_seq: number }>(
    'SELECT next_seq FROM use_cursors WHERE workspace_id = $1 FOR UPDATE SKIP LOCKED',
    [workspaceId],
  );
  const next = cursors[0]?.next_seq;
  if (next === undefined) return false;
  const end = next + RECORDS_AT_ONCE;
  const { rows: spans } = await client.query<{ last: number | null; first_at: Date; last_at: Date }>(SPAN, [
    workspaceId,
    next,
    end,
  ]);
  const [span] = spans;
  if (span?.last === undefined || span.last === null) return false;
  await client.query(COUNT_CALLS, [workspaceId, next, span.last]);
  await measureLimits(client, workspaceId, next, span.last, span.first_at);
  await client.query(
    `UPDATE use_cursors SET next_seq = $2, counted_to = $4, calls_from = coalesce(calls_from, $3),
            limits_from = CASE WHEN $4 < now() - make_interval(days => ${ENTRIES_KEPT_DAYS}) THEN now() - make_interval(days => ${ENTRIES_KEPT_DAYS})
                               ELSE coalesce(limits_from, greatest($3, now() - make_interval(days => ${ENTRIES_KEPT_DAYS}))) END
      WHERE workspace_id = $1`,
    [workspaceId, span.last + 1, span.first_at, span.last_at],
  );
  return span.last + 1 === end;
}

async function measureLimits(
  client: PoolClient,
  workspaceId: WorkspaceId,
  first: number,
  last: number,
  firstAt: Date,
): Promise<void> {
  const { rows } = await client.query<{ key: string }>(CHARGED_KEYS, [workspaceId, first, last]);
  if (rows.length === 0) return;
  const { set } = await loadPolicySet(client, workspaceId);
  const measured = measuredCounters(set);
  const byLength = new Map<number, { keys: string[]; counters: string[] }>();
  for (const { key } of rows) {
    const found = counterOf(key, measured);
    for (const seconds of found?.seconds ?? []) {
      const of = byLength.get(seconds) ?? { keys: [], counters: [] };
      of.keys.push(key);
      of.counters.push(found?.counter ?? key);
      byLength.set(seconds, of);
    }
  }
  const fromUs = (firstAt.getTime() - CLOCKS_APART_SECONDS * 1000) * 1000;
  for (const [seconds, { keys, counters }] of byLength) {
    const lengthUs = seconds * 1_000_000;
    await client.query(MEASURE, [workspaceId, keys, counters, fromUs, lengthUs, lengthUs - 1]);
  }
}

/** What is older than anybody may ask for. */
export async function forgetUse(pool: Pool): Promise<void> {
  for (const table of ['capability_use', 'limit_use'])
    await pool.query(`DELETE FROM ${table} WHERE day < (now() AT TIME ZONE 'UTC')::date - ${USE_KEPT_DAYS}`);
}

export interface UseKnown {
  /** Calls are counted from here to here; null where none were. */
  readonly callsFrom: Date | null;
  readonly limitsFrom: Date | null;
  readonly countedTo: Date | null;
}

export async function readKnown(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<UseKnown> {
  const { rows } = await client.query<UseKnown>(
    `SELECT calls_from AS "callsFrom", limits_from AS "limitsFrom", counted_to AS "countedTo" FROM use_cursors WHERE workspace_id = $1`,
    [workspaceId],
  );
  return rows[0] ?? { callsFrom: null, limitsFrom: null, countedTo: null };
}

export interface CapabilityUse {
  readonly agentId: AgentId;
  readonly action: string;
  readonly roles: readonly string[];
  /** Allowed, or held for people. */
  readonly calls: number;
  /** Granted, and refused by a guard. */
  readonly refused: number;
  readonly lastAt: Date;
}

/** Since the beginning of that UTC day, as `YYYY-MM-DD`. */
export async function readUse(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  fromDay: string,
): Promise<CapabilityUse[]> {
  const { rows } = await client.query<CapabilityUse>(
    `SELECT agent_id AS "agentId", action, roles, sum(calls)::float8 AS calls, sum(refused)::float8 AS refused, max(last_at) AS "lastAt"
       FROM capability_use WHERE workspace_id = $1 AND day >= $2::date GROUP BY 1, 2, 3`,
    [workspaceId, fromDay],
  );
  return rows;
}

/** Counter and length of the window → the most it held, over all whose counter it is, since the beginning of that UTC day. */
export async function readPeaks(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  fromDay: string,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ counter: string; seconds: number; peak: number }>(
    `SELECT counter, window_seconds AS seconds, max(peak)::float8 AS peak
       FROM limit_use WHERE workspace_id = $1 AND day >= $2::date GROUP BY 1, 2`,
    [workspaceId, fromDay],
  );
  return new Map(rows.map(({ counter, seconds, peak }) => [peakKey(counter, seconds), peak]));
}

/**
 * The most that each of these windows held since the beginning of that UTC day, in their order; of a counter that is kept
 * apart, the fullest of all that its key begins. Null: it was not charged.
 */
export async function readGreatest(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  fromDay: string,
  asked: readonly { readonly key: string; readonly isKeptApart: boolean; readonly windowSeconds: number }[],
): Promise<readonly (number | null)[]> {
  const { rows } = await client.query<{ peak: number | null }>(
    `SELECT (SELECT max(u.peak)::float8 FROM limit_use u
              WHERE u.workspace_id = $1 AND u.window_seconds = a.seconds AND u.day >= $2::date
                AND (u.key = a.key OR a.apart AND starts_with(u.key, a.key))) AS peak
       FROM unnest($3::text[], $4::boolean[], $5::integer[]) WITH ORDINALITY AS a (key, apart, seconds, position) ORDER BY a.position`,
    [
      workspaceId,
      fromDay,
      asked.map(({ key }) => key),
      asked.map(({ isKeptApart }) => isKeptApart),
      asked.map(({ windowSeconds }) => windowSeconds),
    ],
  );
  return rows.map(({ peak }) => peak);
}
