-- First use of a value: which values of arguments calls were carried out with, as keys that hold a digest. Written
-- with the record of the result, so that a value is used exactly when the log says that its call succeeded.

CREATE TABLE used_values (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  -- whose use, over which capabilities, of which argument, and a digest of the value
  key          text NOT NULL,
  -- the record of the newest such call
  event_id     text NOT NULL,
  used_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, key)
);
CREATE INDEX used_values_used ON used_values (used_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON used_values TO hivekey_app;

-- What the call behind a permit leaves, so that any node can write it with the result.
ALTER TABLE permits ADD COLUMN leaves text[] NOT NULL DEFAULT '{}';
