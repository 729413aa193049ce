-- What an agent was made of and which roles it had, at any instant; until when it may act; when it first did.

ALTER TABLE agents
  -- of what it is made of; 0: nothing was ever declared
  ADD COLUMN version integer NOT NULL DEFAULT 0,
  -- from then on it does nothing; null: no end is set
  ADD COLUMN valid_until timestamptz,
  -- the end that was warned of, and the one that was written down when it came
  ADD COLUMN warned_of timestamptz,
  ADD COLUMN expired_of timestamptz,
  -- the first action after the first credential, as far as the log is projected
  ADD COLUMN first_action_at timestamptz,
  ADD COLUMN dormant_since timestamptz,
  DROP CONSTRAINT agents_times,
  ADD CONSTRAINT agents_times CHECK (
    requested_at <= approved_at AND approved_at <= created_at AND created_at <= first_credential_at
    AND first_credential_at <= first_action_at),
  ADD CONSTRAINT agents_first_action CHECK (first_action_at IS NULL OR first_credential_at IS NOT NULL);
-- Of few agents each, and none is of use to a statement that does not ask for it.
CREATE INDEX agents_ending ON agents (valid_until) WHERE valid_until IS NOT NULL;
CREATE INDEX agents_dormant ON agents (dormant_since) WHERE dormant_since IS NOT NULL;
CREATE INDEX agents_not_acted ON agents (first_credential_at) WHERE first_action_at IS NULL AND first_credential_at IS NOT NULL;

-- What has happened has happened.
CREATE FUNCTION agent_times_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'agent_times: times of an agent are written once' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER agent_times_fixed
  BEFORE UPDATE OF created_at, request_id, requested_at, approved_at, approved_by, first_credential_at, first_action_at ON agents
  FOR EACH ROW WHEN (
    (NEW.created_at, NEW.request_id, NEW.requested_at, NEW.approved_at, NEW.approved_by)
       IS DISTINCT FROM (OLD.created_at, OLD.request_id, OLD.requested_at, OLD.approved_at, OLD.approved_by)
    OR (OLD.first_credential_at IS NOT NULL AND NEW.first_credential_at IS DISTINCT FROM OLD.first_credential_at)
    OR (OLD.first_action_at IS NOT NULL AND NEW.first_action_at IS DISTINCT FROM OLD.first_action_at))
  EXECUTE FUNCTION agent_times_fixed();

-- Model, prompt version, tools and the like: each change is a version.
CREATE TABLE agent_versions (
  workspace_id text NOT NULL,
  agent_id     text NOT NULL,
  version      integer NOT NULL CHECK (version > 0),
  attributes   jsonb NOT NULL,
  -- of the RFC 8785 form of the attributes, as `sha256:<hex>`
  sha256       text NOT NULL,
  author       text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, agent_id, version),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id)
);
CREATE FUNCTION agent_version_gapless() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version <> 1 + coalesce((SELECT max(version) FROM agent_versions
                                   WHERE workspace_id = NEW.workspace_id AND agent_id = NEW.agent_id), 0) THEN
    RAISE EXCEPTION 'agent_versions: version % is not the next one', NEW.version USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER gapless BEFORE INSERT ON agent_versions FOR EACH ROW EXECUTE FUNCTION agent_version_gapless();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON agent_versions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON agent_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON agent_versions TO hivekey_app;

-- Every role that an agent was given or that was taken from it.
CREATE TABLE agent_role_history (
  workspace_id text NOT NULL,
  agent_id     text NOT NULL,
  number       bigint GENERATED ALWAYS AS IDENTITY,
  role         text NOT NULL,
  granted_at   timestamptz NOT NULL,
  granted_by   text NOT NULL,
  removed_at   timestamptz CHECK (granted_at <= removed_at),
  -- null although it was removed: whichever code did it did not say for whom
  removed_by   text,
  PRIMARY KEY (workspace_id, agent_id, number),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id)
);
CREATE UNIQUE INDEX agent_role_worn ON agent_role_history (agent_id, role, workspace_id) WHERE removed_at IS NULL;
-- Roles that were taken before this was written down are not here.
INSERT INTO agent_role_history (workspace_id, agent_id, role, granted_at, granted_by)
SELECT r.workspace_id, r.agent_id, r.role, r.granted_at, r.granted_by
  FROM agent_roles r JOIN agents a ON a.workspace_id = r.workspace_id AND a.id = r.agent_id AND a.rehearsal_id IS NULL
 ORDER BY r.granted_at, r.position;

CREATE FUNCTION agent_role_history_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.removed_at IS NOT NULL
     OR to_jsonb(OLD) - ARRAY['removed_at', 'removed_by'] IS DISTINCT FROM to_jsonb(NEW) - ARRAY['removed_at', 'removed_by'] THEN
    RAISE EXCEPTION 'append_only: what an agent wore stays written' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ends_once BEFORE UPDATE ON agent_role_history FOR EACH ROW EXECUTE FUNCTION agent_role_history_ends();
CREATE TRIGGER append_only BEFORE DELETE ON agent_role_history FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON agent_role_history FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT, UPDATE ON agent_role_history TO hivekey_app;

-- Whichever code does it. Who takes a role away says so with set_config('hivekey.actor', …, true).
CREATE FUNCTION agent_role_given() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO agent_role_history (workspace_id, agent_id, role, granted_at, granted_by)
  SELECT NEW.workspace_id, NEW.agent_id, NEW.role, NEW.granted_at, NEW.granted_by FROM agents a
   WHERE a.workspace_id = NEW.workspace_id AND a.id = NEW.agent_id AND a.rehearsal_id IS NULL;
  RETURN NULL;
END $$;
CREATE FUNCTION agent_role_taken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE agent_role_history
     SET removed_at = greatest(granted_at, clock_timestamp()), removed_by = nullif(current_setting('hivekey.actor', true), '')
   WHERE workspace_id = OLD.workspace_id AND agent_id = OLD.agent_id AND role = OLD.role AND removed_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER agent_role_given AFTER INSERT ON agent_roles FOR EACH ROW EXECUTE FUNCTION agent_role_given();
CREATE TRIGGER agent_role_taken AFTER DELETE ON agent_roles FOR EACH ROW EXECUTE FUNCTION agent_role_taken();

-- What agents/settings.ts says where there is no row.
ALTER TABLE agent_settings
  ADD COLUMN dormant_days integer NOT NULL DEFAULT 90 CHECK (dormant_days > 0),
  ADD COLUMN suspend_dormant boolean NOT NULL DEFAULT false,
  ADD COLUMN warn_days integer NOT NULL DEFAULT 14 CHECK (warn_days > 0);
