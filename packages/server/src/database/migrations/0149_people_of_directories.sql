-- Which groups of a directory people are in is for the directory to say, for thousands at once: it is no part of what is
-- under change control, and moving them touches nothing that is.
CREATE FUNCTION note_touched_people() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE touched text;
        names text[] := ARRAY(SELECT d.name FROM directory_groups d WHERE d.workspace_id = (SELECT workspace_id FROM changed LIMIT 1));
BEGIN
  SELECT string_agg(json_build_array('person_authority', n.id)::text, E'\n') INTO touched
    FROM changed n JOIN former o ON o.workspace_id = n.workspace_id AND o.id = n.id
   WHERE (n.authority, n.roles, n.deleted_at) IS DISTINCT FROM (o.authority, o.roles, o.deleted_at)
      OR (n.groups <> o.groups
          AND ARRAY(SELECT g FROM unnest(n.groups) g WHERE g <> ALL (names) ORDER BY g)
           <> ARRAY(SELECT g FROM unnest(o.groups) g WHERE g <> ALL (names) ORDER BY g));
  IF touched IS NOT NULL THEN
    PERFORM set_config('hivekey.touched', concat_ws(E'\n', nullif(current_setting('hivekey.touched', true), ''), touched), true);
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER note_updated ON people;
CREATE TRIGGER note_updated AFTER UPDATE ON people REFERENCING OLD TABLE AS former NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_touched_people();

-- What was kept by hand under a name that a directory takes, or lets go of, is another thing from then on.
CREATE FUNCTION note_touched_by_groups() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE touched text;
BEGIN
  -- Each move of a member is an update of its group, and none of its name.
  IF TG_OP = 'UPDATE' THEN
    IF NOT EXISTS (SELECT FROM changed c JOIN former f ON f.workspace_id = c.workspace_id AND f.id = c.id WHERE f.name <> c.name) THEN
      RETURN NULL;
    END IF;
  END IF;
  SELECT string_agg(DISTINCT json_build_array('person_authority', p.id)::text, E'\n') INTO touched
    FROM changed c JOIN people p ON p.workspace_id = c.workspace_id AND c.name = ANY (p.groups)
   WHERE NOT EXISTS (SELECT FROM directory_group_members m
                      WHERE m.workspace_id = c.workspace_id AND m.group_id = c.id AND m.person_id = p.id);
  IF touched IS NOT NULL THEN
    PERFORM set_config('hivekey.touched', concat_ws(E'\n', nullif(current_setting('hivekey.touched', true), ''), touched), true);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note_inserted AFTER INSERT ON directory_groups REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_touched_by_groups();
CREATE TRIGGER note_updated AFTER UPDATE ON directory_groups REFERENCING OLD TABLE AS former NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_touched_by_groups();
CREATE TRIGGER note_deleted AFTER DELETE ON directory_groups REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_touched_by_groups();
