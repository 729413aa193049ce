-- A payload can leave the log; its hash, its link and its place in the tree stay. What may leave, a record of the log says
-- (`log.pruned`, `log.redacted`), and the database holds every removal against that record: whoever removes, and whatever
-- the code above believes. See docs/reference/retention.md and docs/decisions/0025-payloads-leave-hashes-stay.md.

-- How many of its records are gone. The place of such a record among the line feeds of `records` is empty.
ALTER TABLE log_blocks ADD COLUMN absent integer NOT NULL DEFAULT 0 CHECK (absent BETWEEN 0 AND count);

-- When a block was sealed is the database's word alone: the age of what is pruned is counted from it.
REVOKE INSERT ON log_seals FROM hivekey_app;
GRANT INSERT (workspace_id, shard_id, block, first_global_seq, count) ON log_seals TO hivekey_app;

-- A record as it stands in the signed log. Fails with `log_record_missing` unless it is sealed, covered by a checkpoint,
-- and the one that was hashed.
CREATE FUNCTION log_record_at(workspace text, at bigint) RETURNS json LANGUAGE plpgsql STABLE
SET search_path = public, pg_temp AS $$
DECLARE
  held record;
  line text;
BEGIN
  SELECT s.first_global_seq AS first, b.records, b.entry_hashes INTO held
    FROM log_seals s JOIN log_blocks b USING (workspace_id, shard_id, block)
   WHERE s.workspace_id = workspace AND s.first_global_seq <= at AND at < s.first_global_seq + s.count
   ORDER BY s.first_global_seq DESC LIMIT 1;
  line := split_part(convert_from(held.records, 'UTF8'), E'\n', (at - held.first + 1)::int);
  IF coalesce(line, '') = ''
     OR sha256('\x00'::bytea || convert_to(line, 'UTF8')) <> substring(held.entry_hashes FROM ((at - held.first) * 32 + 1)::int FOR 32)
     OR NOT EXISTS (SELECT FROM log_checkpoints WHERE workspace_id = workspace AND tree_size >= at) THEN
    RAISE EXCEPTION 'log_record_missing: the signed log has no record % of %', at, workspace USING ERRCODE = '42501';
  END IF;
  RETURN line::json;
END $$;

-- `1-120,123`: numbers of entries, ascending.
CREATE FUNCTION log_runs(runs text) RETURNS int8multirange LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
  SELECT range_agg(int8range(split_part(run, '-', 1)::bigint, split_part(run, '-', -1)::bigint + 1))
    FROM unnest(string_to_array(runs, ',')) AS run
$$;

CREATE TABLE legal_holds (
  workspace_id   text NOT NULL REFERENCES workspaces(id),
  id             text NOT NULL,
  -- `evidence`: a period that an auditor is going to ask about
  kind           text NOT NULL CHECK (kind IN ('legal', 'evidence')),
  matter         text NOT NULL,
  reason         text NOT NULL,
  -- what it holds: all of agent, owner, session, run, from, to that are given
  scope          jsonb NOT NULL CHECK (scope <> '{}'),
  -- it ends by itself then; null: when somebody releases it
  until          timestamptz,
  placed_by      text NOT NULL,
  placed_by_id   text NOT NULL,
  placed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  event_id       text NOT NULL,
  -- the record of the log by which it was released
  release_seq    bigint,
  released_by    text,
  released_by_id text,
  release_reason text,
  released_at    timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, placed_by_id) REFERENCES people(workspace_id, id),
  CHECK (released_by_id <> placed_by_id),
  CHECK ((release_seq IS NULL) = (released_at IS NULL))
);
CREATE INDEX legal_holds_newest ON legal_holds (workspace_id, placed_at DESC, id DESC);
GRANT SELECT, INSERT (workspace_id, id, kind, matter, reason, scope, until, placed_by, placed_by_id, event_id) ON legal_holds TO hivekey_app;
GRANT UPDATE (release_seq) ON legal_holds TO hivekey_app;

-- A hold never changes but by its release, which is what the signed log says: by another person than placed it.
CREATE FUNCTION legal_hold_released() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  said json;
BEGIN
  IF OLD.release_seq IS NOT NULL OR NEW.release_seq IS NULL
     OR (to_jsonb(NEW) - 'release_seq') IS DISTINCT FROM (to_jsonb(OLD) - 'release_seq') THEN
    RAISE EXCEPTION 'legal_hold_bound: a hold changes by its release alone' USING ERRCODE = '42501';
  END IF;
  said := log_record_at(NEW.workspace_id, NEW.release_seq);
  IF said ->> 'kind' <> 'hold.released' OR said ->> 'hold_id' <> OLD.id
     OR coalesce(said ->> 'person_id', OLD.placed_by_id) = OLD.placed_by_id THEN
    RAISE EXCEPTION 'legal_hold_bound: entry % does not release %', NEW.release_seq, OLD.id USING ERRCODE = '42501';
  END IF;
  NEW.released_by := said ->> 'actor';
  NEW.released_by_id := said ->> 'person_id';
  NEW.release_reason := said ->> 'reason';
  NEW.released_at := clock_timestamp();
  RETURN NEW;
END $$;
CREATE TRIGGER released BEFORE UPDATE ON legal_holds FOR EACH ROW EXECUTE FUNCTION legal_hold_released();
CREATE TRIGGER append_only BEFORE DELETE ON legal_holds FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON legal_holds FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION log_holds_in_force(workspace text) RETURNS SETOF jsonb LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT scope FROM legal_holds
   WHERE workspace_id = workspace AND released_at IS NULL AND (until IS NULL OR until > clock_timestamp())
$$;

-- Whether a hold with this scope holds the record. What a redaction has left of a record is held as the record was.
CREATE FUNCTION log_holds(scope jsonb, whole json) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
  SELECT (scope ->> 'agent' IS NULL OR r ->> 'agent_id' = scope ->> 'agent')
     AND (scope ->> 'owner' IS NULL OR r ->> 'owner' = scope ->> 'owner')
     AND (scope ->> 'session' IS NULL OR r ->> 'session_id' = scope ->> 'session')
     AND (scope ->> 'run' IS NULL OR r ->> 'run_id' = scope ->> 'run')
     -- both are UTC in one form, so that text orders as time does
     AND (scope ->> 'from' IS NULL OR r ->> 'ts' COLLATE "C" >= scope ->> 'from')
     AND (scope ->> 'to' IS NULL OR r ->> 'ts' COLLATE "C" < scope ->> 'to')
    FROM (SELECT coalesce(whole -> 'remains', whole) AS r) AS subject
$$;

-- Which records of the log let payloads go, read from the log itself: all but the first two columns is what that says.
CREATE TABLE log_absences (
  workspace_id    text NOT NULL REFERENCES workspaces(id),
  seq             bigint NOT NULL,
  event_id        text NOT NULL,
  kind            text NOT NULL,
  entries         int8multirange NOT NULL,
  ts              text NOT NULL,
  workspace       text NOT NULL,
  env             text NOT NULL,
  -- of a redaction, whose subject is the first of the entries: what is left of the record, until that falls out of retention too; and what was taken out
  remains         json,
  removed         text[],
  -- payloads up to this entry are gone
  removed_through bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, seq)
);
CREATE UNIQUE INDEX log_absences_event ON log_absences (workspace_id, event_id);
GRANT SELECT, INSERT (workspace_id, seq) ON log_absences TO hivekey_app;

-- Nothing younger is ever pruned, whatever a workspace sets: windows and budgets are compared with the log over 31 days.
CREATE FUNCTION log_youngest_pruned() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '35 days' $$;

CREATE FUNCTION log_absence_recorded() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  said json := log_record_at(NEW.workspace_id, NEW.seq);
  counted bigint;
BEGIN
  NEW.event_id := said ->> 'event_id';
  NEW.kind := said ->> 'kind';
  NEW.entries := log_runs(said ->> 'entries');
  NEW.ts := said ->> 'ts';
  NEW.workspace := said ->> 'workspace';
  NEW.env := said ->> 'env';
  NEW.remains := said -> 'remains';
  NEW.removed := ARRAY(SELECT json_array_elements_text(said -> 'removed') WHERE said -> 'removed' IS NOT NULL);
  NEW.removed_through := 0;
  SELECT sum(upper(r) - lower(r)) INTO counted FROM unnest(NEW.entries) AS r;
  IF NEW.kind NOT IN ('log.pruned', 'log.redacted') OR NEW.entries IS NULL OR counted <> (said ->> 'count')::bigint
     OR lower(NEW.entries) < 1 OR upper(NEW.entries) > NEW.seq THEN
    RAISE EXCEPTION 'log_absence: entry % lets nothing go', NEW.seq USING ERRCODE = '42501';
  END IF;
  -- Entries are sealed in their order, so the last one is the youngest.
  IF NEW.kind = 'log.pruned' AND (SELECT sealed_at FROM log_seals
       WHERE workspace_id = NEW.workspace_id AND first_global_seq < upper(NEW.entries)
       ORDER BY first_global_seq DESC LIMIT 1) > clock_timestamp() - log_youngest_pruned() THEN
    RAISE EXCEPTION 'log_absence: entry % prunes what is too young', NEW.seq USING ERRCODE = '42501';
  END IF;
  IF NEW.kind = 'log.redacted' AND coalesce(said ->> 'requested_by_id' = said ->> 'approved_by_id', true) THEN
    RAISE EXCEPTION 'log_absence: entry % is not by two people', NEW.seq USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER recorded BEFORE INSERT ON log_absences FOR EACH ROW EXECUTE FUNCTION log_absence_recorded();

CREATE FUNCTION log_absence_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (to_jsonb(NEW) - ARRAY['removed_through', 'remains']) IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['removed_through', 'remains'])
     OR NEW.removed_through < OLD.removed_through
     OR (NEW.remains IS NOT NULL AND NEW.remains::text IS DISTINCT FROM OLD.remains::text) THEN
    RAISE EXCEPTION 'append_only: what a record of the log says does not change' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER goes_on BEFORE UPDATE ON log_absences FOR EACH ROW EXECUTE FUNCTION log_absence_goes_on();
CREATE TRIGGER append_only BEFORE DELETE ON log_absences FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON log_absences FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The lines of a block. An empty text has one line, not none.
CREATE FUNCTION log_lines(records bytea) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN octet_length(records) = 0 THEN ARRAY[''] ELSE string_to_array(convert_from(records, 'UTF8'), E'\n') END
$$;

-- Also against the owner of the tables: of a block nothing changes, but that payloads go which a record of the log lets
-- go and no hold keeps.
CREATE FUNCTION log_block_loses() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  first bigint;
  before text[];
  after text[];
  let_go int8multirange;
  holds jsonb[];
  gone integer := 0;
BEGIN
  IF (to_jsonb(NEW) - ARRAY['records', 'absent']) IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['records', 'absent']) THEN
    RAISE EXCEPTION 'append_only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
  END IF;
  before := log_lines(OLD.records);
  after := log_lines(NEW.records);
  SELECT s.first_global_seq INTO first FROM log_seals s
   WHERE s.workspace_id = OLD.workspace_id AND s.shard_id = OLD.shard_id AND s.block = OLD.block;
  SELECT range_agg(a.entries) INTO let_go FROM log_absences a
   WHERE a.workspace_id = OLD.workspace_id AND a.entries && int8range(first, first + OLD.count);
  holds := ARRAY(SELECT log_holds_in_force(OLD.workspace_id));
  IF cardinality(before) <> OLD.count OR cardinality(after) <> OLD.count THEN
    RAISE EXCEPTION 'append_only: a block of % keeps its % places', OLD.shard_id, OLD.count USING ERRCODE = '42501';
  END IF;
  FOR n IN 1..OLD.count LOOP
    IF after[n] = '' THEN gone := gone + 1; END IF;
    CONTINUE WHEN after[n] = before[n];
    IF after[n] <> '' OR NOT coalesce(let_go @> (first + n - 1), false) THEN
      RAISE EXCEPTION 'append_only: no record of the log lets entry % go', first + n - 1 USING ERRCODE = '42501';
    END IF;
    IF EXISTS (SELECT FROM unnest(holds) AS scope WHERE log_holds(scope, before[n]::json)) THEN
      RAISE EXCEPTION 'append_only: entry % is held', first + n - 1 USING ERRCODE = '42501';
    END IF;
  END LOOP;
  IF NEW.absent <> gone THEN
    RAISE EXCEPTION 'append_only: % records are absent, not %', gone, NEW.absent USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER append_only ON log_blocks;
CREATE TRIGGER loses BEFORE UPDATE ON log_blocks FOR EACH ROW EXECUTE FUNCTION log_block_loses();
CREATE TRIGGER append_only BEFORE DELETE ON log_blocks FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Removes what the record `at` lets go, in some blocks more, and says up to which entry it is gone and whose payloads went
-- now. What a hold keeps stays. The one thing the application role can do to a block.
CREATE FUNCTION log_remove_payloads(log_of text, at bigint, blocks integer, OUT through bigint, OUT gone bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  absence log_absences;
  holds jsonb[] := ARRAY(SELECT log_holds_in_force(log_of));
  block record;
  lines text[];
  seen integer := 0;
  now_gone bigint[];
BEGIN
  SELECT * INTO absence FROM log_absences WHERE workspace_id = log_of AND seq = at FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'log_absence: no record % of the log lets anything go', at USING ERRCODE = '42501';
  END IF;
  through := absence.removed_through;
  gone := '{}';
  FOR block IN
    SELECT s.first_global_seq AS first, b.shard_id, b.block, b.count, b.records
      FROM log_seals s JOIN log_blocks b USING (workspace_id, shard_id, block)
     WHERE s.workspace_id = log_of AND s.first_global_seq < upper(absence.entries)
       AND s.first_global_seq >= coalesce((SELECT max(first_global_seq) FROM log_seals WHERE workspace_id = log_of
                                             AND first_global_seq <= greatest(through + 1, lower(absence.entries))), 1)
       AND int8range(s.first_global_seq, s.first_global_seq + s.count) && absence.entries
     ORDER BY s.first_global_seq LIMIT blocks
  LOOP
    SELECT array_agg(CASE WHEN absence.entries @> (block.first + n - 1)
                           AND NOT EXISTS (SELECT FROM unnest(holds) AS scope WHERE line <> '' AND log_holds(scope, line::json))
                          THEN '' ELSE line END ORDER BY n),
           array_agg(block.first + n - 1 ORDER BY n) FILTER (WHERE line <> '')
      INTO lines, now_gone FROM unnest(log_lines(block.records)) WITH ORDINALITY AS l (line, n);
    now_gone := ARRAY(SELECT seq FROM unnest(now_gone) AS seq WHERE lines[seq - block.first + 1] = '');
    gone := gone || now_gone;
    IF cardinality(now_gone) > 0 THEN
      UPDATE log_blocks SET records = convert_to(array_to_string(lines, E'\n'), 'UTF8'),
                            absent = cardinality(array_positions(lines, ''))
       WHERE workspace_id = log_of AND shard_id = block.shard_id AND log_blocks.block = block.block;
    END IF;
    through := block.first + block.count - 1;
    seen := seen + 1;
  END LOOP;
  IF seen < blocks THEN through := upper(absence.entries) - 1; END IF;
  UPDATE log_absences SET removed_through = greatest(removed_through, through) WHERE workspace_id = log_of AND seq = at;
  -- What a redaction has left of a record goes with it.
  IF absence.kind = 'log.pruned' THEN
    WITH cleared AS (
      UPDATE log_absences r SET remains = NULL
       WHERE r.workspace_id = log_of AND r.kind = 'log.redacted' AND r.remains IS NOT NULL
         AND absence.entries @> lower(r.entries)
         AND NOT EXISTS (SELECT FROM unnest(holds) AS scope WHERE log_holds(scope, r.remains))
      RETURNING lower(r.entries) AS subject)
    SELECT gone || coalesce(array_agg(DISTINCT subject), '{}') INTO gone FROM cleared;
  END IF;
END $$;
REVOKE ALL ON FUNCTION log_remove_payloads(text, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_remove_payloads(text, bigint, integer) TO hivekey_app;
