-- Agents sign in through a browser (authorization code); see docs/reference/agent-auth.md and docs/decisions/.

-- Whether a workspace lets them, and which hosts the client ids that are addresses may have. Without a row: on, any host.
CREATE TABLE browser_sign_in_settings (
  workspace_id text PRIMARY KEY REFERENCES workspaces(id),
  enabled      boolean NOT NULL,
  -- empty: any
  client_hosts text[] NOT NULL,
  author       text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Clients that an administrator has registered; the others have a metadata document at the address that is their id.
CREATE TABLE oauth_clients (
  workspace_id  text NOT NULL REFERENCES workspaces(id),
  id            text NOT NULL UNIQUE,
  name          text NOT NULL,
  redirect_uris text[] NOT NULL CHECK (cardinality(redirect_uris) BETWEEN 1 AND 10),
  created_by    text NOT NULL,
  created_at    timestamptz NOT NULL,
  removed_at    timestamptz,
  removed_by    text,
  PRIMARY KEY (workspace_id, id),
  CHECK (num_nulls(removed_at, removed_by) IN (0, 2))
);

-- What oidc-provider keeps between the steps of one sign-in. Of no workspace: at first nobody knows whose it will be.
CREATE TABLE oauth_artifacts (
  model       text NOT NULL,
  -- HMAC of the id, which is as good as the thing itself
  id_hash     bytea NOT NULL,
  grant_id    text,
  payload     jsonb NOT NULL,
  expires_at  timestamptz NOT NULL,
  consumed_at timestamptz,
  PRIMARY KEY (model, id_hash)
);
CREATE INDEX oauth_artifacts_grant ON oauth_artifacts (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX oauth_artifacts_expired ON oauth_artifacts (expires_at);

-- What a person said yes to. It becomes a connection when the code is redeemed, once.
CREATE TABLE oauth_consents (
  workspace_id  text NOT NULL,
  id            text NOT NULL UNIQUE,
  agent_id      text NOT NULL,
  person_id     text NOT NULL,
  -- as it stands in the log
  actor         text NOT NULL,
  client_id     text NOT NULL,
  client_name   text NOT NULL,
  resource      text NOT NULL,
  entrances     text[] NOT NULL,
  role          text,
  -- of the agent when they said so: a stop in between ends it
  authz_epoch   bigint NOT NULL,
  decided_at    timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,
  -- the connection, once there is one
  credential_id text,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id)
);
CREATE INDEX oauth_consents_expired ON oauth_consents (expires_at);

-- A connection: the credential of an agent that one client holds, because the person who owns the agent said so.
ALTER TABLE agent_credentials
  DROP CONSTRAINT agent_credentials_kind_check,
  ADD CONSTRAINT agent_credentials_kind_check CHECK (kind IN ('key', 'federation', 'connection')),
  ADD COLUMN client_id   text,
  -- as the client called itself then
  ADD COLUMN client_name text,
  -- who said yes: when they own the agent no more, it is over
  ADD COLUMN person_id   text,
  ADD COLUMN resource    text,
  ADD COLUMN entrances   text[],
  ADD CONSTRAINT agent_credentials_connection CHECK (
    num_nulls(client_id, client_name, person_id, resource, entrances) = CASE WHEN kind = 'connection' THEN 0 ELSE 5 END),
  ADD FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id);
CREATE INDEX agent_credentials_client ON agent_credentials (workspace_id, client_id) WHERE client_id IS NOT NULL AND revoked_at IS NULL;

-- Each is good once; a second use ends the connection.
CREATE TABLE refresh_tokens (
  workspace_id  text NOT NULL,
  id            text NOT NULL,
  lookup_hmac   bytea NOT NULL UNIQUE,
  credential_id text NOT NULL,
  -- RFC 7638 thumbprint of the key that it is bound to
  jkt           text,
  issued_at     timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL CHECK (expires_at > issued_at),
  used_at       timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, credential_id) REFERENCES agent_credentials(workspace_id, id)
);
CREATE INDEX refresh_tokens_expired ON refresh_tokens (expires_at);

GRANT SELECT, INSERT, UPDATE ON browser_sign_in_settings TO hivekey_app;
GRANT SELECT, INSERT ON oauth_clients, oauth_consents, refresh_tokens TO hivekey_app;
GRANT UPDATE (removed_at, removed_by) ON oauth_clients TO hivekey_app;
GRANT UPDATE (credential_id), DELETE ON oauth_consents TO hivekey_app;
GRANT UPDATE (used_at), DELETE ON refresh_tokens TO hivekey_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth_artifacts TO hivekey_app;
