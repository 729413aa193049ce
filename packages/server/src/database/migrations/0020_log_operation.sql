-- What running the log needs beyond its blocks: where unsettled calls begin, windows, lookups of the
-- projection, and its partitions.

-- No block of the shard before this one holds an allowed call whose result is not in the shard. The next
-- holder of a dead shard looks for unsettled calls from here on.
ALTER TABLE log_shards ADD COLUMN open_block bigint NOT NULL DEFAULT 1;

-- Only large batches would be compressed, so just when the writer has the least time; it took a fifth of it.
ALTER TABLE log_blocks ALTER COLUMN records SET STORAGE EXTERNAL;

-- Windows of any length over the same counter: an entry carries the counter's running total, so a window holds
-- the total now less the total at its far edge, two index probes however much is inside.
DROP TABLE window_entries;
DROP TABLE window_counters;

CREATE TABLE window_counters (
  workspace_id text NOT NULL,
  key          text NOT NULL,
  -- grows with every change of the counter
  version      bigint NOT NULL DEFAULT 0,
  -- all that was ever charged; numeric, because amounts of 2^53 may be added up without an end
  total        numeric NOT NULL DEFAULT 0,
  -- time of the newest entry; times of a counter only grow, whatever the clock does
  last_at_us   bigint NOT NULL DEFAULT 0,
  -- longest window any guard keeps on this counter
  keep_seconds bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, key)
) WITH (fillfactor = 50);

CREATE TABLE window_entries (
  workspace_id text NOT NULL,
  key          text NOT NULL,
  -- microseconds since 1970, by the database's clock; 0 stands for all that was cleared away
  at_us        bigint NOT NULL,
  -- of the counter, with this entry
  version      bigint NOT NULL,
  total        numeric NOT NULL,
  PRIMARY KEY (workspace_id, key, at_us)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON window_counters, window_entries TO hivekey_app;

-- The result of a call.
CREATE INDEX actions_call ON actions (workspace_id, call_event_id) WHERE call_event_id IS NOT NULL;

-- The application role does not own `actions`, so it makes months through this function. False when the
-- month cannot be split off because the default partition already holds rows of it; they stay there.
CREATE FUNCTION ensure_actions_month(month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
-- Creating a partition locks out writers of the projection for a moment; it never waits for long readers.
SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  first_day date := date_trunc('month', month);
  partition text := 'actions_' || to_char(first_day, 'YYYY_MM');
BEGIN
  IF to_regclass('public.' || partition) IS NOT NULL THEN
    RETURN true;
  END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF actions FOR VALUES FROM (%L) TO (%L)', partition,
                 to_char(first_day, 'YYYY-MM-DD') || ' 00:00:00+00',
                 to_char(first_day + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
  RETURN true;
EXCEPTION
  WHEN check_violation OR lock_not_available OR duplicate_table OR unique_violation THEN RETURN false;
END $$;

REVOKE ALL ON FUNCTION ensure_actions_month(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_actions_month(date) TO hivekey_app;
