-- What the control plane adds to people, agents and stops.

-- Handles that people may take for one another have the same skeleton. Like the handle, it is never reused.
ALTER TABLE agents ADD COLUMN skeleton text;
CREATE UNIQUE INDEX agents_skeleton ON agents (workspace_id, skeleton);

-- `status` follows from these two and from the stops that cover the agent; see agents/status.ts.
ALTER TABLE agent_state
  -- a person suspended it
  ADD COLUMN suspended boolean NOT NULL DEFAULT false,
  -- its owner was deactivated; until it is given to somebody else or restored
  ADD COLUMN owner_left boolean NOT NULL DEFAULT false;

ALTER TABLE containments
  DROP COLUMN receipt,
  -- the node that was ordered
  ADD COLUMN node text,
  -- the commit, as that node saw it
  ADD COLUMN committed_at timestamptz,
  -- from the order to the first refusal of a call, measured
  ADD COLUMN first_refusal_ms double precision,
  -- the record of the order
  ADD COLUMN event_id text,
  ADD COLUMN lift_reason text;
-- An order that stands is not given twice.
DROP INDEX containments_active;
CREATE UNIQUE INDEX containments_active ON containments (workspace_id, scope, target) WHERE lifted_at IS NULL;
CREATE INDEX containments_ordered ON containments (workspace_id, ordered_at, id);

-- Whom a stop covers is settled when it is ordered: neither a change of roles nor of the owner takes an agent
-- out from under it, and while it stands nobody comes under it.
CREATE TABLE containment_agents (
  workspace_id   text NOT NULL,
  containment_id text NOT NULL,
  agent_id       text NOT NULL,
  tokens_ended   integer NOT NULL,
  PRIMARY KEY (workspace_id, containment_id, agent_id),
  FOREIGN KEY (workspace_id, containment_id) REFERENCES containments(workspace_id, id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id)
);
CREATE INDEX containment_agents_agent ON containment_agents (workspace_id, agent_id);

-- What each node found in flight and aborted. Without a time: a node that was writing when the stop was
-- ordered, and has not said yet that it heard.
CREATE TABLE containment_acks (
  workspace_id    text NOT NULL,
  containment_id  text NOT NULL,
  node            text NOT NULL,
  effective_at    timestamptz,
  calls           jsonb NOT NULL DEFAULT '[]',
  sessions_closed integer NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, containment_id, node),
  FOREIGN KEY (workspace_id, containment_id) REFERENCES containments(workspace_id, id)
);

CREATE INDEX agent_tokens_created ON agent_tokens (workspace_id, created_at, id);

GRANT SELECT, INSERT, UPDATE, DELETE ON containment_agents, containment_acks TO hivekey_app;

CREATE FUNCTION notify_containment_ordered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('hivekey_containment', json_build_object('workspace', NEW.workspace_id, 'id', NEW.id)::text);
  RETURN NULL;
END $$;

CREATE TRIGGER containment_ordered AFTER INSERT ON containments
  FOR EACH ROW EXECUTE FUNCTION notify_containment_ordered();
