-- Changes of what decides. What was submitted never changes, and a state only moves along the arrows of
-- docs/reference/changes.md: both are refused here, whatever the code above believes.

CREATE TABLE changes (
  workspace_id  text NOT NULL REFERENCES workspaces(id),
  id            text NOT NULL,
  -- CHG-<number>, without gaps
  number        integer NOT NULL CHECK (number > 0),
  status        text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'submitted', 'approved', 'scheduled',
                  'activated', 'rejected', 'withdrawn', 'stale', 'expired', 'rolled_back')),
  class         text NOT NULL CHECK (class IN ('normal', 'standard', 'emergency', 'rollback', 'direct')),
  -- what is asked for
  title         text NOT NULL,
  justification text NOT NULL,
  ticket        text,
  -- json, not jsonb: what is hashed is what was written
  operations    json NOT NULL,
  activate_at   timestamptz,
  source        jsonb,
  rollback_of   text,
  content_hash  text NOT NULL,
  -- by whom
  author_id     text NOT NULL,
  author        text NOT NULL,
  edits         integer NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL,
  -- set as it is submitted
  submitted_at  timestamptz,
  submitted_by  text,
  expires_at    timestamptz,
  risk          text CHECK (risk IN ('low', 'medium', 'high', 'critical')),
  narrows       boolean,
  reasons       jsonb,
  pattern       text,
  -- what the reviewers see; its hash, once it was approved by it
  preview_id    text,
  preview_hash  text,
  -- how it went on
  approved_at   timestamptz,
  -- raised when an approval did not hold any more: those of before count no longer
  round         integer NOT NULL DEFAULT 1,
  due_at        timestamptz,
  waiting_for   text[] NOT NULL DEFAULT '{}',
  activated_at  timestamptz,
  activated_by  text,
  -- documents that it replaced, by operation
  replaced      json,
  policy        jsonb,
  freezes_passed text[] NOT NULL DEFAULT '{}',
  emergency_review text CHECK (emergency_review IN ('due', 'overdue', 'passed', 'refused')),
  review_due_at timestamptz,
  rolled_back_by text,
  ended_at      timestamptz,
  ended_by      text,
  ended_code    text,
  ended_reason  text,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, number),
  FOREIGN KEY (workspace_id, author_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, rollback_of) REFERENCES changes(workspace_id, id),
  FOREIGN KEY (workspace_id, rolled_back_by) REFERENCES changes(workspace_id, id),
  CHECK ((class = 'rollback') = (rollback_of IS NOT NULL)),
  CHECK (status IN ('draft', 'withdrawn') OR (submitted_at IS NOT NULL AND preview_id IS NOT NULL AND risk IS NOT NULL)),
  CHECK ((status IN ('activated', 'rolled_back')) = (activated_at IS NOT NULL)),
  CHECK ((status = 'rolled_back') = (rolled_back_by IS NOT NULL)),
  CHECK ((status = 'scheduled') <= (due_at IS NOT NULL AND activate_at IS NOT NULL)),
  CHECK ((emergency_review IS NOT NULL) <= (class = 'emergency' AND review_due_at IS NOT NULL))
);
CREATE INDEX changes_newest ON changes (workspace_id, number DESC);
CREATE INDEX changes_due ON changes (due_at) WHERE status = 'scheduled';
CREATE INDEX changes_expiring ON changes (expires_at) WHERE status IN ('submitted', 'approved');
CREATE INDEX changes_review_due ON changes (review_due_at) WHERE emergency_review = 'due';

-- Whoever wrote something of it is an author of it, whatever became of what they wrote.
CREATE TABLE change_edits (
  workspace_id text NOT NULL,
  change_id    text NOT NULL,
  edit         integer NOT NULL,
  -- `commit`: named by Git as the author of what was planned; `request`: submitted it, or asked for it
  what         text NOT NULL CHECK (what IN ('edit', 'commit', 'request')),
  person_id    text NOT NULL,
  actor        text NOT NULL,
  credential_id text NOT NULL,
  content_hash text NOT NULL,
  at           timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, change_id, edit, what),
  FOREIGN KEY (workspace_id, change_id) REFERENCES changes(workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id)
);
CREATE INDEX change_edits_person ON change_edits (workspace_id, person_id);

-- What a person said of it, and what they had read. Nobody approves twice in a round.
CREATE TABLE change_reviews (
  workspace_id     text NOT NULL,
  change_id        text NOT NULL,
  person_id        text NOT NULL,
  person           text NOT NULL,
  decision         text NOT NULL CHECK (decision IN ('approve', 'reject')),
  -- `after`: of an emergency that was in force already
  stage            text NOT NULL CHECK (stage IN ('before', 'after')),
  round            integer NOT NULL,
  groups           text[] NOT NULL,
  comment          text NOT NULL,
  content_hash     text NOT NULL,
  preview_hash     text NOT NULL,
  actor            text NOT NULL,
  credential_id    text NOT NULL,
  -- the session, where one decided, and the groups that its provider had named
  method           text NOT NULL,
  idp_groups       text[] NOT NULL DEFAULT '{}',
  channel          text NOT NULL CHECK (channel IN ('api', 'cli', 'console')),
  authenticated_at timestamptz NOT NULL,
  signature_id     text,
  at               timestamptz NOT NULL,
  event_id         text NOT NULL,
  PRIMARY KEY (workspace_id, change_id, person_id, stage, round, decision),
  FOREIGN KEY (workspace_id, change_id) REFERENCES changes(workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id)
);

CREATE TABLE change_comments (
  workspace_id text NOT NULL,
  change_id    text NOT NULL,
  id           text NOT NULL,
  person_id    text,
  actor        text NOT NULL,
  body         text NOT NULL,
  at           timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, change_id, id),
  FOREIGN KEY (workspace_id, change_id) REFERENCES changes(workspace_id, id)
);

CREATE FUNCTION change_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  -- compared as texts: json has no equality of its own
  bound CONSTANT text[] := ARRAY['number', 'class', 'title', 'justification', 'ticket', 'activate_at', 'source', 'rollback_of',
    'content_hash', 'author_id', 'author', 'edits', 'created_at', 'updated_at', 'submitted_at', 'submitted_by', 'expires_at',
    'risk', 'narrows', 'reasons', 'pattern'];
  old_bound jsonb;
  new_bound jsonb;
BEGIN
  IF OLD.workspace_id <> NEW.workspace_id OR OLD.id <> NEW.id OR OLD.number <> NEW.number OR OLD.created_at <> NEW.created_at THEN
    RAISE EXCEPTION 'change_bound: which change it is does not change' USING ERRCODE = '42501';
  END IF;
  IF OLD.status <> 'draft' THEN
    SELECT jsonb_object_agg(key, value) INTO old_bound FROM jsonb_each(to_jsonb(OLD)) WHERE key = ANY(bound);
    SELECT jsonb_object_agg(key, value) INTO new_bound FROM jsonb_each(to_jsonb(NEW)) WHERE key = ANY(bound);
    IF old_bound IS DISTINCT FROM new_bound OR OLD.operations::text IS DISTINCT FROM NEW.operations::text
       -- a preview that failed is made again, until somebody approves by one
       OR (OLD.preview_hash IS NOT NULL AND (OLD.preview_id, OLD.preview_hash) IS DISTINCT FROM (NEW.preview_id, NEW.preview_hash)) THEN
      RAISE EXCEPTION 'change_bound: what was submitted does not change' USING ERRCODE = '42501';
    END IF;
  END IF;
  IF OLD.status <> NEW.status AND NOT ((OLD.status, NEW.status) IN (
       ('draft', 'submitted'), ('draft', 'withdrawn'),
       ('submitted', 'approved'), ('submitted', 'rejected'), ('submitted', 'withdrawn'), ('submitted', 'stale'), ('submitted', 'expired'),
       ('approved', 'scheduled'), ('approved', 'activated'), ('approved', 'submitted'), ('approved', 'rejected'),
       ('approved', 'withdrawn'), ('approved', 'stale'), ('approved', 'expired'),
       ('scheduled', 'activated'), ('scheduled', 'approved'), ('scheduled', 'submitted'), ('scheduled', 'rejected'),
       ('scheduled', 'withdrawn'), ('scheduled', 'stale'),
       ('activated', 'rolled_back'))
     -- by its author alone, to be reviewed afterwards
     OR (OLD.status = 'submitted' AND NEW.status = 'activated' AND NEW.class = 'emergency' AND NEW.emergency_review = 'due')) THEN
    RAISE EXCEPTION 'change_state: % does not become %', OLD.status, NEW.status USING ERRCODE = '42501';
  END IF;
  -- nobody but others approves: whatever the code says, there is a review of somebody who is no author
  IF NEW.status IN ('approved', 'scheduled', 'activated') AND OLD.status = 'submitted' AND NEW.class IN ('normal', 'emergency')
     AND NEW.emergency_review IS NULL AND NOT EXISTS (
       SELECT FROM change_reviews r
        WHERE r.workspace_id = NEW.workspace_id AND r.change_id = NEW.id AND r.decision = 'approve' AND r.stage = 'before'
          AND r.round = NEW.round AND r.content_hash = NEW.content_hash AND r.preview_hash = NEW.preview_hash
          AND NOT EXISTS (SELECT FROM change_edits e
                           WHERE e.workspace_id = r.workspace_id AND e.change_id = r.change_id AND e.person_id = r.person_id)) THEN
    RAISE EXCEPTION 'change_unreviewed: somebody else approves' USING ERRCODE = '42501';
  END IF;
  IF OLD.emergency_review IS DISTINCT FROM NEW.emergency_review AND NOT (
       (OLD.emergency_review IS NULL AND NEW.emergency_review = 'due' AND OLD.status <> 'activated')
       OR (OLD.emergency_review, NEW.emergency_review) IN (
         ('due', 'overdue'), ('due', 'passed'), ('due', 'refused'), ('overdue', 'passed'), ('overdue', 'refused'))) THEN
    RAISE EXCEPTION 'change_review: % does not become %', OLD.emergency_review, NEW.emergency_review USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER change_moves BEFORE UPDATE ON changes FOR EACH ROW EXECUTE FUNCTION change_moves();

DO $$
DECLARE each text;
BEGIN
  FOREACH each IN ARRAY ARRAY['change_edits', 'change_reviews', 'change_comments'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', each);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', each);
  END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON changes TO hivekey_app;
GRANT SELECT, INSERT ON change_edits, change_reviews, change_comments TO hivekey_app;
