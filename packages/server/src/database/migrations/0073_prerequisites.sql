-- Calls that others need before them: `done(tests.run)`, `approved(review)`. A row is written with the record of the
-- call, one for each key under which a guard looks for it, and used up with the record of the call that needed it.

CREATE TABLE prerequisites (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  -- whose call, of which capability, with which bound arguments (as a digest)
  key          text NOT NULL,
  -- the record of the call
  event_id     text NOT NULL,
  recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- the gateway saw it succeed
  done_at      timestamptz,
  -- people had allowed it
  approved_at  timestamptz,
  -- the record of the call that used it; under whichever key, it is used once
  used_by      text,
  PRIMARY KEY (workspace_id, key, event_id)
);
CREATE INDEX prerequisites_event ON prerequisites (workspace_id, event_id);
CREATE INDEX prerequisites_recorded ON prerequisites (recorded_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON prerequisites TO hivekey_app;
