-- What a change does before it does it: as reviewers were shown it. An approval is bound to its hash, so that it only ever
-- comes in.
CREATE TABLE previews (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  -- of the canonical form (RFC 8785) of the document
  sha256       text NOT NULL,
  -- json, not jsonb: as it was written
  document     json NOT NULL,
  created_at   timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON previews FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON previews FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON previews TO hivekey_app;

-- Of which the log is still being replayed, or could not be. A run whose node is gone is taken up by another.
CREATE TABLE preview_runs (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  -- operations, tests, days
  request      json NOT NULL,
  -- without the replay
  document     json NOT NULL,
  error        text,
  node_id      text NOT NULL,
  alive_at     timestamptz NOT NULL,
  created_at   timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX preview_runs_created ON preview_runs (created_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON preview_runs TO hivekey_app;

-- Behaviour tests of the workspace's policy: run on every change of it.
CREATE TABLE policy_tests (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  name         text NOT NULL,
  -- as it was sent: problems name its lines
  document     text NOT NULL,
  author       text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, name)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON policy_tests TO hivekey_app;
