-- Detections: what a workspace sets about rules, and has of its own; how far each evaluator is; what was found.

-- By name: of a shipped rule its reference (`D01`), where anything is not as it is shipped.
CREATE TABLE detections (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  name         text NOT NULL,
  document     jsonb NOT NULL,
  author       text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, name)
);
CREATE TRIGGER note_inserted AFTER INSERT ON detections REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_touched('detection', 'name');
CREATE TRIGGER note_updated AFTER UPDATE ON detections REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_touched('detection', 'name');
CREATE TRIGGER note_deleted AFTER DELETE ON detections REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_touched('detection', 'name');
GRANT SELECT, INSERT, UPDATE, DELETE ON detections TO hivekey_app;

-- One evaluator for each workspace, under a lease. What was taken but is not in the state is taken again by whoever has
-- the lease next; what that finds up to the written position was written, and is not written again.
CREATE TABLE detection_evaluators (
  workspace_id  text PRIMARY KEY REFERENCES workspaces(id),
  -- grows with each lease: whoever has an older one writes nothing any more
  fence         bigint NOT NULL DEFAULT 0,
  lease_node    text,
  lease_until   timestamptz,
  -- the next entry that is taken on top of the state
  next_seq      bigint NOT NULL CHECK (next_seq > 0),
  -- the last checkpoint that was
  checkpoint_id bigint NOT NULL DEFAULT 0,
  -- gzip of its JSON; NULL: it begins with nothing
  state         bytea,
  -- findings of all up to this entry, and of checkpoints up to this one behind it, are written
  written_seq   bigint NOT NULL DEFAULT 0,
  written_checkpoint bigint NOT NULL DEFAULT 0,
  saved_at      timestamptz NOT NULL DEFAULT now(),
  last_error    text,
  -- since when rules are evaluated here
  started_at    timestamptz NOT NULL DEFAULT now(),
  retry_at      timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON detection_evaluators TO hivekey_app;

CREATE TABLE detection_findings (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  -- the name of the rule's settings, and their version; NULL: as it is shipped
  detection    text NOT NULL,
  settings_version integer,
  severity     text NOT NULL CHECK (severity IN ('informational', 'low', 'medium', 'high', 'critical')),
  -- the entry that completed it
  seq          bigint NOT NULL,
  agent_id     text,
  -- the whole of it, as the engine gave it
  document     jsonb NOT NULL,
  synthetic    boolean NOT NULL DEFAULT false,
  live_test_id text,
  alert_id     text,
  -- what was done about it, {kind, id} or {kind, refused}
  acted        jsonb,
  event_id     text NOT NULL,
  found_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  closed_at    timestamptz,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX detection_findings_newest ON detection_findings (workspace_id, found_at, id);
CREATE INDEX detection_findings_rule ON detection_findings (workspace_id, detection, found_at);
CREATE INDEX detection_findings_agent ON detection_findings (workspace_id, agent_id, found_at) WHERE agent_id IS NOT NULL;
CREATE INDEX detection_findings_alert ON detection_findings (workspace_id, alert_id) WHERE alert_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON detection_findings TO hivekey_app;

-- A detection may propose a stop; a person confirms it.
ALTER TABLE containment_proposals ALTER COLUMN proposed_by_id DROP NOT NULL;
