-- What records of calls and approvals say for detections, and cannot be found out later.

-- IANA name; of a person, that of the workspace where none is known.
ALTER TABLE workspaces ADD COLUMN time_zone text NOT NULL DEFAULT 'UTC';
ALTER TABLE people ADD COLUMN time_zone text;

-- Whether a call reaches beyond the company; NULL: nobody has said.
ALTER TABLE capabilities ADD COLUMN external boolean;
-- {payee, dest, resource}: the arguments that say what a call is about
ALTER TABLE capabilities ADD COLUMN about jsonb;

-- An agent that makes marked calls alone: a synthetic one, of live tests of detections.
ALTER TABLE agents ADD COLUMN synthetic boolean NOT NULL DEFAULT false;

-- When somebody opened a held call, for the first time each: how long a decision took counts from there.
CREATE TABLE approval_openings (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  approval_id  text NOT NULL,
  person_id    text NOT NULL,
  channel      text NOT NULL CHECK (channel IN ('api', 'cli', 'console', 'slack')),
  opened_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, approval_id, person_id),
  FOREIGN KEY (workspace_id, approval_id) REFERENCES approvals(workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id)
);
GRANT SELECT, INSERT ON approval_openings TO hivekey_app;
