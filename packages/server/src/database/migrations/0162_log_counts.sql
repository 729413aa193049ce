-- How many rows of the projection there are, by hour and day: kept by the statements that write rows, whoever sends them, so
-- that it is never something else than the rows.

CREATE TABLE log_counts (
  workspace_id text NOT NULL,
  -- all rows by the hour and the day; what they are counted by besides, by the day
  grain        text NOT NULL CHECK (grain IN ('hour', 'day')),
  -- empty: all rows, with the empty value
  dimension    text NOT NULL CHECK (dimension IN ('', 'agent', 'owner', 'action', 'server', 'reason_class')),
  -- when the hour or day begins, UTC
  at           timestamptz NOT NULL,
  value        text NOT NULL,
  kind         text NOT NULL,
  -- empty: of what has none
  verdict      text NOT NULL,
  n            bigint NOT NULL,
  CHECK (dimension = '' OR grain = 'day'),
  PRIMARY KEY (workspace_id, grain, dimension, at, value, kind, verdict)
) WITH (fillfactor = 80);
GRANT SELECT, INSERT, UPDATE, DELETE ON log_counts TO hivekey_app;

-- What is counted of a row.
CREATE FUNCTION log_counted(agent_id text, owner text, action text, reason_class text, record jsonb)
RETURNS TABLE (grain text, dimension text, value text) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT d.grain, d.dimension, d.value
    FROM (VALUES ('hour', '', ''), ('day', '', ''), ('day', 'agent', agent_id), ('day', 'owner', owner), ('day', 'action', action),
                 ('day', 'server', record ->> 'namespace'), ('day', 'reason_class', reason_class)) d (grain, dimension, value)
   WHERE d.value IS NOT NULL
$$;

-- In one order, so that two never wait for each other.
CREATE FUNCTION count_log_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO log_counts AS c (workspace_id, grain, dimension, at, value, kind, verdict, n)
  SELECT r.workspace_id, d.grain, d.dimension, date_trunc(d.grain, r.ts, 'UTC'), d.value, r.kind, coalesce(r.verdict, ''), count(*)
    FROM new_rows r CROSS JOIN LATERAL log_counted(r.agent_id, r.owner, r.action, r.reason_class, r.record) d
   GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7
  ON CONFLICT (workspace_id, grain, dimension, at, value, kind, verdict) DO UPDATE SET n = c.n + excluded.n;
  RETURN NULL;
END $$;

CREATE FUNCTION uncount_log_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE log_counts c SET n = c.n - o.n
    FROM (SELECT r.workspace_id, d.grain, d.dimension, d.value, date_trunc(d.grain, r.ts, 'UTC') AS at, r.kind,
                 coalesce(r.verdict, '') AS verdict, count(*) AS n
            FROM old_rows r CROSS JOIN LATERAL log_counted(r.agent_id, r.owner, r.action, r.reason_class, r.record) d
           GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7) o
   WHERE c.workspace_id = o.workspace_id AND c.grain = o.grain AND c.dimension = o.dimension AND c.value = o.value
     AND c.at = o.at AND c.kind = o.kind AND c.verdict = o.verdict;
  DELETE FROM log_counts c USING (SELECT DISTINCT workspace_id FROM old_rows) o WHERE c.workspace_id = o.workspace_id AND c.n = 0;
  RETURN NULL;
END $$;

-- Rows change when something is redacted: what is left is counted as what it says then.
CREATE FUNCTION recount_log_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE log_counts c SET n = c.n - 1 FROM log_counted(OLD.agent_id, OLD.owner, OLD.action, OLD.reason_class, OLD.record) d
   WHERE c.workspace_id = OLD.workspace_id AND c.grain = d.grain AND c.dimension = d.dimension AND c.value = d.value
     AND c.at = date_trunc(d.grain, OLD.ts, 'UTC') AND c.kind = OLD.kind AND c.verdict = coalesce(OLD.verdict, '');
  INSERT INTO log_counts AS c (workspace_id, grain, dimension, at, value, kind, verdict, n)
  SELECT NEW.workspace_id, d.grain, d.dimension, date_trunc(d.grain, NEW.ts, 'UTC'), d.value, NEW.kind, coalesce(NEW.verdict, ''), 1
    FROM log_counted(NEW.agent_id, NEW.owner, NEW.action, NEW.reason_class, NEW.record) d ORDER BY 1, 2, 3, 4, 5, 6, 7
  ON CONFLICT (workspace_id, grain, dimension, at, value, kind, verdict) DO UPDATE SET n = c.n + 1;
  RETURN NULL;
END $$;

INSERT INTO log_counts (workspace_id, grain, dimension, at, value, kind, verdict, n)
SELECT r.workspace_id, d.grain, d.dimension, date_trunc(d.grain, r.ts, 'UTC'), d.value, r.kind, coalesce(r.verdict, ''), count(*)
  FROM actions r CROSS JOIN LATERAL log_counted(r.agent_id, r.owner, r.action, r.reason_class, r.record) d
 GROUP BY 1, 2, 3, 4, 5, 6, 7;

CREATE TRIGGER counted AFTER INSERT ON actions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_log_rows();
CREATE TRIGGER uncounted AFTER DELETE ON actions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION uncount_log_rows();
-- Not of how a call ended, which is written again and again.
CREATE TRIGGER recounted AFTER UPDATE OF agent_id, owner, action, verdict, reason_class, record, kind, ts ON actions
  FOR EACH ROW EXECUTE FUNCTION recount_log_row();

-- Filters that are asked for again, one's own or everybody's.
CREATE TABLE log_queries (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  name         text NOT NULL,
  description  text NOT NULL DEFAULT '',
  filter       jsonb NOT NULL,
  -- seconds up to now; null: the filter says when, or nothing does
  last_seconds integer CHECK (last_seconds > 0),
  shared       boolean NOT NULL,
  owner_id     text NOT NULL,
  owner        text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, owner_id) REFERENCES people(workspace_id, id)
);
CREATE UNIQUE INDEX log_queries_shared ON log_queries (workspace_id, lower(name)) WHERE shared;
CREATE UNIQUE INDEX log_queries_own ON log_queries (workspace_id, owner_id, lower(name)) WHERE NOT shared;
GRANT SELECT, INSERT, UPDATE, DELETE ON log_queries TO hivekey_app;
