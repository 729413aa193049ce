-- Somebody decides about held calls for somebody else, for a time; and people are told once that a call still waits.

CREATE TABLE delegations (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  -- whose say it is, and who has it meanwhile
  from_id      text NOT NULL,
  to_id        text NOT NULL,
  -- capabilities, `crm.*`; null: all
  capabilities text[] CHECK (cardinality(capabilities) > 0),
  reason       text NOT NULL,
  starts_at    timestamptz NOT NULL,
  ends_at      timestamptz NOT NULL,
  created_at   timestamptz NOT NULL,
  created_by   text NOT NULL,
  -- before its time
  ended_at     timestamptz,
  ended_by     text,
  ended_reason text,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, from_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, to_id) REFERENCES people(workspace_id, id),
  CHECK (from_id <> to_id),
  CHECK (starts_at >= created_at AND ends_at > starts_at AND ends_at <= starts_at + interval '30 days'),
  CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX delegations_open ON delegations (workspace_id, ends_at) WHERE ended_at IS NULL;
CREATE INDEX delegations_newest ON delegations (workspace_id, created_at DESC, id DESC);

-- What was handed over does not grow or last longer: it is ended, once, and another is made.
CREATE FUNCTION delegation_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.ended_at IS NOT NULL
     OR (to_jsonb(OLD) - ARRAY['ended_at', 'ended_by', 'ended_reason'])
        IS DISTINCT FROM (to_jsonb(NEW) - ARRAY['ended_at', 'ended_by', 'ended_reason']) THEN
    RAISE EXCEPTION 'delegation_fixed: a delegation does not change, it ends' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER delegation_ends BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION delegation_ends();
GRANT SELECT, INSERT, UPDATE ON delegations TO hivekey_app;

-- For whom it was decided; null: in the person's own name.
ALTER TABLE approval_decisions
  ADD COLUMN on_behalf_of_id text,
  ADD COLUMN on_behalf_of    text,
  ADD COLUMN delegation_id   text,
  ADD FOREIGN KEY (workspace_id, on_behalf_of_id) REFERENCES people(workspace_id, id),
  ADD FOREIGN KEY (workspace_id, delegation_id) REFERENCES delegations(workspace_id, id),
  ADD CHECK (on_behalf_of_id <> person_id),
  ADD CHECK ((on_behalf_of_id IS NULL) = (delegation_id IS NULL) AND (on_behalf_of_id IS NULL) = (on_behalf_of IS NULL));

-- One person is in one approving decision, whichever of the two it is there; the approval's row is locked meanwhile.
CREATE FUNCTION approval_one_voice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM approval_decisions d
              WHERE d.workspace_id = NEW.workspace_id AND d.approval_id = NEW.approval_id AND d.decision = 'approve'
                AND ARRAY[d.person_id, d.on_behalf_of_id] && ARRAY[NEW.person_id, NEW.on_behalf_of_id]) THEN
    RAISE EXCEPTION 'approval_one_voice: one person fills one place' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER approval_one_voice BEFORE INSERT ON approval_decisions
  FOR EACH ROW WHEN (NEW.decision = 'approve') EXECUTE FUNCTION approval_one_voice();

-- Who is told, and when, that a call of these capabilities still waits; the narrowest that covers it counts.
CREATE TABLE approval_reminders (
  workspace_id           text NOT NULL REFERENCES workspaces(id),
  capability             text NOT NULL,
  remind_after_seconds   integer CHECK (remind_after_seconds > 0),
  escalate_after_seconds integer CHECK (escalate_after_seconds > 0),
  -- groups, and e-mails of people
  escalate_to            text[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (workspace_id, capability),
  CHECK ((escalate_after_seconds IS NULL) = (cardinality(escalate_to) = 0)),
  CHECK (remind_after_seconds IS NOT NULL OR escalate_after_seconds IS NOT NULL)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON approval_reminders TO hivekey_app;

-- That they were told. The key is why it happens once, on however many nodes.
CREATE TABLE approval_notices (
  workspace_id text NOT NULL,
  approval_id  text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('reminded', 'escalated')),
  at           timestamptz NOT NULL,
  event_id     text NOT NULL,
  PRIMARY KEY (workspace_id, approval_id, kind),
  FOREIGN KEY (workspace_id, approval_id) REFERENCES approvals(workspace_id, id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON approval_notices FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON approval_notices FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON approval_notices TO hivekey_app;
