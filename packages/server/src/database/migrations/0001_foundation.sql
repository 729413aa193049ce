-- Every table leads with workspace_id. The owner of these tables is the migration role;
-- the running system connects as the application role (grants at the end of the file).

CREATE TABLE workspaces (
  id          text PRIMARY KEY,
  name        text NOT NULL UNIQUE,
  environment text NOT NULL DEFAULT 'prod',
  created_at  timestamptz NOT NULL DEFAULT now()
);

-- One row a workspace, locked FOR SHARE by every recording transaction and FOR UPDATE by whatever
-- changes policy or stops things: that is where a stop and an action meet.
CREATE TABLE workspace_state (
  workspace_id         text PRIMARY KEY REFERENCES workspaces(id),
  status               text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'stopped')),
  -- grows with every change of roles, guards, capabilities, tool pins and containment locks
  policy_revision      bigint NOT NULL DEFAULT 1,
  updated_at           timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE people (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  email        text NOT NULL CHECK (email = lower(email)),
  display_name text NOT NULL DEFAULT '',
  label        text,
  active       boolean NOT NULL DEFAULT true,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, email)
);

CREATE TABLE agents (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  handle       text NOT NULL,
  owner_id     text NOT NULL,
  description  text NOT NULL DEFAULT '',
  metadata     jsonb NOT NULL DEFAULT '{}',
  created_at   timestamptz NOT NULL DEFAULT now(),
  created_by   text NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, owner_id) REFERENCES people(workspace_id, id)
);
-- A handle is never reused, whatever became of its agent.
CREATE UNIQUE INDEX agents_handle ON agents (workspace_id, lower(handle));
CREATE INDEX agents_owner ON agents (workspace_id, owner_id);

-- What the path checks. `revision` grows with anything about the agent (status, roles, owner, tokens);
-- a decision made under an older one is made again. `authz_epoch` grows with each stop and never falls.
CREATE TABLE agent_state (
  workspace_id text NOT NULL,
  agent_id     text NOT NULL,
  status       text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'revoked')),
  revision     bigint NOT NULL DEFAULT 1,
  authz_epoch  bigint NOT NULL DEFAULT 1,
  authz_cutoff timestamptz,
  agent_seq    bigint NOT NULL DEFAULT 0,
  last_action_at timestamptz,
  stopped_reason text,
  PRIMARY KEY (workspace_id, agent_id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id)
) WITH (fillfactor = 70);

CREATE TABLE roles (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  name         text NOT NULL,
  current_revision integer NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, name)
);

CREATE TABLE role_revisions (
  workspace_id text NOT NULL,
  role         text NOT NULL,
  revision     integer NOT NULL CHECK (revision > 0),
  document     jsonb NOT NULL,
  sha256       text NOT NULL,
  author       text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, role, revision),
  FOREIGN KEY (workspace_id, role) REFERENCES roles(workspace_id, name) DEFERRABLE INITIALLY DEFERRED
);

-- Guards that apply to every agent of the workspace; revision 0 means none yet.
CREATE TABLE workspace_guard_revisions (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  revision     integer NOT NULL CHECK (revision > 0),
  guards       jsonb NOT NULL,
  author       text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, revision)
);

CREATE TABLE agent_roles (
  workspace_id text NOT NULL,
  agent_id     text NOT NULL,
  role         text NOT NULL,
  position     integer NOT NULL,
  granted_by   text NOT NULL,
  granted_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, agent_id, role),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  FOREIGN KEY (workspace_id, role) REFERENCES roles(workspace_id, name)
);
CREATE INDEX agent_roles_role ON agent_roles (workspace_id, role);

CREATE TABLE capabilities (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  name         text NOT NULL,
  description  text NOT NULL DEFAULT '',
  access       text NOT NULL CHECK (access IN ('read', 'write')),
  destructive  boolean NOT NULL DEFAULT false,
  impact       jsonb NOT NULL DEFAULT '{}',
  input_schema jsonb,
  -- `declared` by a person, or `discovered` with an MCP server
  source       text NOT NULL DEFAULT 'declared' CHECK (source IN ('declared', 'discovered')),
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, name)
);

-- Every set that was ever in force: revision → hash of all that can change a verdict, and the set itself.
CREATE TABLE policy_revisions (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  revision     bigint NOT NULL,
  policy_hash  text NOT NULL,
  document     jsonb NOT NULL,
  actor        text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, revision)
);

CREATE TABLE admin_keys (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  name         text NOT NULL,
  lookup_hmac  bytea NOT NULL UNIQUE,
  last4        text NOT NULL,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  replaced_by  text,
  PRIMARY KEY (workspace_id, id)
);

CREATE TABLE agent_tokens (
  workspace_id text NOT NULL,
  id           text NOT NULL,
  agent_id     text NOT NULL,
  name         text NOT NULL DEFAULT '',
  -- a token may be narrowed to one of the agent's roles
  role         text,
  lookup_hmac  bytea NOT NULL UNIQUE,
  last4        text NOT NULL,
  authz_epoch  bigint NOT NULL,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  replaced_by  text,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id)
);
CREATE INDEX agent_tokens_agent ON agent_tokens (workspace_id, agent_id);

CREATE TABLE console_sessions (
  id_hash      bytea PRIMARY KEY,
  workspace_id text NOT NULL,
  admin_key_id text NOT NULL,
  csrf_token   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  idle_at      timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  FOREIGN KEY (workspace_id, admin_key_id) REFERENCES admin_keys(workspace_id, id)
);

CREATE TABLE upstream_secrets (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  name         text NOT NULL,
  version      integer NOT NULL,
  wrapped_key  bytea NOT NULL,
  ciphertext   bytea NOT NULL,
  last4        text NOT NULL,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, name, version)
);

CREATE TABLE mcp_servers (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  namespace    text NOT NULL CHECK (namespace ~ '^[a-z][a-z0-9-]{0,30}$'),
  transport    text NOT NULL CHECK (transport IN ('http', 'stdio')),
  endpoint     text,
  command      jsonb,
  credential_ref text,
  -- how the credential is injected, e.g. {"header":"Authorization","format":"Bearer {secret}"}; stdio: {"env":"NAME"}
  injection    jsonb,
  default_access text NOT NULL DEFAULT 'read-only' CHECK (default_access IN ('read-only', 'read-write', 'none')),
  rename_map   jsonb NOT NULL DEFAULT '{}',
  era          text CHECK (era IN ('modern', 'legacy')),
  era_probed_at timestamptz,
  instructions text,
  status       text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  last_error   text,
  discovered_at timestamptz,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, namespace)
);

-- A tool, resource, resource template or prompt of a server: each is a capability.
CREATE TABLE mcp_definitions (
  workspace_id text NOT NULL,
  server_id    text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('tool', 'resource', 'template', 'prompt')),
  upstream_name text NOT NULL,
  capability   text NOT NULL,
  access       text NOT NULL CHECK (access IN ('read', 'write')),
  -- the definition last seen upstream, and its SHA-256 over canonical JSON
  definition   jsonb NOT NULL,
  pin          text NOT NULL,
  -- the definition a person approved; served to agents and used for validation
  approved_definition jsonb,
  approved_pin text,
  -- live: usable where granted; new, changed: off until approved; off: switched off by a person; gone: no longer upstream
  status       text NOT NULL CHECK (status IN ('live', 'new', 'changed', 'off', 'gone')),
  seen_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, server_id, kind, upstream_name),
  UNIQUE (workspace_id, capability),
  FOREIGN KEY (workspace_id, server_id) REFERENCES mcp_servers(workspace_id, id)
);

-- A stop that is not one agent's status: a role, an owner, a capability or the workspace.
CREATE TABLE containments (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  scope        text NOT NULL CHECK (scope IN ('agent', 'role', 'owner', 'tool', 'workspace')),
  target       text NOT NULL,
  reason       text NOT NULL,
  actor        text NOT NULL,
  ordered_at   timestamptz NOT NULL,
  effective_at timestamptz,
  -- what the order touched: agents, aborted calls with their fate, closed sessions, the first refusal
  receipt      jsonb NOT NULL DEFAULT '{}',
  lifted_at    timestamptz,
  lifted_by    text,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX containments_active ON containments (workspace_id, scope, target) WHERE lifted_at IS NULL;

CREATE TABLE idempotency_keys (
  workspace_id text NOT NULL,
  actor        text NOT NULL,
  key          text NOT NULL,
  request_sha256 text NOT NULL,
  status       integer,
  response     jsonb,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, actor, key)
);

CREATE TABLE webhooks (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  url          text NOT NULL,
  events       text[] NOT NULL,
  secret_name  text NOT NULL,
  status       text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  cursor_seq   bigint NOT NULL DEFAULT 0,
  last_error   text,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, id)
);

-- Permits handed to agents that run their own tools (POST /v1/actions).
CREATE TABLE permits (
  workspace_id text NOT NULL,
  id           text NOT NULL,
  event_id     text NOT NULL,
  agent_id     text NOT NULL,
  expires_at   timestamptz NOT NULL,
  outcome      text,
  PRIMARY KEY (workspace_id, id)
);
