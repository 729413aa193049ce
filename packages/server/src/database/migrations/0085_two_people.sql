-- Which stops take two people to give and to lift. A workspace without a row asks one for everything.
CREATE TABLE containment_settings (
  workspace_id   text PRIMARY KEY REFERENCES workspaces(id),
  two_to_kill    text[] NOT NULL DEFAULT '{}',
  two_to_lift    text[] NOT NULL DEFAULT '{}',
  answer_minutes integer NOT NULL DEFAULT 60 CHECK (answer_minutes BETWEEN 1 AND 1440),
  -- what a rehearsal has to stay within
  target_ms      integer NOT NULL DEFAULT 1000 CHECK (target_ms > 0),
  author         text NOT NULL,
  updated_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What one person has asked for and another has to confirm. Carried out in the transaction of the confirmation.
CREATE TABLE containment_proposals (
  workspace_id   text NOT NULL REFERENCES workspaces(id),
  id             text NOT NULL,
  kind           text NOT NULL CHECK (kind IN ('kill', 'lift', 'restore', 'settings')),
  -- of a kill and a lift: what the stop is of; of a restore: the agent
  scope          text,
  target         text NOT NULL,
  -- of a lift and a restore: the stop that stands. Another one is not lifted by it
  containment_id text,
  -- of settings: what they become
  settings       jsonb,
  reason         text NOT NULL,
  proposed_by    text NOT NULL,
  proposed_by_id text NOT NULL,
  proposed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  answer_by      timestamptz NOT NULL,
  status         text NOT NULL DEFAULT 'proposed' CHECK (status IN ('proposed', 'confirmed', 'withdrawn', 'expired')),
  ended_at       timestamptz,
  ended_by       text,
  confirmed_by_id text,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, proposed_by_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, confirmed_by_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, containment_id) REFERENCES containments(workspace_id, id),
  CHECK (confirmed_by_id <> proposed_by_id),
  CHECK ((status = 'confirmed') = (confirmed_by_id IS NOT NULL))
);
CREATE INDEX containment_proposals_open ON containment_proposals (workspace_id, kind, target) WHERE status = 'proposed';
CREATE INDEX containment_proposals_due ON containment_proposals (answer_by) WHERE status = 'proposed';
CREATE INDEX containment_proposals_newest ON containment_proposals (workspace_id, proposed_at, id);
GRANT SELECT, INSERT, UPDATE ON containment_settings, containment_proposals TO hivekey_app;

-- The proposal that a stop came of, and the one that lifted it.
ALTER TABLE containments
  ADD COLUMN proposal_id text,
  ADD COLUMN lift_proposal_id text;
