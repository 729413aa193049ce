-- What the log is asked for by: each of these narrows a hundred million rows to what is shown. Most are partial, because
-- what a record does not have need not be kept of it.
CREATE INDEX actions_kind ON actions (workspace_id, kind, seq DESC) WHERE kind NOT IN ('tool.call', 'tool.result');
CREATE INDEX actions_run ON actions (workspace_id, (record ->> 'run_id'), seq DESC) WHERE record ? 'run_id';
CREATE INDEX actions_approval ON actions (workspace_id, (record ->> 'approval_id'), seq DESC) WHERE record ? 'approval_id';
CREATE INDEX actions_tool ON actions (workspace_id, (record ->> 'tool'), seq DESC) WHERE kind = 'tool.call';
CREATE INDEX actions_server ON actions (workspace_id, (record ->> 'namespace'), seq DESC) WHERE kind = 'tool.call';
CREATE INDEX actions_reason_class ON actions (workspace_id, reason_class, seq DESC) WHERE verdict <> 'allow';
-- Versions of an agent's assignment, and calls of others on its behalf.
CREATE INDEX actions_versions ON actions (workspace_id, (record ->> 'object_id'), seq DESC) WHERE kind = 'object.versioned';
CREATE INDEX actions_chain ON actions USING gin ((record -> 'chain') jsonb_path_ops) WHERE record ? 'chain';

-- Words in the reasons of what was not let through. Where the database has no trigrams, they are looked for row by row.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX actions_reason_words ON actions USING gin (reason gin_trgm_ops) WHERE verdict <> 'allow';
  END IF;
EXCEPTION
  WHEN insufficient_privilege THEN NULL;
END $$;
