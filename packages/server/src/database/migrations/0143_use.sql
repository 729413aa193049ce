-- What was used, by day: counted from the log as it grows, so that a question about 90 days reads few rows. Derived.
CREATE TABLE capability_use (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  -- who called, and each on whose behalf
  agent_id     text NOT NULL,
  -- UTC
  day          date NOT NULL,
  action       text NOT NULL,
  -- worn at the call, in order
  roles        text[] NOT NULL,
  -- allowed, or held for people
  calls        bigint NOT NULL,
  -- granted, and refused by a guard
  refused      bigint NOT NULL,
  last_at      timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, agent_id, day, action, roles)
);
CREATE INDEX capability_use_days ON capability_use (workspace_id, day);

-- The most that a window of this length held of a counter at any call of the day, reservations that were given back
-- included: what the caps had to leave room for.
CREATE TABLE limit_use (
  workspace_id   text NOT NULL REFERENCES workspaces(id),
  key            text NOT NULL,
  window_seconds integer NOT NULL,
  -- the key without whose counter it is: `agent/usd/payments.pay`
  counter        text NOT NULL,
  day            date NOT NULL,
  peak           numeric NOT NULL,
  PRIMARY KEY (workspace_id, key, window_seconds, day)
);
CREATE INDEX limit_use_counters ON limit_use (workspace_id, counter, window_seconds);
CREATE INDEX limit_use_days ON limit_use (workspace_id, day);

CREATE TABLE use_cursors (
  workspace_id text PRIMARY KEY REFERENCES workspaces(id),
  next_seq     bigint NOT NULL DEFAULT 1,
  -- time of the last record that was counted
  counted_to   timestamptz,
  -- the log, and what windows held, are known from these times on
  calls_from   timestamptz,
  limits_from  timestamptz
);
GRANT SELECT, INSERT, UPDATE, DELETE ON capability_use, limit_use, use_cursors TO hivekey_app;
