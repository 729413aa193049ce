-- Samples that somebody draws from a population of evidence. The request stands before anything is drawn; a draw never changes,
-- and none is taken back: whoever draws again adds one.

CREATE TABLE samples (
  workspace_id     text NOT NULL REFERENCES workspaces(id),
  id               text NOT NULL,
  -- the population: a table of a report, for a half-open period, as of an instant
  report           text NOT NULL,
  table_name       text NOT NULL,
  period_from      timestamptz NOT NULL,
  period_to        timestamptz NOT NULL,
  parameters       jsonb NOT NULL,
  as_of            text NOT NULL,
  population_count bigint NOT NULL CHECK (population_count > 0),
  -- of its lines, hex
  population_sha256 text NOT NULL,
  -- of the money in it, where the method counts money
  population_minor numeric(38),
  strata           jsonb NOT NULL,
  -- how it is drawn
  method           text NOT NULL CHECK (method IN ('random', 'stratified', 'monetary_unit')),
  stratify_by      text,
  amount           text,
  currency         text,
  size             integer NOT NULL CHECK (size BETWEEN 1 AND 1000),
  seed             text NOT NULL,
  -- the how manieth of this table and period
  draw             integer NOT NULL CHECK (draw > 0),
  reason           text NOT NULL,
  requested_by     text NOT NULL,
  person           text,
  engagement_id    text,
  requested_at     timestamptz NOT NULL,
  event_id         text NOT NULL,
  -- what came of it
  drawn_at         timestamptz,
  drawn_count      integer,
  list_sha256      text,
  drawn_event_id   text,
  PRIMARY KEY (workspace_id, id),
  CHECK ((method = 'stratified') = (stratify_by IS NOT NULL)),
  CHECK ((method = 'monetary_unit') = (amount IS NOT NULL)),
  CHECK ((drawn_at IS NULL) = (list_sha256 IS NULL))
);
CREATE UNIQUE INDEX samples_draw ON samples (workspace_id, report, table_name, period_from, period_to, draw);
CREATE INDEX samples_newest ON samples (workspace_id, requested_at DESC, id DESC);
CREATE INDEX samples_engagement ON samples (workspace_id, engagement_id, requested_at DESC) WHERE engagement_id IS NOT NULL;

CREATE FUNCTION sample_is_drawn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.drawn_at IS NOT NULL
     OR (to_jsonb(NEW) - ARRAY['drawn_at', 'drawn_count', 'list_sha256', 'drawn_event_id'])
        IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['drawn_at', 'drawn_count', 'list_sha256', 'drawn_event_id']) THEN
    RAISE EXCEPTION 'append_only: a sample is drawn once' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER drawn BEFORE UPDATE ON samples FOR EACH ROW EXECUTE FUNCTION sample_is_drawn();
CREATE TRIGGER append_only BEFORE DELETE ON samples FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON samples FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT, UPDATE (drawn_at, drawn_count, list_sha256, drawn_event_id) ON samples TO hivekey_app;

CREATE TABLE sample_items (
  workspace_id text NOT NULL,
  sample_id    text NOT NULL,
  -- from 1, in the order of the list
  n            integer NOT NULL CHECK (n > 0),
  unit_id      text NOT NULL,
  stratum      text NOT NULL,
  amount_minor numeric(38),
  rank         text NOT NULL,
  hits         integer NOT NULL CHECK (hits > 0),
  -- the row as it was when it was drawn, in the order of the columns
  cells        jsonb NOT NULL,
  PRIMARY KEY (workspace_id, sample_id, n),
  UNIQUE (workspace_id, sample_id, unit_id),
  FOREIGN KEY (workspace_id, sample_id) REFERENCES samples(workspace_id, id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON sample_items FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON sample_items FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON sample_items TO hivekey_app;
