-- What a receipt says beside times, agents and nodes.
ALTER TABLE containments
  ADD COLUMN approvals_cancelled integer NOT NULL DEFAULT 0,
  -- the lines of containment_tools are all there are
  ADD COLUMN tools_listed boolean NOT NULL DEFAULT false,
  ADD COLUMN rehearsal_id text;

-- One line a tool that the covered agents could call when the stop was given.
CREATE TABLE containment_tools (
  workspace_id   text NOT NULL,
  containment_id text NOT NULL,
  capability     text NOT NULL,
  -- how many of the covered agents it was granted to
  agents         integer NOT NULL,
  -- probe: the recording transaction was asked for this tool and refused at refused_at;
  -- state: the same row refuses it, and it was not asked
  established    text NOT NULL CHECK (established IN ('probe', 'state')),
  refused_at     timestamptz,
  PRIMARY KEY (workspace_id, containment_id, capability),
  FOREIGN KEY (workspace_id, containment_id) REFERENCES containments(workspace_id, id),
  CHECK ((established = 'probe') = (refused_at IS NOT NULL))
);

-- Permits that no living node held in memory when the stop was given: closed by the node that was ordered.
CREATE TABLE containment_permits (
  workspace_id   text NOT NULL,
  containment_id text NOT NULL,
  event_id       text NOT NULL,
  agent          text NOT NULL,
  capability     text NOT NULL,
  PRIMARY KEY (workspace_id, containment_id, event_id),
  FOREIGN KEY (workspace_id, containment_id) REFERENCES containments(workspace_id, id)
);

-- How long after its record a call of the node may still begin. Of a node that did not answer this bounds what it can do.
ALTER TABLE containment_acks ADD COLUMN lease_ms integer;
GRANT SELECT, INSERT, UPDATE, DELETE ON containment_tools, containment_permits TO hivekey_app;
CREATE INDEX permits_agent_open ON permits (workspace_id, agent_id) WHERE state = 'open';
