-- A role's candidate runs beside the role: evaluated and recorded, never enforced. It is part of each policy revision.

CREATE TABLE role_candidates (
  workspace_id text NOT NULL,
  role         text NOT NULL,
  document     jsonb NOT NULL,
  author       text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, role),
  FOREIGN KEY (workspace_id, role) REFERENCES roles(workspace_id, name)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON role_candidates TO hivekey_app;

-- Few calls have it, and they are asked for alone.
CREATE INDEX actions_shadow ON actions (workspace_id, seq DESC) WHERE record ? 'shadow';
