-- Who is accountable for agents and who stands in for them; and what cannot be, whichever code writes: an active agent
-- whose owner is not an active person.

-- Before it is forbidden: what stood like that is stopped, and its tokens with it.
UPDATE agent_state s
   SET status = 'suspended', owner_left = true, revision = s.revision + 1, authz_epoch = s.authz_epoch + 1,
       authz_cutoff = clock_timestamp()
  FROM agents a JOIN people p ON p.workspace_id = a.workspace_id AND p.id = a.owner_id
 WHERE s.workspace_id = a.workspace_id AND s.agent_id = a.id AND s.status = 'active' AND NOT p.active;

-- The id leads in what is made here: an index that begins with the workspace is taken, before there are statistics, for
-- statements that are found by their ids alone, and reads all of the workspace.
ALTER TABLE people ADD CONSTRAINT people_active UNIQUE (id, workspace_id, active);
ALTER TABLE agents ADD CONSTRAINT agents_owned UNIQUE (id, workspace_id, owner_id);
ALTER TABLE agent_state
  -- that of the agent: the key below keeps the two the same
  ADD COLUMN owner_id text,
  -- what the owner must be, for the key below; null asks for nothing
  ADD COLUMN owner_must_be_active boolean GENERATED ALWAYS AS (CASE WHEN status = 'active' THEN true END) STORED;
UPDATE agent_state s SET owner_id = a.owner_id FROM agents a WHERE a.workspace_id = s.workspace_id AND a.id = s.agent_id;
-- Keys, and no triggers of our own: they hold at every isolation level, between transactions that do not see each other.
ALTER TABLE agent_state
  ALTER COLUMN owner_id SET NOT NULL,
  ADD CONSTRAINT agent_state_owner FOREIGN KEY (workspace_id, agent_id, owner_id)
    REFERENCES agents (workspace_id, id, owner_id) ON UPDATE CASCADE,
  ADD CONSTRAINT agent_owner_active FOREIGN KEY (workspace_id, owner_id, owner_must_be_active)
    REFERENCES people (workspace_id, id, active);
CREATE INDEX agent_state_owners ON agent_state (owner_id);

CREATE FUNCTION agent_state_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT a.owner_id INTO NEW.owner_id FROM agents a WHERE a.workspace_id = NEW.workspace_id AND a.id = NEW.agent_id;
  RETURN NEW;
END $$;
CREATE TRIGGER agent_state_owner BEFORE INSERT ON agent_state FOR EACH ROW EXECUTE FUNCTION agent_state_owner();

-- What was issued before a stop stays dead.
CREATE FUNCTION agent_epoch_falls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'agent_epoch: epoch and cutoff of an agent only grow' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER agent_epoch_falls BEFORE UPDATE OF authz_epoch, authz_cutoff ON agent_state FOR EACH ROW
  WHEN (NEW.authz_epoch < OLD.authz_epoch OR (OLD.authz_cutoff IS NOT NULL AND (NEW.authz_cutoff >= OLD.authz_cutoff) IS NOT TRUE))
  EXECUTE FUNCTION agent_epoch_falls();

-- Every owner that an agent has had.
CREATE TABLE ownership_history (
  workspace_id text NOT NULL,
  agent_id     text NOT NULL,
  -- in the order of the changes
  number       bigint GENERATED ALWAYS AS IDENTITY,
  -- null: the first one
  from_id      text,
  to_id        text NOT NULL,
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor        text NOT NULL,
  reason       text NOT NULL DEFAULT '',
  -- when the new owner said yes; null: nobody was asked
  accepted_at  timestamptz,
  transfer_id  text,
  PRIMARY KEY (workspace_id, agent_id, number),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  FOREIGN KEY (workspace_id, from_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, to_id) REFERENCES people(workspace_id, id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ownership_history FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ownership_history FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON ownership_history TO hivekey_app;

-- The first owner, however the agent came about: who makes an agent their own has accepted it with that.
CREATE FUNCTION agent_first_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO ownership_history (workspace_id, agent_id, to_id, at, actor, accepted_at)
  SELECT NEW.workspace_id, NEW.id, NEW.owner_id, NEW.created_at, NEW.created_by,
         CASE WHEN EXISTS (SELECT FROM people p WHERE p.workspace_id = NEW.workspace_id AND p.id = NEW.owner_id
                              AND NEW.created_by = 'person:' || p.email)
                OR EXISTS (SELECT FROM admin_keys k WHERE k.workspace_id = NEW.workspace_id AND k.person_id = NEW.owner_id
                              AND NEW.created_by = 'key:' || k.name)
              THEN NEW.created_at END;
  RETURN NULL;
END $$;
CREATE TRIGGER agent_first_owner AFTER INSERT ON agents
  FOR EACH ROW WHEN (NEW.rehearsal_id IS NULL) EXECUTE FUNCTION agent_first_owner();
-- What came before was not written down.
INSERT INTO ownership_history (workspace_id, agent_id, to_id, at, actor)
SELECT workspace_id, id, owner_id, created_at, created_by FROM agents WHERE rehearsal_id IS NULL;

-- Who stands in for the owner: people and groups. They may suspend and are asked to take over; they are not accountable.
CREATE TABLE agent_deputies (
  workspace_id text NOT NULL,
  agent_id     text NOT NULL,
  person_id    text,
  "group"      text,
  added_by     text NOT NULL,
  added_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id),
  UNIQUE NULLS NOT DISTINCT (workspace_id, agent_id, person_id, "group"),
  CHECK ((person_id IS NULL) <> ("group" IS NULL))
);
CREATE INDEX agent_deputies_person ON agent_deputies (workspace_id, person_id) WHERE person_id IS NOT NULL;
GRANT SELECT, INSERT, DELETE ON agent_deputies TO hivekey_app;

-- A workspace without a row has what departures/settings.ts says.
CREATE TABLE ownership_settings (
  workspace_id         text PRIMARY KEY REFERENCES workspaces(id),
  acceptance_required  boolean NOT NULL,
  transfer_hours       integer NOT NULL CHECK (transfer_hours > 0),
  remind_after_hours   integer NOT NULL CHECK (remind_after_hours > 0),
  escalate_after_hours integer NOT NULL CHECK (escalate_after_hours > 0),
  -- groups, and e-mails of people
  escalate_to          text[] NOT NULL,
  author               text NOT NULL,
  updated_at           timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT, UPDATE ON ownership_settings TO hivekey_app;
