-- What tried to act and is no agent here: one row for each identity and address, as many as unregistered/keep.ts lets be
-- kept. Never a credential.
CREATE TABLE unregistered_identities (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('token', 'retired_token', 'agent', 'workload')),
  -- masked; `*`: the many that no row of their own is kept for
  identity     text NOT NULL CHECK (length(identity) <= 300),
  -- the address; `*`: the many
  source       text NOT NULL CHECK (length(source) <= 64),
  -- of a retired token
  agent_id     text,
  first_seen   timestamptz NOT NULL,
  last_seen    timestamptz NOT NULL,
  count        bigint NOT NULL CHECK (count > 0),
  dismissed_at timestamptz,
  dismissed_by text,
  dismissed_reason text,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, kind, identity, source),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  CHECK (first_seen <= last_seen),
  CHECK (num_nulls(dismissed_at, dismissed_by, dismissed_reason) IN (0, 3))
);
CREATE INDEX unregistered_identities_seen ON unregistered_identities (workspace_id, last_seen, id);
GRANT SELECT, INSERT, UPDATE, DELETE ON unregistered_identities TO hivekey_app;
