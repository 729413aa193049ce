-- Quarantine: an agent keeps its roles, and is granted no more than what they let it read until somebody, or the
-- time, ends it. The mark is read with the agent's roles; beginning and ending raise its revision, so that no
-- decision made before is recorded after.
CREATE TABLE quarantines (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  agent_id     text NOT NULL,
  -- no more than this role grants; absent for whatever the agent's own roles let it read
  role         text,
  reason       text NOT NULL,
  actor        text NOT NULL,
  entered_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- ends by itself then; absent where a person has to end it
  until        timestamptz,
  ended_at     timestamptz,
  ended_by     text,
  end_reason   text,
  event_id     text NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  FOREIGN KEY (workspace_id, role) REFERENCES roles(workspace_id, name)
);
-- One at a time, and the one that the path looks for.
CREATE UNIQUE INDEX quarantines_standing ON quarantines (workspace_id, agent_id) WHERE ended_at IS NULL;
CREATE INDEX quarantines_due ON quarantines (until) WHERE ended_at IS NULL;
CREATE INDEX quarantines_entered ON quarantines (workspace_id, entered_at, id);
GRANT SELECT, INSERT, UPDATE ON quarantines TO hivekey_app;

-- Circuit breakers: what trips them, and what happens then.
CREATE TABLE breakers (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  name         text NOT NULL,
  document     jsonb NOT NULL,
  author       text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, name)
);

-- A breaker of one agent that is not closed. `half_open`: let through on trial.
CREATE TABLE breaker_states (
  workspace_id text NOT NULL,
  breaker      text NOT NULL,
  agent_id     text NOT NULL,
  state        text NOT NULL CHECK (state IN ('open', 'half_open', 'closed')),
  since        timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- the record of it: calls that stand behind it on the log count, what was before has had its answer
  event_id     text NOT NULL,
  trips        integer NOT NULL DEFAULT 0,
  -- what it did: a quarantine or a stop
  response     text,
  PRIMARY KEY (workspace_id, breaker, agent_id),
  FOREIGN KEY (workspace_id, breaker) REFERENCES breakers(workspace_id, name) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id)
);

-- How far the log has been watched. Whoever holds the row watches; the others do not.
CREATE TABLE breaker_cursors (
  workspace_id text PRIMARY KEY REFERENCES workspaces(id),
  next_seq     bigint NOT NULL DEFAULT 1
);
GRANT SELECT, INSERT, UPDATE, DELETE ON breakers, breaker_states, breaker_cursors TO hivekey_app;
