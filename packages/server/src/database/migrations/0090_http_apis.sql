-- REST APIs behind the gateway. Their operations are definitions with pins, as the tools of MCP servers are.

CREATE TABLE http_apis (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  -- shared with the MCP servers: capabilities of both begin with it
  namespace    text NOT NULL CHECK (namespace ~ '^[a-z][a-z0-9-]{0,30}$'),
  -- where calls go; what the document says of servers is not followed
  endpoint     text NOT NULL,
  credential_ref text,
  injection    jsonb,
  default_access text NOT NULL DEFAULT 'none' CHECK (default_access IN ('read-only', 'read-write', 'none')),
  -- the operator allows loopback and private addresses for this API
  allow_private boolean NOT NULL DEFAULT false,
  max_request_bytes  integer NOT NULL CHECK (max_request_bytes > 0),
  max_response_bytes integer NOT NULL CHECK (max_response_bytes > 0),
  timeout_seconds    integer NOT NULL CHECK (timeout_seconds > 0),
  status       text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  -- the document as it was last read: its SHA-256, title, version and OpenAPI version; null until there is one
  document_pin text,
  title        text,
  version      text,
  openapi      text,
  imported_at  timestamptz,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  -- grows with whatever a connection depends on
  revision     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, namespace)
);

CREATE TABLE http_operations (
  workspace_id text NOT NULL,
  api_id       text NOT NULL,
  -- operationId, or made from method and path where the document gives none
  upstream_name text NOT NULL,
  capability   text NOT NULL,
  access       text NOT NULL CHECK (access IN ('read', 'write')),
  -- method, path, parameters, body and the schemas they reach, and its SHA-256 over canonical JSON
  definition   json NOT NULL,
  pin          text NOT NULL,
  approved_definition json,
  approved_pin text,
  status       text NOT NULL CHECK (status IN ('live', 'new', 'changed', 'off', 'gone')),
  problem      text,
  switched_off boolean NOT NULL DEFAULT false,
  PRIMARY KEY (workspace_id, api_id, upstream_name),
  UNIQUE (workspace_id, capability),
  FOREIGN KEY (workspace_id, api_id) REFERENCES http_apis(workspace_id, id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON http_apis, http_operations TO hivekey_app;
