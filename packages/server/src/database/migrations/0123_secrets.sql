-- Keys of keys, versions and uses of stored credentials, and how each connection holds its own; see
-- docs/guides/credentials.md.

ALTER TABLE upstream_secrets
  -- reference of the key-encryption key under which the data key stands
  ADD COLUMN kek text NOT NULL DEFAULT 'derived',
  -- staged: stored, not used yet; previous: can be taken back until it retires; retired: its value is erased
  ADD COLUMN state text NOT NULL DEFAULT 'current' CHECK (state IN ('staged', 'current', 'previous', 'retired')),
  ADD COLUMN retires_at timestamptz,
  -- when it ends at the upstream, as whoever stored it says
  ADD COLUMN expires_at timestamptz,
  ADD COLUMN warned_at timestamptz,
  ADD COLUMN rewrapped_at timestamptz;

-- Versions that were replaced before could not be used any more.
UPDATE upstream_secrets s SET state = 'retired', wrapped_key = '', ciphertext = ''
 WHERE EXISTS (SELECT FROM upstream_secrets n
                WHERE n.workspace_id = s.workspace_id AND n.name = s.name AND n.version > s.version);

ALTER TABLE upstream_secrets
  ADD CHECK ((state = 'previous') = (retires_at IS NOT NULL)),
  ADD CHECK ((state = 'retired') = (length(ciphertext) = 0)),
  ADD CHECK ((state = 'retired') = (length(wrapped_key) = 0));
CREATE UNIQUE INDEX upstream_secrets_current ON upstream_secrets (workspace_id, name) WHERE state = 'current';
CREATE INDEX upstream_secrets_upkeep ON upstream_secrets (state, retires_at, expires_at) WHERE state <> 'retired';

-- Who stored what stays as it was written.
GRANT UPDATE (kek, wrapped_key, ciphertext, state, retires_at, warned_at, rewrapped_at) ON upstream_secrets TO hivekey_app;

CREATE TRIGGER secret_state_changed AFTER UPDATE OF state ON upstream_secrets
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION notify_secret_changed();

-- Without a row a workspace uses the key derived from secret.key.
CREATE TABLE key_encryption_keys (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  reference    text NOT NULL,
  -- retiring: versions may still stand under it
  state        text NOT NULL CHECK (state IN ('current', 'retiring', 'retired')),
  set_by       text NOT NULL,
  set_at       timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, reference)
);
CREATE UNIQUE INDEX key_encryption_keys_current ON key_encryption_keys (workspace_id) WHERE state = 'current';

-- Putting all data keys under the current key, or its newest version.
CREATE TABLE secret_rewraps (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  kek          text NOT NULL,
  started_by   text NOT NULL,
  started_at   timestamptz NOT NULL,
  total        integer NOT NULL,
  finished_at  timestamptz,
  failed       integer NOT NULL DEFAULT 0,
  last_error   text,
  -- a node that works on it moves this on; when it is past, another may
  worked_until timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX secret_rewraps_open ON secret_rewraps (workspace_id) WHERE finished_at IS NULL;

-- When a credential was last resolved for a request; nodes write it down now and then.
CREATE TABLE credential_uses (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  ref          text NOT NULL,
  used_at      timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, ref)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON key_encryption_keys, secret_rewraps, credential_uses TO hivekey_app;

ALTER TABLE mcp_servers
  -- injected: the gateway adds the credential; leased: a token of limited life is handed out; external: agents may hold a key
  ADD COLUMN custody text NOT NULL DEFAULT 'injected' CHECK (custody IN ('injected', 'leased', 'external')),
  ADD COLUMN lease_seconds integer CHECK (lease_seconds > 0),
  -- why the authorization server refused our client, and since when; null while it does not
  ADD COLUMN credential_error text,
  ADD COLUMN credential_error_at timestamptz,
  ADD CHECK ((custody = 'leased') = (lease_seconds IS NOT NULL));
ALTER TABLE http_apis
  ADD COLUMN custody text NOT NULL DEFAULT 'injected' CHECK (custody IN ('injected', 'leased', 'external')),
  ADD COLUMN lease_seconds integer CHECK (lease_seconds > 0),
  ADD COLUMN credential_error text,
  ADD COLUMN credential_error_at timestamptz,
  ADD CHECK ((custody = 'leased') = (lease_seconds IS NOT NULL));
