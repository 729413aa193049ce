-- What decides, compared again and again with what was approved: what differs, since when, and that it was looked at.

CREATE TABLE drift_findings (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  -- object: not its newest version. version: not what its record says. policy, archive: not what was published
  what         text NOT NULL CHECK (what IN ('object', 'version', 'policy', 'archive')),
  object_type  text NOT NULL,
  object_id    text NOT NULL,
  -- content hashes; `none`: it is not there; `unreadable`
  expected     text NOT NULL,
  found        text NOT NULL,
  node         text NOT NULL,
  found_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  event_id     text NOT NULL,
  resolved_at  timestamptz CHECK (found_at <= resolved_at),
  PRIMARY KEY (workspace_id, id)
);
-- One of each at a time, whichever node finds it first.
CREATE UNIQUE INDEX drift_open ON drift_findings (workspace_id, what, object_type, object_id) WHERE resolved_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON drift_findings TO hivekey_app;

CREATE TABLE drift_checks (
  workspace_id text PRIMARY KEY REFERENCES workspaces(id),
  checked_at   timestamptz NOT NULL,
  node         text NOT NULL,
  objects      integer NOT NULL,
  took_ms      integer NOT NULL,
  -- of the last record that says so
  recorded_at  timestamptz
);
GRANT SELECT, INSERT, UPDATE ON drift_checks TO hivekey_app;

-- The newest publication, among all that agents do.
CREATE INDEX actions_policies ON actions (workspace_id, seq) WHERE kind = 'policy.changed';
