-- Rehearsals: the kill switch pressed on a shadow of an agent, which wears its roles for a second and is nobody.
ALTER TABLE agents ADD COLUMN rehearsal_id text;
CREATE INDEX agents_rehearsal ON agents (workspace_id, rehearsal_id) WHERE rehearsal_id IS NOT NULL;

CREATE TABLE rehearsals (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  -- whose shadow; the handle as it was
  agent_id     text,
  agent        text,
  shadow_id    text,
  drill        text,
  actor        text NOT NULL,
  node         text NOT NULL,
  target_ms    integer NOT NULL,
  started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at     timestamptz,
  status       text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'passed', 'failed')),
  -- what was measured; the shape is that of the API
  result       jsonb,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  CHECK ((status = 'running') = (ended_at IS NULL))
);
CREATE INDEX rehearsals_newest ON rehearsals (workspace_id, started_at, id);
CREATE INDEX rehearsals_running ON rehearsals (started_at) WHERE status = 'running';

-- Rehearsals on a schedule. Whoever moves `next_at` on runs what was due then; nobody else does.
CREATE TABLE drills (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  name         text NOT NULL,
  document     jsonb NOT NULL,
  author       text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- absent when there is no further time
  next_at      timestamptz,
  PRIMARY KEY (workspace_id, name)
);
CREATE INDEX drills_due ON drills (next_at) WHERE next_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON rehearsals TO hivekey_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON drills TO hivekey_app;
