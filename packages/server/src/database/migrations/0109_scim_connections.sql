-- Who may provision: a connection is one directory's, with tokens of its own.
CREATE TABLE scim_connections (
  workspace_id  text NOT NULL REFERENCES workspaces(id),
  id            text NOT NULL,
  -- stands in the log as the actor, and is not used twice
  name          text NOT NULL,
  scopes        text[] NOT NULL CHECK (cardinality(scopes) > 0 AND scopes <@ '{users,groups,agents}'),
  -- accountable for agents whose owner the directory does not name
  agent_owner   text,
  created_at    timestamptz NOT NULL DEFAULT now(),
  created_by    text NOT NULL,
  revoked_at    timestamptz,
  last_seen_at  timestamptz,
  last_error    jsonb,
  last_error_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, agent_owner) REFERENCES people(workspace_id, id)
);
CREATE UNIQUE INDEX scim_connections_name ON scim_connections (workspace_id, lower(name));

CREATE TABLE scim_tokens (
  workspace_id  text NOT NULL,
  id            text NOT NULL,
  connection_id text NOT NULL,
  lookup_hmac   bytea NOT NULL UNIQUE,
  last4         text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  created_by    text NOT NULL,
  expires_at    timestamptz NOT NULL,
  last_used_at  timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, connection_id) REFERENCES scim_connections(workspace_id, id)
);
CREATE INDEX scim_tokens_connection ON scim_tokens (workspace_id, connection_id);

-- What a connection asked for, by the hour; kept for a day.
CREATE TABLE scim_traffic (
  workspace_id  text NOT NULL,
  connection_id text NOT NULL,
  hour          timestamptz NOT NULL,
  resource      text NOT NULL,
  reads         integer NOT NULL DEFAULT 0,
  writes        integer NOT NULL DEFAULT 0,
  refused       integer NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, connection_id, hour, resource),
  FOREIGN KEY (workspace_id, connection_id) REFERENCES scim_connections(workspace_id, id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON scim_connections, scim_tokens, scim_traffic TO hivekey_app;

ALTER TABLE people ADD FOREIGN KEY (workspace_id, directory) REFERENCES scim_connections(workspace_id, id);
ALTER TABLE directory_groups ADD FOREIGN KEY (workspace_id, directory) REFERENCES scim_connections(workspace_id, id);
