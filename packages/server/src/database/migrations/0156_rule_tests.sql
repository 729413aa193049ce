-- Tests of detection rules: marked events through the real path, and reports of samples that were run.

CREATE TABLE detection_live_tests (
  workspace_id   text NOT NULL REFERENCES workspaces(id),
  id             text NOT NULL,
  detection      text NOT NULL,
  rule_version   text NOT NULL,
  file_digest    text NOT NULL,
  kind           text NOT NULL CHECK (kind IN ('attack', 'benign')),
  status         text NOT NULL DEFAULT 'injecting' CHECK (status IN ('injecting', 'waiting', 'passed', 'failed')),
  failure        text,
  -- the agent that made the calls
  agent_id       text,
  node           text NOT NULL,
  started_by     text NOT NULL,
  started_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- how long an alert is waited for
  wait_until     timestamptz NOT NULL,
  event_ids      text[] NOT NULL DEFAULT '{}',
  last_seq       bigint,
  injected_at    timestamptz,
  -- by id of the sink: when its cursor had passed the last of the events
  arrivals       jsonb NOT NULL DEFAULT '{}',
  arrived_at     timestamptz,
  finding_id     text,
  alert_id       text,
  alerted_at     timestamptz,
  -- of the alert that the SIEM made by itself
  siem_alert_id  text,
  siem_alerted_at timestamptz,
  siem_reported_by text,
  siem_reported_how text CHECK (siem_reported_how IN ('webhook', 'hand')),
  ended_at       timestamptz,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX detection_live_tests_newest ON detection_live_tests (workspace_id, started_at, id);
CREATE INDEX detection_live_tests_rule ON detection_live_tests (workspace_id, detection, started_at);
CREATE INDEX detection_live_tests_open ON detection_live_tests (workspace_id) WHERE status IN ('injecting', 'waiting');
GRANT SELECT, INSERT, UPDATE ON detection_live_tests TO hivekey_app;

-- Reports of `hivekey detections test`, as they were signed. They are evidence: none is changed.
CREATE TABLE detection_test_reports (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  document     jsonb NOT NULL,
  sha256       text NOT NULL,
  -- a signed note of the workspace's log key over the digest
  note         text NOT NULL,
  submitted_by text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  event_id     text NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX detection_test_reports_newest ON detection_test_reports (workspace_id, created_at, id);
GRANT SELECT, INSERT ON detection_test_reports TO hivekey_app;

-- Of each rule one line for each test of it in a report.
CREATE TABLE detection_sample_tests (
  workspace_id text NOT NULL,
  report_id    text NOT NULL,
  detection    text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('attack', 'near-miss', 'benign')),
  rule_version text NOT NULL,
  file_digest  text NOT NULL,
  passed       boolean NOT NULL,
  tested_at    timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, report_id, detection, kind),
  FOREIGN KEY (workspace_id, report_id) REFERENCES detection_test_reports(workspace_id, id)
);
CREATE INDEX detection_sample_tests_rule ON detection_sample_tests (workspace_id, detection, tested_at);
GRANT SELECT, INSERT ON detection_sample_tests TO hivekey_app;

-- What was told of tests that are due in a quarter: once each.
CREATE TABLE detection_test_notices (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  -- `2026-Q4`
  quarter      text NOT NULL,
  notice       text NOT NULL CHECK (notice IN ('reminder', 'overdue')),
  told_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, quarter, notice)
);
GRANT SELECT, INSERT ON detection_test_notices TO hivekey_app;
