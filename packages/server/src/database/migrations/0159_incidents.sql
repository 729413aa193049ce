-- Incidents: what was decided about alerts that were true, why it happened, and what is changed because of it.

CREATE TABLE incidents (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  title        text NOT NULL,
  summary      text NOT NULL DEFAULT '',
  severity     text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
  status       text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'contained', 'closed')),
  -- an exercise: in no count
  synthetic    boolean NOT NULL,
  lead_id      text NOT NULL,
  lead         text NOT NULL,
  -- when it began, as far as is known; the earliest of what its alerts tell of
  began_at     timestamptz,
  opened_at    timestamptz NOT NULL,
  opened_by    text NOT NULL,
  contained_at timestamptz,
  decision     text,
  decided_by   text,
  decided_at   timestamptz,
  root_cause   text,
  closed_at    timestamptz,
  closed_by    text,
  close_reason text,
  reopened     integer NOT NULL DEFAULT 0,
  event_id     text NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, lead_id) REFERENCES people(workspace_id, id),
  CHECK ((decision IS NULL) = (decided_at IS NULL)),
  CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
  CHECK (status <> 'closed' OR (root_cause IS NOT NULL AND decision IS NOT NULL))
);
CREATE INDEX incidents_by_time ON incidents (workspace_id, opened_at DESC, id DESC);

ALTER TABLE alerts ADD FOREIGN KEY (workspace_id, incident_id) REFERENCES incidents(workspace_id, id);

-- What it concerns beside its alerts.
CREATE TABLE incident_links (
  workspace_id text NOT NULL,
  incident_id  text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('agent', 'approval', 'change', 'containment', 'quarantine', 'event')),
  ref          text NOT NULL,
  -- as it is called
  name         text NOT NULL,
  linked_by    text NOT NULL,
  linked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, incident_id, kind, ref),
  FOREIGN KEY (workspace_id, incident_id) REFERENCES incidents(workspace_id, id)
);

CREATE TABLE incident_notes (
  workspace_id text NOT NULL,
  incident_id  text NOT NULL,
  id           text NOT NULL,
  text         text NOT NULL,
  -- when it was, where that is not when it was written
  at           timestamptz NOT NULL,
  author       text NOT NULL,
  written_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  event_id     text NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, incident_id) REFERENCES incidents(workspace_id, id)
);
CREATE INDEX incident_notes_of ON incident_notes (workspace_id, incident_id, at);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON incident_notes FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON incident_notes FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE incident_follow_ups (
  workspace_id text NOT NULL,
  incident_id  text NOT NULL,
  id           text NOT NULL,
  title        text NOT NULL,
  owner_id     text NOT NULL,
  owner        text NOT NULL,
  due_at       timestamptz NOT NULL,
  -- a change of what decides: done when it is activated
  change_id    text,
  status       text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'dropped')),
  settled_at   timestamptz,
  settled_by   text,
  reason       text NOT NULL DEFAULT '',
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, incident_id) REFERENCES incidents(workspace_id, id),
  FOREIGN KEY (workspace_id, owner_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, change_id) REFERENCES changes(workspace_id, id),
  CHECK ((status = 'open') = (settled_at IS NULL))
);
CREATE INDEX incident_follow_ups_of ON incident_follow_ups (workspace_id, incident_id, due_at);

GRANT SELECT, INSERT, UPDATE ON incidents, incident_follow_ups TO hivekey_app;
GRANT SELECT, INSERT, DELETE ON incident_links TO hivekey_app;
GRANT SELECT, INSERT ON incident_notes TO hivekey_app;

-- The records of one alert or incident, and the messages that told of one record.
CREATE INDEX actions_alerts ON actions (workspace_id, (record ->> 'alert_id'), seq) WHERE kind LIKE 'alert.%';
CREATE INDEX actions_incidents ON actions (workspace_id, (record ->> 'incident_id'), seq) WHERE kind LIKE 'incident.%';
CREATE INDEX channel_messages_alerts ON channel_messages (workspace_id, event_id) WHERE purpose = 'alert';
