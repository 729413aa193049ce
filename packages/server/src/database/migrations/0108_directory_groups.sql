-- Groups of people as a directory provides them. `people.groups` holds the names of the groups that a person is in, these
-- and those kept by hand: it is what approvals and roles read, and follows each change here in the same transaction.
CREATE TABLE directory_groups (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  display_name text NOT NULL,
  -- as it stands in people.groups
  name         text NOT NULL CHECK (name ~ '^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$'),
  external_id  text,
  -- the SCIM connection that wrote it last
  directory    text NOT NULL,
  version      bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  modified_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX directory_groups_display_name ON directory_groups (workspace_id, lower(display_name));
CREATE UNIQUE INDEX directory_groups_name ON directory_groups (workspace_id, lower(name));
CREATE UNIQUE INDEX directory_groups_external_id ON directory_groups (workspace_id, external_id);

CREATE TABLE directory_group_members (
  workspace_id text NOT NULL,
  group_id     text NOT NULL,
  person_id    text NOT NULL,
  PRIMARY KEY (workspace_id, group_id, person_id),
  FOREIGN KEY (workspace_id, group_id) REFERENCES directory_groups(workspace_id, id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id)
);
CREATE INDEX directory_group_members_person ON directory_group_members (workspace_id, person_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON directory_groups, directory_group_members TO hivekey_app;
