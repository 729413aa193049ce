-- What people and keys may do in HiveKey itself; see docs/reference/people.md.

-- A key does what its roles allow; those made before could do everything.
ALTER TABLE admin_keys ADD COLUMN roles text[] NOT NULL
  DEFAULT '{admin,approver,author,operator,reviewer,viewer}' CHECK (cardinality(roles) > 0);

-- Given to the person in HiveKey; the groups that the person is in may give more.
ALTER TABLE people ADD COLUMN roles text[] NOT NULL DEFAULT '{}';

CREATE TABLE group_roles (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  -- as it stands in people.groups, or in the claim of an identity provider
  "group"      text NOT NULL,
  role         text NOT NULL CHECK (role IN ('admin', 'approver', 'auditor', 'author', 'operator', 'reviewer', 'viewer')),
  granted_by   text NOT NULL,
  granted_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, "group", role)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON group_roles TO hivekey_app;

-- A session is a key's or a person's. Those that are open end.
DELETE FROM console_sessions;
ALTER TABLE console_sessions
  ALTER COLUMN admin_key_id DROP NOT NULL,
  ADD COLUMN id text NOT NULL,
  ADD COLUMN person_id text,
  -- how its holder was authenticated
  ADD COLUMN method text NOT NULL CHECK (method IN ('key', 'oidc', 'saml', 'passkey')),
  ADD COLUMN authenticated_at timestamptz NOT NULL,
  -- what the identity provider said of it
  ADD COLUMN acr text,
  ADD COLUMN amr text[] NOT NULL DEFAULT '{}',
  ADD COLUMN idp_groups text[] NOT NULL DEFAULT '{}',
  ADD COLUMN provider_id text,
  ADD COLUMN provider_session text,
  -- the last step-up with a passkey
  ADD COLUMN stepped_up_at timestamptz,
  ADD COLUMN address text,
  ADD COLUMN user_agent text,
  ADD CHECK ((admin_key_id IS NULL) <> (person_id IS NULL)),
  ADD UNIQUE (workspace_id, id),
  ADD FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id);
CREATE INDEX console_sessions_person ON console_sessions (workspace_id, person_id) WHERE person_id IS NOT NULL;
