-- Readiness: what was found of each control at a run. A run never changes, and none is taken back.

CREATE TABLE readiness_runs (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  -- daily: of the 90 days that end with a day, UTC; asked: of a period that somebody named
  kind         text NOT NULL CHECK (kind IN ('daily', 'asked')),
  period_from  timestamptz NOT NULL,
  period_to    timestamptz NOT NULL CHECK (period_from < period_to),
  as_of        timestamptz NOT NULL,
  actor        text NOT NULL,
  counts       jsonb NOT NULL,
  -- RunDocument of packages/evidence, canonical JSON: its hash is over these bytes
  document     text NOT NULL,
  sha256       text NOT NULL,
  -- signed by the key of the log, over the hash
  note         text NOT NULL,
  event_id     text NOT NULL,
  made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX readiness_runs_daily ON readiness_runs (workspace_id, period_to) WHERE kind = 'daily';
CREATE INDEX readiness_runs_newest ON readiness_runs (workspace_id, made_at DESC, id DESC);
CREATE INDEX readiness_runs_period ON readiness_runs (workspace_id, period_from, period_to, made_at DESC);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON readiness_runs FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON readiness_runs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON readiness_runs TO hivekey_app;

-- Of several nodes one makes the daily run; one that died over it is not waited for any longer.
CREATE TABLE readiness_watch (
  workspace_id  text PRIMARY KEY REFERENCES workspaces(id),
  claimed_until timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON readiness_watch TO hivekey_app;

-- What failed, until it passes or a person says why not. Nothing of it is deleted; its history is on the log.
CREATE TABLE deficiencies (
  workspace_id  text NOT NULL REFERENCES workspaces(id),
  id            text NOT NULL,
  control       text NOT NULL CHECK (control ~ '^AG-[0-9]{2}$'),
  status        text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
  severity      text NOT NULL CHECK (severity IN ('low', 'medium', 'high')),
  -- records that deviated, of the runs it stands for; what a person closed is not opened again for the same ones
  record_ids    text[] NOT NULL,
  owner_id      text,
  due_at        timestamptz,
  -- {changes, incidents}: ids
  remediation   jsonb NOT NULL DEFAULT '{"changes": [], "incidents": []}',
  compensating  text NOT NULL DEFAULT '',
  remark        text NOT NULL DEFAULT '',
  opened_by_run text NOT NULL,
  opened_at     timestamptz NOT NULL,
  failed_run    text NOT NULL,
  failed_at     timestamptz NOT NULL,
  closed_at     timestamptz,
  -- a later run that passes, or a person
  closed_by_run text,
  closed_by     text,
  close_reason  text,
  updated_at    timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, owner_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, opened_by_run) REFERENCES readiness_runs(workspace_id, id),
  FOREIGN KEY (workspace_id, failed_run) REFERENCES readiness_runs(workspace_id, id),
  FOREIGN KEY (workspace_id, closed_by_run) REFERENCES readiness_runs(workspace_id, id),
  CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
  CHECK (status = 'open' OR (closed_by_run IS NOT NULL) <> (closed_by IS NOT NULL)),
  CHECK ((closed_by IS NULL) = (close_reason IS NULL))
);
CREATE UNIQUE INDEX deficiencies_open ON deficiencies (workspace_id, control) WHERE status = 'open';
CREATE INDEX deficiencies_newest ON deficiencies (workspace_id, opened_at DESC, id DESC);

CREATE FUNCTION deficiency_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status = 'closed' THEN
    RAISE EXCEPTION 'deficiency_closed: what is closed stays as it was closed' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deficiency_moves BEFORE UPDATE ON deficiencies FOR EACH ROW EXECUTE FUNCTION deficiency_moves();
CREATE TRIGGER append_only BEFORE DELETE ON deficiencies FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON deficiencies FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON deficiencies TO hivekey_app;
GRANT UPDATE (status, severity, record_ids, owner_id, due_at, remediation, compensating, remark, failed_run, failed_at, closed_at,
              closed_by_run, closed_by, close_reason, updated_at) ON deficiencies TO hivekey_app;

-- A control that does not apply: one person asks with a reason, another agrees, and it ends.
CREATE TABLE control_exemptions (
  workspace_id    text NOT NULL REFERENCES workspaces(id),
  id              text NOT NULL,
  control         text NOT NULL CHECK (control ~ '^AG-[0-9]{2}$'),
  reason          text NOT NULL,
  expires_at      timestamptz NOT NULL,
  status          text NOT NULL DEFAULT 'requested' CHECK (status IN ('requested', 'approved', 'refused', 'withdrawn')),
  requested_by_id text NOT NULL,
  requested_by    text NOT NULL,
  requested_at    timestamptz NOT NULL,
  answered_by_id  text,
  answered_by     text,
  answered_at     timestamptz,
  -- approved, and not needed any more
  ended_at        timestamptz,
  ended_by        text,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, requested_by_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, answered_by_id) REFERENCES people(workspace_id, id),
  CHECK (requested_at < expires_at),
  CHECK ((status = 'requested') = (answered_at IS NULL)),
  CHECK (status <> 'approved' OR answered_by_id <> requested_by_id)
);
CREATE UNIQUE INDEX control_exemptions_one ON control_exemptions (workspace_id, control) WHERE status = 'requested';
CREATE INDEX control_exemptions_newest ON control_exemptions (workspace_id, requested_at DESC, id DESC);
CREATE TRIGGER append_only BEFORE DELETE ON control_exemptions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON control_exemptions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON control_exemptions TO hivekey_app;
GRANT UPDATE (status, answered_by_id, answered_by, answered_at, ended_at, ended_by) ON control_exemptions TO hivekey_app;
