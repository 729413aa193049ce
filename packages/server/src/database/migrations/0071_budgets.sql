-- What an outcome gave back of a reservation. A row is a credit that was given: a second one for the same call and
-- counter does nothing, whichever node asks for it and however often. An amount below zero is what a call spent
-- beyond its reservation.
CREATE TABLE window_credits (
  workspace_id  text NOT NULL,
  call_event_id text NOT NULL,
  key           text NOT NULL,
  -- of the counter, with the entry that was charged
  version       bigint NOT NULL,
  amount        numeric NOT NULL,
  given_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, call_event_id, key)
);
CREATE INDEX window_credits_entry ON window_credits (workspace_id, key, version);
GRANT SELECT, INSERT, UPDATE, DELETE ON window_credits TO hivekey_app;

-- Records name the entry that they charged by key and version. A counter that was cleared away and comes again
-- must not give a version twice, so versions begin at the time, in microseconds; those below 10^12 are older than this.
ALTER TABLE window_counters ALTER COLUMN version SET DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
UPDATE window_counters SET version = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

-- What the call behind a permit reserved, so that any node can give it back.
ALTER TABLE permits ADD COLUMN reservations jsonb NOT NULL DEFAULT '[]';
