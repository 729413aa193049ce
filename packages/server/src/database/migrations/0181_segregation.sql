-- Duties that are not to be in one hand: sets of roles no agent should wear two of, and who has accepted that one does. Rows end
-- and stay, so that it can be told what was said at any time.

CREATE TABLE segregation_sets (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  name         text NOT NULL,
  roles        text[] NOT NULL CHECK (cardinality(roles) BETWEEN 2 AND 50),
  reason       text NOT NULL,
  created_at   timestamptz NOT NULL,
  created_by   text NOT NULL,
  ended_at     timestamptz,
  ended_by     text,
  PRIMARY KEY (workspace_id, id),
  CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX segregation_sets_name ON segregation_sets (workspace_id, lower(name)) WHERE ended_at IS NULL;

CREATE TABLE segregation_acceptances (
  workspace_id text NOT NULL,
  id           text NOT NULL,
  set_id       text NOT NULL,
  agent_id     text NOT NULL,
  reason       text NOT NULL,
  until        timestamptz NOT NULL,
  person_id    text NOT NULL,
  person       text NOT NULL,
  accepted_at  timestamptz NOT NULL CHECK (accepted_at < until),
  ended_at     timestamptz,
  ended_by     text,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, set_id) REFERENCES segregation_sets(workspace_id, id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id),
  CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX segregation_acceptances_of ON segregation_acceptances (workspace_id, set_id, agent_id);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['segregation_sets', 'segregation_acceptances'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', t);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (ended_at, ended_by) ON %I TO hivekey_app', t);
  END LOOP;
END $$;
