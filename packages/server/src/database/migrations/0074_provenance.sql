-- Whose content is trusted, and what that makes of agents.

CREATE TABLE source_revisions (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  revision     integer NOT NULL CHECK (revision > 0),
  document     jsonb NOT NULL,
  author       text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, revision)
);
GRANT SELECT, INSERT ON source_revisions TO hivekey_app;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON source_revisions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON source_revisions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Until then, calls of the agent that are in no session of the gateway's may follow from untrusted content. Moving it
-- on raises the revision: nobody decides with the older one.
ALTER TABLE agent_state ADD COLUMN untrusted_until timestamptz;
