-- What tools themselves say was done, held against the log: each import is kept as it was compared, and none is taken back.

CREATE TABLE tie_outs (
  workspace_id  text NOT NULL REFERENCES workspaces(id),
  id            text NOT NULL,
  -- the server or API, by its namespace; and its capabilities that were compared, all where there are none
  tool          text NOT NULL,
  capabilities  text[] NOT NULL,
  -- half-open
  period_from   timestamptz NOT NULL,
  period_to     timestamptz NOT NULL,
  -- where the list comes from, without credentials
  source        jsonb NOT NULL,
  -- of the bytes that were read, hex
  sha256        text NOT NULL,
  bytes         bigint NOT NULL,
  -- rows of the tool's own list; of which some count, and others say why not
  rows_count    integer NOT NULL,
  rows_counted  integer NOT NULL,
  left_out      jsonb NOT NULL,
  -- the log as far as it was read
  through_seq   bigint NOT NULL,
  compared_by   text NOT NULL CHECK (compared_by IN ('reference', 'count', 'day')),
  matched       integer NOT NULL,
  totals        jsonb NOT NULL,
  differences   integer NOT NULL,
  reason        text NOT NULL,
  imported_by   text NOT NULL,
  person        text,
  imported_at   timestamptz NOT NULL,
  event_id      text NOT NULL,
  PRIMARY KEY (workspace_id, id),
  CHECK (period_from < period_to)
);
CREATE INDEX tie_outs_newest ON tie_outs (workspace_id, imported_at DESC, id DESC);
CREATE INDEX tie_outs_tool ON tie_outs (workspace_id, tool, period_from);

-- Written before the import itself, so that a long list does not hold up the log: rows of one that broke off are of no import.
CREATE TABLE tie_out_rows (
  workspace_id text NOT NULL,
  tie_out_id   text NOT NULL,
  -- from 1, in the order of the list
  n            integer NOT NULL,
  at           timestamptz,
  reference    text,
  -- other names of the same thing
  aliases      text[] NOT NULL,
  type         text NOT NULL,
  status       text NOT NULL,
  amount_minor bigint,
  currency     text,
  -- of totals: how many it stands for
  quantity     bigint NOT NULL,
  -- why it does not count; null: it does
  left_out     text,
  PRIMARY KEY (workspace_id, tie_out_id, n)
);

CREATE TABLE tie_out_differences (
  workspace_id text NOT NULL,
  tie_out_id   text NOT NULL,
  id           text NOT NULL,
  n            integer NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('only_here', 'only_there', 'amount_differs', 'count_differs', 'twice_here', 'twice_there')),
  reference    text,
  -- the call, where there is one
  call_event_id text,
  at           timestamptz,
  currency     text,
  ours_minor   bigint,
  theirs_minor bigint,
  ours_count   bigint,
  theirs_count bigint,
  words        text NOT NULL,
  -- by the first who did; what was said, and what is said later, stands beside it
  explained_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, tie_out_id, n),
  FOREIGN KEY (workspace_id, tie_out_id) REFERENCES tie_outs(workspace_id, id)
);

CREATE TABLE tie_out_explanations (
  workspace_id  text NOT NULL,
  difference_id text NOT NULL,
  n             integer NOT NULL,
  explanation   text NOT NULL,
  explained_by  text NOT NULL,
  explained_at  timestamptz NOT NULL,
  event_id      text NOT NULL,
  PRIMARY KEY (workspace_id, difference_id, n),
  FOREIGN KEY (workspace_id, difference_id) REFERENCES tie_out_differences(workspace_id, id)
);

CREATE FUNCTION tie_out_explained() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.explained_at IS NOT NULL OR NEW.explained_at IS NULL
     OR (to_jsonb(NEW) - 'explained_at') IS DISTINCT FROM (to_jsonb(OLD) - 'explained_at') THEN
    RAISE EXCEPTION 'append_only: a difference stays as it was found' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER explained BEFORE UPDATE ON tie_out_differences FOR EACH ROW EXECUTE FUNCTION tie_out_explained();
CREATE TRIGGER append_only BEFORE DELETE ON tie_out_differences FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON tie_out_differences FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON tie_outs FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON tie_outs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON tie_out_rows FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON tie_out_rows FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON tie_out_explanations FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON tie_out_explanations FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON tie_outs, tie_out_rows, tie_out_differences, tie_out_explanations TO hivekey_app;
GRANT UPDATE (explained_at) ON tie_out_differences TO hivekey_app;
