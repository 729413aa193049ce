-- Access reviews: what was reviewed, by whom, what was decided, and that it took effect. Nothing of it is ever deleted.

-- Each row is a version of the rules by which reviews are held; the newest is in force. A workspace without one has those of
-- reviews/policy.ts, and holds none by itself.
CREATE TABLE review_policies (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  version      integer NOT NULL CHECK (version > 0),
  document     jsonb NOT NULL,
  reason       text NOT NULL,
  author       text NOT NULL,
  created_at   timestamptz NOT NULL,
  event_id     text NOT NULL,
  PRIMARY KEY (workspace_id, version)
);

CREATE TABLE review_campaigns (
  workspace_id    text NOT NULL REFERENCES workspaces(id),
  -- as people call it: AR-2026-Q3
  id              text NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('scheduled', 'manual', 'event')),
  -- of an event: {event, subject, …}; of a schedule: {slot}
  cause           jsonb NOT NULL,
  -- what it is about: {types, agents, roles}
  scope           jsonb NOT NULL,
  policy_version  integer NOT NULL,
  -- as it was in force at the launch
  policy          jsonb NOT NULL,
  owner_id        text NOT NULL,
  owner           text NOT NULL,
  launched_by     text NOT NULL,
  snapshot_at     timestamptz NOT NULL,
  snapshot_sha256 text NOT NULL,
  due_at          timestamptz NOT NULL,
  status          text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'closed', 'voided')),
  missed_at       timestamptz,
  -- of the quality re-check: drawn when everything is decided
  recheck_seed    text,
  recheck_at      timestamptz,
  closed_at       timestamptz,
  closed_by       text,
  voided_at       timestamptz,
  voided_by       text,
  void_reason     text,
  event_id        text NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, owner_id) REFERENCES people(workspace_id, id),
  CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
  CHECK ((status = 'voided') = (voided_at IS NOT NULL)),
  CHECK ((recheck_seed IS NULL) = (recheck_at IS NULL))
);
CREATE INDEX review_campaigns_newest ON review_campaigns (workspace_id, snapshot_at DESC, id DESC);
CREATE INDEX review_campaigns_running ON review_campaigns (workspace_id, due_at) WHERE status = 'running';

-- The frozen population, byte for byte what its hash is over.
CREATE TABLE review_populations (
  workspace_id text NOT NULL,
  campaign_id  text NOT NULL,
  document     text NOT NULL,
  PRIMARY KEY (workspace_id, campaign_id),
  FOREIGN KEY (workspace_id, campaign_id) REFERENCES review_campaigns(workspace_id, id)
);

-- What starts a campaign by itself starts one.
CREATE TABLE review_triggers (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  key          text NOT NULL,
  campaign_id  text NOT NULL,
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, key),
  FOREIGN KEY (workspace_id, campaign_id) REFERENCES review_campaigns(workspace_id, id)
);

CREATE TABLE review_items (
  workspace_id text NOT NULL,
  campaign_id  text NOT NULL,
  number       integer NOT NULL,
  -- AR-2026-Q3-014
  id           text NOT NULL,
  item_type    text NOT NULL CHECK (item_type IN ('assignment', 'role', 'credential', 'delegation', 'grant',
                                                  'standing_approval', 'break_glass', 'temporary_grant')),
  -- the same thing in every campaign, e.g. assignment:agt_1:crm-reader
  subject      text NOT NULL,
  title        text NOT NULL,
  agent_id     text,
  agent        text,
  owner_id     text,
  owner        text,
  role         text,
  role_version integer,
  tier         text NOT NULL CHECK (tier IN ('low', 'medium', 'high', 'critical')),
  privileged   boolean NOT NULL,
  -- as in the population: what it grants, how it was used, what it could do, what changed
  facts        jsonb NOT NULL,
  -- who had a part in it when it was frozen, with why: {person id: reason}
  barred       jsonb NOT NULL,
  -- of all its reviewers together; null: it is not decided
  decision     text CHECK (decision IN ('keep', 'modify', 'revoke')),
  decided_at   timestamptz,
  -- the deadline passed before; what was done then
  missed_at    timestamptz,
  missed_act   text CHECK (missed_act IN ('suspended', 'revoked', 'nothing')),
  PRIMARY KEY (workspace_id, campaign_id, number),
  UNIQUE (workspace_id, id),
  FOREIGN KEY (workspace_id, campaign_id) REFERENCES review_campaigns(workspace_id, id),
  CHECK ((decision IS NULL) = (decided_at IS NULL))
);
CREATE INDEX review_items_subject ON review_items (workspace_id, subject, decided_at DESC);
CREATE INDEX review_items_agent ON review_items (workspace_id, agent_id, decided_at DESC) WHERE agent_id IS NOT NULL;
CREATE INDEX review_items_undecided ON review_items (workspace_id, campaign_id) WHERE decision IS NULL;

-- Who reviews what, with its history: an assignment that was given on is ended, and stays.
CREATE TABLE review_assignments (
  workspace_id    text NOT NULL,
  campaign_id     text NOT NULL,
  item            integer NOT NULL,
  number          integer NOT NULL,
  person_id       text NOT NULL,
  basis           text NOT NULL CHECK (basis IN ('manager', 'role owner', 'data owner', 'fallback')),
  -- what the chain came to, in words
  note            text NOT NULL,
  assigned_at     timestamptz NOT NULL,
  assigned_by     text NOT NULL,
  reassigned_from text,
  reason          text,
  first_opened_at timestamptz,
  last_opened_at  timestamptz,
  ended_at        timestamptz,
  PRIMARY KEY (workspace_id, campaign_id, item, number),
  FOREIGN KEY (workspace_id, campaign_id, item) REFERENCES review_items(workspace_id, campaign_id, number),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id)
);
CREATE INDEX review_assignments_person ON review_assignments (workspace_id, person_id, campaign_id) WHERE ended_at IS NULL;

-- Pending until submitted. One that is thought over again, or that a re-check throws over, is superseded, and stays.
CREATE TABLE review_decisions (
  workspace_id    text NOT NULL,
  campaign_id     text NOT NULL,
  item            integer NOT NULL,
  number          integer NOT NULL,
  assignment      integer NOT NULL,
  person_id       text NOT NULL,
  actor           text NOT NULL,
  credential_id   text NOT NULL,
  decision        text NOT NULL CHECK (decision IN ('keep', 'modify', 'revoke', 'escalate')),
  reason          text NOT NULL,
  -- of modify: the operations on controlled objects, with the content hash they were drafted on
  operations      json,
  -- of revoke: suspended first, and revoked when this time has come
  staged_days     integer CHECK (staged_days BETWEEN 1 AND 30),
  decided_at      timestamptz NOT NULL,
  via             text NOT NULL,
  bulk_group      text,
  seconds_on_item integer,
  submitted_at    timestamptz,
  superseded_at   timestamptz,
  event_id        text NOT NULL,
  PRIMARY KEY (workspace_id, campaign_id, item, number),
  FOREIGN KEY (workspace_id, campaign_id, item, assignment) REFERENCES review_assignments(workspace_id, campaign_id, item, number),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id),
  CHECK ((decision = 'modify') = (operations IS NOT NULL)),
  CHECK (decision = 'revoke' OR staged_days IS NULL),
  CHECK (decision = 'keep' OR reason <> '')
);

CREATE TABLE review_remediations (
  workspace_id        text NOT NULL,
  campaign_id         text NOT NULL,
  item                integer NOT NULL,
  -- AR-2026-Q3-014-R1
  id                  text NOT NULL,
  kind                text NOT NULL CHECK (kind IN ('revoke', 'modify', 'suspend')),
  -- of the decision; null: a deadline that was missed
  decision            integer,
  due_at              timestamptz NOT NULL,
  opened_at           timestamptz NOT NULL,
  -- of a staged revoke: when it goes on from the suspension
  not_before          timestamptz,
  suspended_at        timestamptz,
  -- of a node that works on it
  claimed_until       timestamptz,
  attempts            integer NOT NULL DEFAULT 0,
  -- where a change has to be reviewed first
  change_id           text,
  executed_at         timestamptz,
  executed_by         text,
  verified_at         timestamptz,
  verification_method text,
  verified_state      text,
  -- SHA-256 of verified_state
  verified_sha256     text,
  problem             text,
  exception_by_id     text,
  exception_by        text,
  exception_reason    text,
  exception_until     timestamptz,
  exception_asked_at  timestamptz,
  excepted_by_id      text,
  excepted_by         text,
  excepted_at         timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, campaign_id, item) REFERENCES review_items(workspace_id, campaign_id, number),
  FOREIGN KEY (workspace_id, change_id) REFERENCES changes(workspace_id, id),
  CHECK ((verified_at IS NULL) = (verified_sha256 IS NULL)),
  CHECK ((excepted_at IS NULL) = (excepted_by_id IS NULL)),
  CHECK (excepted_at IS NULL OR exception_asked_at IS NOT NULL),
  CHECK (excepted_by_id IS NULL OR excepted_by_id <> exception_by_id)
);
CREATE INDEX review_remediations_of ON review_remediations (workspace_id, campaign_id, item);
CREATE INDEX review_remediations_open ON review_remediations (workspace_id, due_at) WHERE verified_at IS NULL AND excepted_at IS NULL;

CREATE TABLE review_rechecks (
  workspace_id text NOT NULL,
  campaign_id  text NOT NULL,
  item         integer NOT NULL,
  -- place in the draw
  place        integer NOT NULL,
  decision     integer NOT NULL,
  result       text CHECK (result IN ('agree', 'disagree')),
  reason       text,
  person_id    text,
  person       text,
  checked_at   timestamptz,
  PRIMARY KEY (workspace_id, campaign_id, item, decision),
  FOREIGN KEY (workspace_id, campaign_id, item, decision) REFERENCES review_decisions(workspace_id, campaign_id, item, number),
  CHECK ((result IS NULL) = (checked_at IS NULL))
);

CREATE TABLE review_signatures (
  workspace_id  text NOT NULL,
  campaign_id   text NOT NULL,
  id            text NOT NULL,
  capacity      text NOT NULL CHECK (capacity IN ('reviewer', 'owner', 'countersigner')),
  person_id     text NOT NULL,
  person        text NOT NULL,
  -- the canonical JSON that is signed, and the note with our signature over its digest
  document      text NOT NULL,
  note          text NOT NULL,
  -- of their passkey, where one signed
  signed_decision text,
  -- what was decided has changed since
  lapsed_at     timestamptz,
  signed_at     timestamptz NOT NULL,
  event_id      text NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, campaign_id) REFERENCES review_campaigns(workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id)
);
CREATE UNIQUE INDEX review_signatures_once ON review_signatures (workspace_id, campaign_id, capacity, person_id) WHERE lapsed_at IS NULL;

-- Who was told how often.
CREATE TABLE review_reminders (
  workspace_id text NOT NULL,
  campaign_id  text NOT NULL,
  person_id    text NOT NULL,
  step         text NOT NULL CHECK (step IN ('reminder', 'contact', 'manager', 'escalation')),
  at           timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, campaign_id, person_id, step),
  FOREIGN KEY (workspace_id, campaign_id) REFERENCES review_campaigns(workspace_id, id)
);

-- When each event kind was looked for last, by one node at a time.
CREATE TABLE review_watch (
  workspace_id  text PRIMARY KEY REFERENCES workspaces(id),
  looked_at     timestamptz,
  claimed_until timestamptz
);

-- What is frozen, assigned, decided and signed stays as it was written; only what happens to it is added.
GRANT SELECT, INSERT ON review_policies, review_populations, review_triggers, review_reminders TO hivekey_app;
GRANT SELECT, INSERT, UPDATE (status, missed_at, recheck_seed, recheck_at, closed_at, closed_by, voided_at, voided_by, void_reason)
  ON review_campaigns TO hivekey_app;
GRANT SELECT, INSERT, UPDATE (decision, decided_at, missed_at, missed_act) ON review_items TO hivekey_app;
GRANT SELECT, INSERT, UPDATE (first_opened_at, last_opened_at, ended_at) ON review_assignments TO hivekey_app;
GRANT SELECT, INSERT, UPDATE (submitted_at, superseded_at) ON review_decisions TO hivekey_app;
GRANT SELECT, INSERT, UPDATE (suspended_at, claimed_until, attempts, change_id, executed_at, executed_by, verified_at,
  verification_method, verified_state, verified_sha256, problem, exception_by_id, exception_by, exception_reason, exception_until,
  exception_asked_at, excepted_by_id, excepted_by, excepted_at) ON review_remediations TO hivekey_app;
GRANT SELECT, INSERT, UPDATE (result, reason, person_id, person, checked_at) ON review_rechecks TO hivekey_app;
GRANT SELECT, INSERT, UPDATE (lapsed_at) ON review_signatures TO hivekey_app;
GRANT SELECT, INSERT, UPDATE ON review_watch TO hivekey_app;

-- Whoever owns the schema is held back as well.
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['review_policies', 'review_populations', 'review_triggers', 'review_reminders'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', name);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['review_campaigns', 'review_items', 'review_assignments', 'review_decisions', 'review_remediations',
                              'review_rechecks', 'review_signatures'] LOOP
    EXECUTE format('CREATE TRIGGER never_deleted BEFORE DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', name);
    EXECUTE format('CREATE TRIGGER never_truncated BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
  END LOOP;
END $$;

-- A campaign that is over does not begin again; a decision that was submitted is not taken back.
CREATE FUNCTION review_campaign_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status = 'voided' OR (OLD.status = 'closed' AND NEW.status = 'running') THEN
    RAISE EXCEPTION 'review_over: a review that is % stays so', OLD.status USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER moves BEFORE UPDATE ON review_campaigns FOR EACH ROW EXECUTE FUNCTION review_campaign_moves();

CREATE FUNCTION review_decision_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.submitted_at IS NOT NULL AND NEW.submitted_at IS DISTINCT FROM OLD.submitted_at
     OR OLD.superseded_at IS NOT NULL AND NEW.superseded_at IS DISTINCT FROM OLD.superseded_at THEN
    RAISE EXCEPTION 'review_decided: what was submitted stays' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stays BEFORE UPDATE ON review_decisions FOR EACH ROW EXECUTE FUNCTION review_decision_stays();

-- The records of reviews.
CREATE INDEX actions_reviews ON actions (workspace_id, seq) WHERE kind LIKE 'review.%';
