-- Entries that were set aside: refused by the receiver, not to be sent, or skipped by two people. A letter is one entry, or a range.
CREATE TABLE sink_dead_letters (
  workspace_id text NOT NULL,
  id           text NOT NULL,
  sink_id      text NOT NULL,
  stream_id    text NOT NULL,
  first_seq    bigint NOT NULL,
  last_seq     bigint NOT NULL CHECK (last_seq >= first_seq),
  -- how many of the range; `which` is false where the receiver did not say which
  entries      bigint NOT NULL CHECK (entries > 0),
  which        boolean NOT NULL,
  event_id     text,
  record_kind  text,
  code         text NOT NULL,
  why          text NOT NULL,
  -- as the ledger counts them: day → how many
  days         jsonb NOT NULL,
  status       text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'redriving', 'redriven', 'dropped')),
  -- the stream that sends it once more
  redrive_id   text,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_at   timestamptz,
  changed_by   text,
  reason       text,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, sink_id) REFERENCES sinks(workspace_id, id),
  CHECK ((redrive_id IS NOT NULL) = (status IN ('redriving', 'redriven')))
);
CREATE INDEX sink_dead_letters_newest ON sink_dead_letters (workspace_id, sink_id, created_at DESC, id DESC);
CREATE INDEX sink_dead_letters_redrive ON sink_dead_letters (workspace_id, redrive_id) WHERE redrive_id IS NOT NULL;
CREATE INDEX sink_dead_letters_waiting ON sink_dead_letters (workspace_id, sink_id, first_seq) WHERE status IN ('waiting', 'redriving');

GRANT SELECT, INSERT, UPDATE ON sink_dead_letters TO hivekey_app;
