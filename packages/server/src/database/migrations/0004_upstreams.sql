-- What the registry of MCP servers keeps beside the first tables.

ALTER TABLE mcp_servers
  -- variables of a stdio server's environment that are not secret
  ADD COLUMN environment jsonb NOT NULL DEFAULT '{}',
  -- the operator believes this server's readOnlyHint and destructiveHint
  ADD COLUMN trust_annotations boolean NOT NULL DEFAULT false,
  -- the operator allows loopback and private addresses for this server
  ADD COLUMN allow_private boolean NOT NULL DEFAULT false,
  -- negotiated with it, and the capabilities it declared
  ADD COLUMN protocol_version text,
  ADD COLUMN capabilities jsonb NOT NULL DEFAULT '{}',
  -- `instructions` is what was last seen; agents get only what a person approved
  ADD COLUMN approved_instructions text,
  -- grows with whatever a connection depends on; a connection of an older revision is closed
  ADD COLUMN revision integer NOT NULL DEFAULT 1,
  -- when its lists are read again; a node takes a due server by moving this on
  ADD COLUMN refresh_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX mcp_servers_refresh ON mcp_servers (refresh_at) WHERE status = 'active';

ALTER TABLE mcp_definitions
  -- why it cannot be published whatever anybody approves: its name, or its schema
  ADD COLUMN problem text,
  -- a person switched it off: a server map does not switch it on again
  ADD COLUMN switched_off boolean NOT NULL DEFAULT false;

-- One number a workspace: it grows with every change of servers and definitions that agents can notice.
CREATE TABLE mcp_catalogues (
  workspace_id text PRIMARY KEY REFERENCES workspaces(id),
  version      bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON mcp_catalogues TO hivekey_app;

-- Other nodes drop what they keep in memory. Nothing depends on hearing it: a change of the catalogue is
-- also a new policy revision, which every recording transaction compares.
CREATE FUNCTION notify_catalogue_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('hivekey_catalogue', json_build_object('workspace', NEW.workspace_id)::text);
  RETURN NULL;
END $$;

CREATE TRIGGER catalogue_changed AFTER INSERT OR UPDATE ON mcp_catalogues
  FOR EACH ROW EXECUTE FUNCTION notify_catalogue_changed();

CREATE FUNCTION notify_secret_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('hivekey_catalogue', json_build_object('workspace', NEW.workspace_id, 'secret', NEW.name)::text);
  RETURN NULL;
END $$;

CREATE TRIGGER secret_changed AFTER INSERT ON upstream_secrets
  FOR EACH ROW EXECUTE FUNCTION notify_secret_changed();
