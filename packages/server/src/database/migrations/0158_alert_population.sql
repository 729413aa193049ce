-- Alerts: one population of whatever asks for a person, what became of each, and what was found for.

-- Alerts of one run or agent that were found together.
CREATE TABLE alert_cases (
  workspace_id  text NOT NULL REFERENCES workspaces(id),
  id            text NOT NULL,
  group_key     text NOT NULL,
  -- of the first alert
  title         text NOT NULL,
  subject_kind  text NOT NULL,
  subject_id    text NOT NULL,
  subject_name  text NOT NULL,
  synthetic     boolean NOT NULL,
  opened_at     timestamptz NOT NULL,
  last_alert_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX alert_cases_by_key ON alert_cases (workspace_id, group_key, opened_at DESC);
CREATE INDEX alert_cases_by_time ON alert_cases (workspace_id, last_alert_at DESC, id DESC);

CREATE TABLE alerts (
  workspace_id     text NOT NULL REFERENCES workspaces(id),
  id               text NOT NULL,
  -- what found it: detection, sink, drift, …
  source           text NOT NULL,
  -- D01, drift.found: unique in its source
  rule             text NOT NULL,
  rule_version     text,
  severity         text NOT NULL CHECK (severity IN ('informational', 'low', 'medium', 'high', 'critical')),
  -- people do not go below it
  severity_floor   text NOT NULL CHECK (severity_floor IN ('informational', 'low', 'medium', 'high', 'critical')),
  subject_kind     text NOT NULL,
  subject_id       text NOT NULL,
  -- as it stood then
  subject_name     text NOT NULL,
  title            text NOT NULL,
  -- whatever else the finding says
  facts            jsonb NOT NULL,
  -- the first ones, and how many there are
  evidence         text[] NOT NULL CHECK (cardinality(evidence) <= 100),
  evidence_count   bigint NOT NULL CHECK (evidence_count >= cardinality(evidence)),
  window_from      timestamptz,
  window_to        timestamptz,
  -- a page of the console
  link             text,
  -- made by a test: in no count
  synthetic        boolean NOT NULL,
  case_id          text,
  suppress_key     text,
  -- how often it was found again while it was suppressed
  repeats          bigint NOT NULL DEFAULT 0,
  last_found_at    timestamptz NOT NULL,
  -- what it tells of is over, whether or not anybody has looked at it
  over_at          timestamptz,
  status           text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'acknowledged', 'triaged', 'closed')),
  opened_at        timestamptz NOT NULL,
  event_id         text NOT NULL,
  assignee_id      text,
  assignee         text,
  assigned_at      timestamptz,
  acknowledged_by  text,
  acknowledged_at  timestamptz,
  triaged_by       text,
  triaged_at       timestamptz,
  disposition      text CHECK (disposition IN ('true_positive', 'benign', 'false_positive', 'test', 'duplicate')),
  reason           text NOT NULL DEFAULT '',
  duplicate_of     text,
  incident_id      text,
  closed_by        text,
  closed_at        timestamptz,
  reopened         integer NOT NULL DEFAULT 0,
  -- null: by nobody's time
  acknowledge_due_at timestamptz,
  close_due_at       timestamptz,
  -- told that it was missed
  acknowledge_missed_at timestamptz,
  close_missed_at       timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, case_id) REFERENCES alert_cases(workspace_id, id),
  FOREIGN KEY (workspace_id, assignee_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, duplicate_of) REFERENCES alerts(workspace_id, id),
  CHECK ((disposition IS NULL) = (triaged_at IS NULL)),
  CHECK ((disposition = 'duplicate') = (duplicate_of IS NOT NULL)),
  CHECK ((status IN ('triaged', 'closed')) = (disposition IS NOT NULL)),
  CHECK ((status = 'closed') = (closed_at IS NOT NULL))
);
CREATE INDEX alerts_by_time ON alerts (workspace_id, opened_at DESC, id DESC);
CREATE INDEX alerts_unclosed ON alerts (workspace_id, opened_at DESC, id DESC) WHERE status <> 'closed';
CREATE INDEX alerts_of_subject ON alerts (workspace_id, subject_kind, subject_id, opened_at DESC);
CREATE INDEX alerts_of_rule ON alerts (workspace_id, source, rule, opened_at DESC);
CREATE INDEX alerts_of_case ON alerts (workspace_id, case_id) WHERE case_id IS NOT NULL;
CREATE INDEX alerts_of_incident ON alerts (workspace_id, incident_id) WHERE incident_id IS NOT NULL;
CREATE INDEX alerts_suppressing ON alerts (workspace_id, suppress_key, opened_at DESC) WHERE suppress_key IS NOT NULL;
CREATE INDEX alerts_to_acknowledge ON alerts (acknowledge_due_at) WHERE status = 'open' AND acknowledge_missed_at IS NULL;
CREATE INDEX alerts_to_close ON alerts (close_due_at) WHERE status <> 'closed' AND close_missed_at IS NULL;

CREATE TABLE alert_settings (
  workspace_id text PRIMARY KEY REFERENCES workspaces(id),
  document     jsonb NOT NULL,
  author       text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT SELECT, INSERT, UPDATE ON alerts, alert_cases, alert_settings TO hivekey_app;

-- Told over the channels: alerts, when they open, are given to somebody, or are left too long.
DROP INDEX actions_told;
CREATE INDEX actions_told ON actions (workspace_id, seq)
  WHERE kind LIKE 'approval.%' OR kind LIKE 'delegation.%' OR kind LIKE 'transfer.%' OR kind LIKE 'break_glass.%'
     OR kind IN ('blast_radius.exceeded', 'blast_radius.differs', 'drift.found', 'change.submitted', 'change.overdue',
                 'alert.opened', 'alert.assigned', 'alert.escalated');
