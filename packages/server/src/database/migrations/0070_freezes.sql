-- Change freezes. They are part of the policy: each change is a policy revision. When one begins and ends follows
-- from its document alone, and recording transactions compare their time with that.

CREATE TABLE freezes (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  name         text NOT NULL,
  document     jsonb NOT NULL,
  author       text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, name)
);

-- An emergency: asked for by one administrator, agreed to by another.
CREATE TABLE freeze_overrides (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  -- by name, not by reference: the row outlives the freeze
  freeze_name  text NOT NULL,
  reason       text NOT NULL,
  minutes      integer NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  -- an answer after this comes too late
  answer_by    timestamptz NOT NULL,
  approved_by  text CHECK (approved_by <> requested_by),
  starts_at    timestamptz,
  ends_at      timestamptz CHECK (ends_at >= starts_at),
  ended_by     text,
  -- whether it is in the policy in force; one that is over leaves it with the next change of freezes
  in_policy    boolean NOT NULL DEFAULT false,
  PRIMARY KEY (workspace_id, id),
  CHECK ((approved_by IS NULL) = (starts_at IS NULL) AND (starts_at IS NULL) = (ends_at IS NULL)),
  CHECK (NOT in_policy OR approved_by IS NOT NULL)
);
CREATE INDEX freeze_overrides_freeze ON freeze_overrides (workspace_id, freeze_name, requested_at DESC);

GRANT SELECT, INSERT, UPDATE, DELETE ON freezes, freeze_overrides TO hivekey_app;
