-- Permits handed to agents that run their own tools. A permit is what an allowed call waits on: it is closed
-- exactly once, by whoever moves its state away from `open`, and that one records the result.

DROP TABLE permits;

CREATE TABLE permits (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  -- the node that issued it and holds the call in memory
  node_id      text NOT NULL,
  agent_id     text NOT NULL,
  -- the call, and what its result repeats of it
  event_id     text NOT NULL,
  agent        text NOT NULL,
  owner        text NOT NULL,
  capability   text NOT NULL,
  tool         text NOT NULL,
  access       text,
  destructive  boolean,
  session_id   text,
  run_id       text,
  expires_at   timestamptz NOT NULL,
  -- stopped: by a stop of the agent, its owner, role or tool; the agent may still say what became of the call
  state        text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'reported', 'expired', 'stopped')),
  outcome      text CHECK (outcome IN ('success', 'error', 'unknown', 'not_attempted')),
  outcome_code text,
  outcome_ms   integer,
  closed_at    timestamptz,
  -- the result is on the log
  recorded     boolean NOT NULL DEFAULT false,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  CHECK ((state = 'open') = (outcome IS NULL))
);
CREATE INDEX permits_due ON permits (expires_at) WHERE state = 'open';
CREATE INDEX permits_unrecorded ON permits (closed_at) WHERE state <> 'open' AND NOT recorded;
CREATE INDEX permits_done ON permits (closed_at) WHERE recorded;
CREATE INDEX permits_event ON permits (workspace_id, event_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON permits TO hivekey_app;
