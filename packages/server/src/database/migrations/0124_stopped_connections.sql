-- What a stop could promise of each connection behind it: as the connection was held then.

CREATE TABLE containment_connections (
  workspace_id   text NOT NULL,
  containment_id text NOT NULL,
  -- namespace of the MCP server or HTTP API
  server         text NOT NULL,
  custody        text NOT NULL CHECK (custody IN ('injected', 'leased', 'external')),
  -- of what was leased: when the last of it is over
  ends_at        timestamptz,
  PRIMARY KEY (workspace_id, containment_id, server),
  FOREIGN KEY (workspace_id, containment_id) REFERENCES containments(workspace_id, id)
);
GRANT SELECT, INSERT ON containment_connections TO hivekey_app;
