-- Proposals of least privilege that somebody has looked at and does not want to see for a while.
CREATE TABLE dismissed_proposals (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  -- the same as long as it is about the same thing
  proposal     text NOT NULL,
  reason       text NOT NULL,
  actor        text NOT NULL,
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  until        timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, proposal)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON dismissed_proposals TO hivekey_app;
