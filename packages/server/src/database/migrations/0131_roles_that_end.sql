-- A key of somebody who has had roles does no more than the roles they have now, also when those are none any more.
ALTER TABLE people ADD COLUMN had_role boolean NOT NULL DEFAULT false;

CREATE FUNCTION note_roles_that_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.had_role := cardinality(OLD.roles) > 0 OR EXISTS (
    SELECT FROM group_roles g WHERE g.workspace_id = OLD.workspace_id AND g."group" = ANY(OLD.groups));
  RETURN NEW;
END $$;

CREATE TRIGGER roles_that_end BEFORE UPDATE OF roles, groups ON people FOR EACH ROW
  WHEN (NOT OLD.had_role AND (OLD.roles <> NEW.roles OR OLD.groups <> NEW.groups))
  EXECUTE FUNCTION note_roles_that_end();
