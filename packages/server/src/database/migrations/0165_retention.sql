-- How long records are kept, what two people ask for, and what was disposed of.

-- A workspace without a row keeps everything.
CREATE TABLE retention_settings (
  workspace_id text PRIMARY KEY REFERENCES workspaces(id),
  -- class of records → days; null: for ever
  periods      jsonb NOT NULL,
  author       text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT, UPDATE ON retention_settings TO hivekey_app;

-- Shorter periods and redactions: one person asks, another one agrees, and it is done in the transaction of the second.
CREATE TABLE retention_requests (
  workspace_id    text NOT NULL REFERENCES workspaces(id),
  id              text NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('settings', 'redaction')),
  -- the periods, or the events and the fields: never the content
  document        jsonb NOT NULL,
  reason          text NOT NULL,
  requested_by    text NOT NULL,
  requested_by_id text NOT NULL,
  requested_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  answer_by       timestamptz NOT NULL,
  status          text NOT NULL DEFAULT 'requested' CHECK (status IN ('requested', 'approved', 'withdrawn', 'lapsed')),
  answered_by     text,
  answered_by_id  text,
  answered_at     timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, requested_by_id) REFERENCES people(workspace_id, id),
  CHECK (status <> 'approved' OR answered_by_id <> requested_by_id),
  CHECK ((status = 'approved') <= (answered_by_id IS NOT NULL))
);
CREATE INDEX retention_requests_newest ON retention_requests (workspace_id, requested_at DESC, id DESC);
GRANT SELECT, INSERT ON retention_requests TO hivekey_app;
GRANT UPDATE (status, answered_by, answered_by_id, answered_at) ON retention_requests TO hivekey_app;

-- A disposal: one run of what the settings ask for.
CREATE TABLE disposals (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  actor        text NOT NULL,
  started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at     timestamptz,
  -- the periods by which it was done, and the entry of each class up to which they had run out
  policy       jsonb NOT NULL,
  -- what stayed although its period had run out, and why
  kept         jsonb NOT NULL DEFAULT '{}',
  -- signed, when it has ended
  certificate  text,
  PRIMARY KEY (workspace_id, id),
  CHECK ((certificate IS NULL) = (ended_at IS NULL))
);
CREATE INDEX disposals_newest ON disposals (workspace_id, started_at DESC, id DESC);
GRANT SELECT, INSERT, UPDATE (ended_at, kept, certificate) ON disposals TO hivekey_app;

-- What a record of the log has announced, until it is carried out: written in the transaction of that record, so that
-- whoever dies in between leaves the rest to the next.
CREATE TABLE retention_work (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  -- of the record
  event_id     text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('prune', 'redact', 'release')),
  disposal_id  text,
  request_id   text,
  hold_id      text,
  recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- place of the record in the log, once it is sealed
  seq          bigint,
  -- payloads that went; fewer than the record says where a hold came in between
  removed      bigint NOT NULL DEFAULT 0,
  done_at      timestamptz,
  PRIMARY KEY (workspace_id, event_id)
);
CREATE INDEX retention_work_open ON retention_work (workspace_id, recorded_at) WHERE done_at IS NULL;
CREATE INDEX retention_work_disposal ON retention_work (workspace_id, disposal_id) WHERE disposal_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (seq, removed, done_at) ON retention_work TO hivekey_app;

-- Up to which entry the log says what a hold holds.
CREATE TABLE legal_hold_reach (
  workspace_id text NOT NULL,
  hold_id      text NOT NULL,
  through      bigint NOT NULL,
  entries      bigint NOT NULL,
  PRIMARY KEY (workspace_id, hold_id),
  FOREIGN KEY (workspace_id, hold_id) REFERENCES legal_holds(workspace_id, id)
);
GRANT SELECT, INSERT, UPDATE ON legal_hold_reach TO hivekey_app;

-- What an approval is bound to does not change, but that an approval that is over can lose what it holds of the call.
CREATE OR REPLACE FUNCTION approval_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  moves text[] := ARRAY['status', 'decided_at', 'released_at', 'call_event_id', 'outcome', 'error_code',
                        'stop_code', 'ended_reason', 'ended_at', 'result_key', 'result'];
BEGIN
  IF OLD.status NOT IN ('pending', 'approved', 'released') AND NEW.status = OLD.status
     AND NEW.wrapped_key = '' AND NEW.ciphertext = '' AND NEW.reason IN (OLD.reason, '[redacted]') THEN
    moves := moves || ARRAY['wrapped_key', 'ciphertext', 'reason'];
  END IF;
  IF (to_jsonb(OLD) - moves) IS DISTINCT FROM (to_jsonb(NEW) - moves) THEN
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
