-- Workspaces of which everything that was there before versions were kept has its first one: since then, what has none is drift.
CREATE TABLE object_adoptions (
  workspace_id text PRIMARY KEY REFERENCES workspaces(id),
  adopted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  objects      integer NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON object_adoptions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON object_adoptions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON object_adoptions TO hivekey_app;
-- Its plan is made once in a session, when there may be few versions yet.
ALTER FUNCTION object_version_gapless() SET enable_seqscan TO off;
