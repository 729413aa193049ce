-- What decides, under change control: every content that a controlled object ever had, numbered without gaps.

CREATE TABLE object_versions (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  object_type  text NOT NULL,
  object_id    text NOT NULL,
  version      integer NOT NULL CHECK (version > 0),
  -- of the RFC 8785 form of the document, as `sha256:<hex>`; null with it: from this version on there is none
  sha256       text,
  document     json,
  -- on what ground it came: an approved change, an edit where changes are not reviewed, …
  basis        text NOT NULL,
  change_id    text,
  author       text NOT NULL,
  authored_at  timestamptz NOT NULL,
  activated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- the record of it, which holds the hash too
  event_id     text NOT NULL,
  PRIMARY KEY (workspace_id, object_type, object_id, version),
  CHECK ((sha256 IS NULL) = (document IS NULL)),
  CHECK ((change_id IS NULL) = (basis <> 'change'))
);
CREATE INDEX object_versions_change ON object_versions (workspace_id, change_id) WHERE change_id IS NOT NULL;

CREATE FUNCTION object_version_gapless() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version <> 1 + coalesce((SELECT max(version) FROM object_versions
                                   WHERE workspace_id = NEW.workspace_id AND object_type = NEW.object_type
                                     AND object_id = NEW.object_id), 0) THEN
    RAISE EXCEPTION 'object_versions: version % is not the next one', NEW.version USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER gapless BEFORE INSERT ON object_versions FOR EACH ROW EXECUTE FUNCTION object_version_gapless();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON object_versions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON object_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON object_versions TO hivekey_app;

-- Whether changes of what decides are reviewed, and of which types; `types` null: all of them.
CREATE TABLE change_settings (
  workspace_id text PRIMARY KEY REFERENCES workspaces(id),
  mode         text NOT NULL DEFAULT 'direct' CHECK (mode IN ('direct', 'reviewed')),
  types        text[],
  settings     jsonb NOT NULL DEFAULT '{}',
  author       text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT, UPDATE ON change_settings TO hivekey_app;

-- Which objects a transaction has touched, so that no way of changing one can forget to store its version. A setting
-- of the transaction, `["type","id"]` a line: it is gone with it, and a statement that touches many adds them once.
CREATE FUNCTION note_touched() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE touched text;
BEGIN
  EXECUTE format($q$SELECT string_agg(DISTINCT json_build_array(%L, %s)::text, E'\n') FROM changed$q$, TG_ARGV[0], TG_ARGV[1])
    INTO touched;
  IF touched IS NOT NULL THEN
    PERFORM set_config('hivekey.touched', concat_ws(E'\n', nullif(current_setting('hivekey.touched', true), ''), touched), true);
  END IF;
  RETURN NULL;
END $$;

DO $$
DECLARE each record;
BEGIN
  FOR each IN SELECT * FROM (VALUES
    ('roles', 'role', 'name'),
    ('workspace_guard_revisions', 'workspace_guards', '''*'''),
    ('capabilities', 'capability', 'name'),
    ('freezes', 'freeze', 'name'),
    ('source_revisions', 'sources', '''*'''),
    ('agent_roles', 'assignment', 'agent_id'),
    ('mcp_servers', 'mcp_server', 'namespace'),
    ('http_apis', 'http_api', 'namespace'),
    ('mcp_definitions', 'definition', 'capability'),
    ('http_operations', 'definition', 'capability'),
    ('people', 'person_authority', 'id'),
    ('breakers', 'breaker', 'name'),
    ('approval_reminders', 'approval_reminders', '''*'''),
    ('agent_settings', 'agent_settings', '''*'''),
    ('containment_settings', 'containment_settings', '''*'''),
    ('change_settings', 'change_settings', '''*''')) AS t (of, type, id)
  LOOP
    EXECUTE format('CREATE TRIGGER note_inserted AFTER INSERT ON %I REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_touched(%L, %L)', each.of, each.type, each.id);
    EXECUTE format('CREATE TRIGGER note_updated AFTER UPDATE ON %I REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_touched(%L, %L)', each.of, each.type, each.id);
    EXECUTE format('CREATE TRIGGER note_deleted AFTER DELETE ON %I REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_touched(%L, %L)', each.of, each.type, each.id);
  END LOOP;
END $$;
-- Who has no role yet is an object too.
CREATE TRIGGER note_inserted AFTER INSERT ON agents REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_touched('assignment', 'id');
