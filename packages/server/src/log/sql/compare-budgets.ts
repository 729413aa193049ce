/**
 * Counters against records. A record of a call names the entries it charged by key and version, so both sides are
 * summed by entry and no clock has to agree with another: $2 only keeps out what is too fresh to be projected. An
 * entry holds what was charged less what was given back; with the credits added again it must be the sum of the
 * charges on the log. Entries from before records named them have versions below 10^12.
 */

/** At most so many differences are told. */
const MOST = 100;
const FIRST_NAMED_VERSION = '1000000000000';
/** Entries are kept for longer than this, and calls on the log are looked for a little further back. */
const COMPARED = "interval '30 days'";
const LOOKED_AT = "interval '31 days'";

export const COMPARE_ENTRIES = `
WITH charged AS (
  SELECT c ->> 'key' AS key, (c ->> 'version')::bigint AS version, sum((c ->> 'amount')::numeric) AS amount, min(a.ts) AS ts
    FROM actions a CROSS JOIN LATERAL jsonb_array_elements(a.record -> 'charges') AS c
   WHERE a.workspace_id = $1 AND a.kind = 'tool.call' AND a.ts > now() - ${LOOKED_AT}
   GROUP BY 1, 2),
held AS (
  SELECT key, version, at_us, total - lag(total, 1, 0) OVER (PARTITION BY key ORDER BY at_us) AS amount
    FROM window_entries WHERE workspace_id = $1),
given AS (
  SELECT key, version, sum(amount) AS amount FROM window_credits WHERE workspace_id = $1 GROUP BY 1, 2)
SELECT key, version, 'charges' AS what,
       (coalesce(held.amount, 0) + coalesce(given.amount, 0))::text AS counted, coalesce(charged.amount, 0)::text AS recorded
  FROM held FULL JOIN charged USING (key, version) LEFT JOIN given USING (key, version)
 WHERE version > ${FIRST_NAMED_VERSION}
   AND coalesce(held.amount, 0) + coalesce(given.amount, 0) <> coalesce(charged.amount, 0)
   AND CASE WHEN held.key IS NULL
            THEN charged.ts > now() - ${COMPARED} AND extract(epoch FROM charged.ts) * 1000000 < $2
            ELSE held.at_us BETWEEN (extract(epoch FROM now() - ${COMPARED}) * 1000000)::bigint AND $2 END
 ORDER BY key, version LIMIT ${MOST}`;

/** A credit was given as the first result of its call says that has one; one after it gives nothing. */
export const COMPARE_CREDITS = `
WITH recorded AS (
  SELECT DISTINCT ON (r.call_event_id, key) r.call_event_id, c ->> 'key' AS key, (c ->> 'version')::bigint AS version,
         (c ->> 'amount')::numeric AS amount, r.ts
    FROM actions r CROSS JOIN LATERAL jsonb_array_elements(r.record -> 'credits') AS c
   WHERE r.workspace_id = $1 AND r.kind = 'tool.result' AND r.ts > now() - ${LOOKED_AT}
   ORDER BY r.call_event_id, key, r.seq),
given AS (SELECT call_event_id, key, version, amount, given_at FROM window_credits WHERE workspace_id = $1)
SELECT key, version, 'credits' AS what, coalesce(given.amount, 0)::text AS counted, coalesce(recorded.amount, 0)::text AS recorded
  FROM given FULL JOIN recorded USING (call_event_id, key, version)
 WHERE given.amount IS DISTINCT FROM recorded.amount
   AND CASE WHEN given.amount IS NULL
            -- a credit that came when its entry had been cleared away
            THEN EXISTS (SELECT FROM window_entries e WHERE e.workspace_id = $1 AND e.key = recorded.key AND e.version = recorded.version)
             AND extract(epoch FROM recorded.ts) * 1000000 < $2
            ELSE given.given_at > now() - ${COMPARED} AND extract(epoch FROM given.given_at) * 1000000 < $2 END
 ORDER BY key, version LIMIT ${MOST}`;

export const COMPARE_TOTALS = `
SELECT c.key, NULL::bigint AS version, 'total' AS what, c.total::text AS counted, coalesce(newest.total, 0)::text AS recorded
  FROM window_counters c
  LEFT JOIN LATERAL (
    SELECT e.total FROM window_entries e WHERE e.workspace_id = c.workspace_id AND e.key = c.key
     ORDER BY e.at_us DESC LIMIT 1) AS newest ON true
 WHERE c.workspace_id = $1 AND c.total <> coalesce(newest.total, 0)
 ORDER BY c.key LIMIT ${MOST}`;
