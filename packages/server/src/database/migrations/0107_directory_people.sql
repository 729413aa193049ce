-- People as a directory provides them over SCIM; see docs/reference/scim.md.

ALTER TABLE people
  -- the directory's name and id of the person: the name in any case, the id exactly
  ADD COLUMN user_name   text,
  ADD COLUMN external_id text,
  -- what else the directory says, by the names of RFC 7643
  ADD COLUMN attributes  jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN manager_id  text,
  -- the SCIM connection that wrote the person last; without one the person is kept by hand
  ADD COLUMN directory   text,
  -- of what the directory sees; grows with each change of it
  ADD COLUMN version     bigint NOT NULL DEFAULT 1,
  ADD COLUMN modified_at timestamptz NOT NULL DEFAULT now(),
  -- gone for the directory; the history stays, and so does the row
  ADD COLUMN deleted_at  timestamptz,
  ADD CHECK (deleted_at IS NULL OR NOT active),
  ADD FOREIGN KEY (workspace_id, manager_id) REFERENCES people(workspace_id, id);

UPDATE people SET user_name = email,
       attributes = jsonb_build_object('emails', jsonb_build_array(
         jsonb_build_object('value', email, 'type', 'work', 'primary', true)));
ALTER TABLE people ALTER COLUMN user_name SET NOT NULL;

-- Of a person who is gone, e-mail and user name may be somebody else's.
ALTER TABLE people DROP CONSTRAINT people_workspace_id_email_key;
CREATE UNIQUE INDEX people_email ON people (workspace_id, email) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX people_user_name ON people (workspace_id, lower(user_name)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX people_external_id ON people (workspace_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX people_created ON people (workspace_id, created_at, id) WHERE deleted_at IS NULL;

-- Whoever writes: people who were added otherwise can be found by the directory, and no change keeps an old version.
CREATE FUNCTION keep_people_for_directories() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.user_name := coalesce(NEW.user_name, NEW.email);
    IF NEW.attributes = '{}' THEN
      NEW.attributes := jsonb_build_object('emails', jsonb_build_array(
        jsonb_build_object('value', NEW.email, 'type', 'work', 'primary', true)));
    END IF;
  ELSIF (NEW.user_name, NEW.external_id, NEW.email, NEW.display_name, NEW.active, NEW.attributes, NEW.groups, NEW.deleted_at)
        IS DISTINCT FROM
        (OLD.user_name, OLD.external_id, OLD.email, OLD.display_name, OLD.active, OLD.attributes, OLD.groups, OLD.deleted_at) THEN
    NEW.version := OLD.version + 1;
    NEW.modified_at := clock_timestamp();
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER people_for_directories BEFORE INSERT OR UPDATE ON people
  FOR EACH ROW EXECUTE FUNCTION keep_people_for_directories();
