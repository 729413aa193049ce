-- What is asked for and given, what was said of evidence, what was tried out. All of it is added to and never changed.

CREATE TABLE engagement_requests (
  workspace_id  text NOT NULL,
  id            text NOT NULL,
  engagement_id text NOT NULL,
  -- within the engagement, from 1 without gaps
  number        integer NOT NULL,
  title         text NOT NULL,
  -- a criterion, control or report, as the auditor names it
  about         text,
  due_at        timestamptz,
  status        text NOT NULL CHECK (status IN ('open', 'provided', 'accepted', 'returned', 'closed')),
  opened_at     timestamptz NOT NULL,
  opened_by     text NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, engagement_id, number),
  FOREIGN KEY (workspace_id, engagement_id) REFERENCES engagements(workspace_id, id)
);

CREATE TABLE engagement_request_acts (
  workspace_id  text NOT NULL,
  request_id    text NOT NULL,
  -- from 1 without gaps
  number        integer NOT NULL,
  act           text NOT NULL CHECK (act IN ('opened', 'commented', 'provided', 'accepted', 'returned', 'closed')),
  side          text NOT NULL CHECK (side IN ('firm', 'customer')),
  actor         text NOT NULL,
  at            timestamptz NOT NULL,
  text          text NOT NULL,
  -- [{kind, ref}]
  attachments   jsonb NOT NULL,
  event_id      text NOT NULL,
  PRIMARY KEY (workspace_id, request_id, number),
  FOREIGN KEY (workspace_id, request_id) REFERENCES engagement_requests(workspace_id, id)
);

-- The auditor's words about a report. The newest of each report counts; readiness never reads them.
CREATE TABLE engagement_states (
  workspace_id  text NOT NULL,
  engagement_id text NOT NULL,
  id            text NOT NULL,
  report        text NOT NULL,
  state         text NOT NULL CHECK (state IN ('accepted', 'returned')),
  -- SHA-256 of the file that was looked at, where one was
  sha256        text,
  reason        text NOT NULL,
  actor         text NOT NULL,
  at            timestamptz NOT NULL,
  event_id      text NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, engagement_id) REFERENCES engagements(workspace_id, id)
);
CREATE INDEX engagement_states_of ON engagement_states (workspace_id, engagement_id, at);

-- Work notes of the firm, sealed with a key that is not in the database. No record of the log says that there are any.
CREATE TABLE engagement_notes (
  workspace_id  text NOT NULL,
  engagement_id text NOT NULL,
  id            text NOT NULL,
  wrapped_key   bytea NOT NULL,
  ciphertext    bytea NOT NULL,
  author        text NOT NULL,
  at            timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, engagement_id) REFERENCES engagements(workspace_id, id)
);
CREATE INDEX engagement_notes_of ON engagement_notes (workspace_id, engagement_id, at);

-- Each press of a button of the walkthrough, and each re-performance, with what came of it.
CREATE TABLE engagement_runs (
  workspace_id  text NOT NULL,
  engagement_id text NOT NULL,
  id            text NOT NULL,
  kind          text NOT NULL CHECK (kind IN ('walkthrough', 'reperformance')),
  -- of the walkthrough
  step          text,
  input         jsonb NOT NULL,
  result        jsonb NOT NULL,
  -- whether it showed what it says it shows
  shown         boolean NOT NULL,
  actor         text NOT NULL,
  at            timestamptz NOT NULL,
  event_id      text NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, engagement_id) REFERENCES engagements(workspace_id, id),
  CHECK ((kind = 'walkthrough') = (step IS NOT NULL))
);
CREATE INDEX engagement_runs_of ON engagement_runs (workspace_id, engagement_id, at);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['engagement_request_acts', 'engagement_states', 'engagement_notes', 'engagement_runs'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', name);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    EXECUTE format('GRANT SELECT, INSERT ON %I TO hivekey_app', name);
  END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON engagement_requests TO hivekey_app;
