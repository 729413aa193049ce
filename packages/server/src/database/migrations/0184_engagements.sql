-- The auditor's room: an engagement lets people of an audit firm in for a time, a period and a purpose.

-- Somebody of another company, who comes in by an engagement and is an auditor while one is open, and nothing else ever.
ALTER TABLE people ADD COLUMN external boolean NOT NULL DEFAULT false;
ALTER TABLE people ADD CONSTRAINT external_has_nothing_else
  CHECK (NOT external OR (roles = '{}' AND groups = '{}' AND NOT break_glass AND directory IS NULL AND slack_user IS NULL));

CREATE TABLE engagements (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  firm         text NOT NULL,
  -- of the addresses of its people
  firm_domain  text NOT NULL,
  -- half-open
  period_from  timestamptz NOT NULL,
  period_to    timestamptz NOT NULL,
  criteria     text[] NOT NULL,
  -- what is looked at and what is not, in words that both sides read
  scope        text NOT NULL,
  expires_at   timestamptz NOT NULL,
  opened_at    timestamptz NOT NULL,
  opened_by    text NOT NULL,
  ended_at     timestamptz,
  ended_by     text,
  end_reason   text,
  event_id     text NOT NULL,
  PRIMARY KEY (workspace_id, id),
  CHECK (period_from < period_to),
  CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX engagements_by_time ON engagements (workspace_id, opened_at DESC, id DESC);
CREATE INDEX engagements_due ON engagements (expires_at) WHERE ended_at IS NULL;

CREATE TABLE engagement_people (
  workspace_id  text NOT NULL,
  engagement_id text NOT NULL,
  person_id     text NOT NULL,
  added_at      timestamptz NOT NULL,
  added_by      text NOT NULL,
  removed_at    timestamptz,
  removed_by    text,
  PRIMARY KEY (workspace_id, engagement_id, person_id),
  FOREIGN KEY (workspace_id, engagement_id) REFERENCES engagements(workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id)
);
-- Each sign-in and each request asks by the person. A person is of one engagement at a time.
CREATE UNIQUE INDEX engagement_people_in ON engagement_people (workspace_id, person_id) WHERE removed_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON engagements, engagement_people TO hivekey_app;

-- Everything that was done in an engagement, and by whom it was looked at.
CREATE INDEX actions_engagements ON actions (workspace_id, (record ->> 'engagement_id'), seq) WHERE kind LIKE 'engagement.%';
