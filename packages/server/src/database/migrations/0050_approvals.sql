-- Held calls that wait for people. What is bound never changes, and a state only moves along the arrows of
-- docs/reference/approvals.md: both are refused here, whatever the code above believes.

CREATE TABLE approvals (
  workspace_id   text NOT NULL REFERENCES workspaces(id),
  id             text NOT NULL,
  status         text NOT NULL DEFAULT 'pending' CHECK (status IN
    ('pending', 'approved', 'released', 'finished', 'unknown', 'denied', 'expired', 'cancelled', 'stopped')),
  -- who asked, as of then
  agent_id       text NOT NULL,
  agent          text NOT NULL,
  owner_id       text NOT NULL,
  owner          text NOT NULL,
  roles          text[] NOT NULL,
  token_id       text NOT NULL,
  -- for what
  entrance       text NOT NULL,
  capability     text NOT NULL,
  tool           text NOT NULL,
  namespace      text,
  access         text,
  destructive    boolean,
  impact         jsonb NOT NULL,
  reason         text NOT NULL,
  rule           text,
  -- a repeat of the call has the same
  call_digest    text NOT NULL,
  -- what binds
  binding        jsonb NOT NULL,
  hash           text NOT NULL,
  policy_revision bigint NOT NULL,
  people         integer NOT NULL CHECK (people BETWEEN 1 AND 50),
  groups         text[] NOT NULL,
  -- request and view, encrypted
  wrapped_key    bytea NOT NULL,
  ciphertext     bytea NOT NULL,
  event_id       text NOT NULL,
  requested_at   timestamptz NOT NULL,
  expires_at     timestamptz NOT NULL,
  -- what became of it
  decided_at     timestamptz,
  released_at    timestamptz,
  -- the call that consumed it
  call_event_id  text,
  outcome        text CHECK (outcome IN ('success', 'error', 'unknown', 'not_attempted')),
  error_code     text,
  stop_code      text,
  ended_reason   text,
  ended_at       timestamptz,
  -- what a repeat collects, encrypted
  result_key     bytea,
  result         bytea,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  CHECK ((status IN ('released', 'finished', 'unknown')) = (call_event_id IS NOT NULL)),
  CHECK ((status IN ('finished', 'unknown')) = (outcome IS NOT NULL))
);
-- Of one call there is one approval that can still run.
CREATE UNIQUE INDEX approvals_live ON approvals (workspace_id, agent_id, call_digest)
  WHERE status IN ('pending', 'approved', 'released');
CREATE INDEX approvals_call ON approvals (workspace_id, agent_id, call_digest, requested_at DESC);
CREATE INDEX approvals_newest ON approvals (workspace_id, requested_at DESC, id DESC);
CREATE INDEX approvals_agent ON approvals (workspace_id, agent_id, requested_at DESC);
CREATE INDEX approvals_due ON approvals (expires_at) WHERE status IN ('pending', 'approved');
CREATE INDEX approvals_running ON approvals (released_at) WHERE status = 'released';

-- One row for each person who approved or denied: nobody counts twice. Never changed.
CREATE TABLE approval_decisions (
  workspace_id     text NOT NULL,
  approval_id      text NOT NULL,
  person_id        text NOT NULL,
  person           text NOT NULL,
  -- as they were when it was decided
  groups           text[] NOT NULL,
  decision         text NOT NULL CHECK (decision IN ('approve', 'deny')),
  reason           text NOT NULL,
  key_id           text NOT NULL,
  key_name         text NOT NULL,
  channel          text NOT NULL CHECK (channel IN ('api', 'cli', 'console')),
  authenticated_at timestamptz NOT NULL,
  decided_at       timestamptz NOT NULL,
  -- how many were decided in one move; null: this one alone
  bulk             integer CHECK (bulk > 0),
  event_id         text NOT NULL,
  PRIMARY KEY (workspace_id, approval_id, person_id),
  FOREIGN KEY (workspace_id, approval_id) REFERENCES approvals(workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id)
);

CREATE FUNCTION approval_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (to_jsonb(OLD) - ARRAY['status', 'decided_at', 'released_at', 'call_event_id', 'outcome', 'error_code',
                            'stop_code', 'ended_reason', 'ended_at', 'result_key', 'result'])
     IS DISTINCT FROM
     (to_jsonb(NEW) - ARRAY['status', 'decided_at', 'released_at', 'call_event_id', 'outcome', 'error_code',
                            'stop_code', 'ended_reason', 'ended_at', 'result_key', 'result']) THEN
    RAISE EXCEPTION 'approval_bound: what an approval is bound to does not change' USING ERRCODE = '42501';
  END IF;
  IF OLD.status <> NEW.status AND NOT ((OLD.status, NEW.status) IN (
       ('pending', 'approved'), ('pending', 'denied'), ('pending', 'expired'), ('pending', 'cancelled'),
       ('approved', 'released'), ('approved', 'stopped'), ('approved', 'expired'), ('approved', 'cancelled'),
       ('released', 'finished'), ('released', 'unknown'))) THEN
    RAISE EXCEPTION 'approval_state: % does not become %', OLD.status, NEW.status USING ERRCODE = '42501';
  END IF;
  IF OLD.call_event_id IS NOT NULL AND OLD.call_event_id IS DISTINCT FROM NEW.call_event_id THEN
    RAISE EXCEPTION 'approval_used: an approval is good for one call' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER approval_moves BEFORE UPDATE ON approvals FOR EACH ROW EXECUTE FUNCTION approval_moves();

-- Whoever waits on it, on any node, hears of it. Nothing depends on hearing it: they look again by themselves.
CREATE FUNCTION notify_approval_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('hivekey_approval', json_build_object('workspace', NEW.workspace_id, 'id', NEW.id)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER approval_changed AFTER UPDATE ON approvals
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status OR (OLD.result IS NULL AND NEW.result IS NOT NULL))
  EXECUTE FUNCTION notify_approval_changed();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON approval_decisions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON approval_decisions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT, UPDATE ON approvals TO hivekey_app;
GRANT SELECT, INSERT ON approval_decisions TO hivekey_app;

-- A key may belong to a person; only such a key decides.
ALTER TABLE admin_keys ADD COLUMN person_id text;
ALTER TABLE admin_keys ADD FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id);
-- What a person may approve: [{"capability": "payments.*", "max": {"usd": 500000}}]; null: no limit.
ALTER TABLE people ADD COLUMN groups text[] NOT NULL DEFAULT '{}', ADD COLUMN authority jsonb;
