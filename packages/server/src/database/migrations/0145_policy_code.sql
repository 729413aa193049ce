-- Plans from files that were posted as changes, and commits that were applied: what Git says of each object under change
-- control, so that what differs from it is known.

CREATE TABLE policy_code_commits (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           bigint GENERATED ALWAYS AS IDENTITY,
  -- content hash of the operations, with what they are based on
  digest       text NOT NULL,
  -- of what the folder says, whatever is live
  folder       text NOT NULL,
  -- of Git; null: the files were not those of a commit
  repository   text,
  commit_id    text,
  author       text,
  signature    text CHECK (signature IN ('good', 'bad', 'none', 'unknown')),
  signing_key  text,
  -- types of objects that the folder is all of
  owned        text[] NOT NULL,
  -- `{type, id, sha256}` of every object of the folder
  objects      json NOT NULL,
  -- that it became; null: it differed from what was live in nothing
  change_id    text,
  actor        text NOT NULL,
  at           timestamptz NOT NULL,
  -- whether this is of an `apply`; a plan that was posted is applied when its change is activated
  applied      boolean NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, change_id) REFERENCES changes(workspace_id, id),
  CHECK ((repository IS NULL) = (commit_id IS NULL)),
  CHECK ((commit_id IS NULL) = (author IS NULL)),
  CHECK ((author IS NULL) = (signature IS NULL)),
  CHECK (applied OR change_id IS NOT NULL)
);
CREATE INDEX policy_code_digest ON policy_code_commits (workspace_id, digest);
CREATE INDEX policy_code_folder ON policy_code_commits (workspace_id, folder);
CREATE INDEX policy_code_changes ON policy_code_commits (workspace_id, change_id) WHERE change_id IS NOT NULL;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON policy_code_commits FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON policy_code_commits FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON policy_code_commits TO hivekey_app;
