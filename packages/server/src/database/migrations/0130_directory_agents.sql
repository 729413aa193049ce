-- Agents that a directory asked for over SCIM. Each is a request that somebody else answers; what it became is on the request.
CREATE TABLE directory_agents (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  name         text NOT NULL,
  external_id  text,
  owner_id     text NOT NULL,
  request_id   text NOT NULL,
  -- what else the directory says, by the names of the draft
  attributes   jsonb NOT NULL DEFAULT '{}',
  directory    text NOT NULL,
  version      bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  modified_at  timestamptz NOT NULL DEFAULT now(),
  -- the row stays: the identity cannot be made again unnoticed
  deleted_at   timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, owner_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, request_id) REFERENCES agent_requests(workspace_id, id),
  FOREIGN KEY (workspace_id, directory) REFERENCES scim_connections(workspace_id, id)
);
CREATE UNIQUE INDEX directory_agents_name ON directory_agents (workspace_id, lower(name));
CREATE UNIQUE INDEX directory_agents_external_id ON directory_agents (workspace_id, external_id);
GRANT SELECT, INSERT, UPDATE ON directory_agents TO hivekey_app;
