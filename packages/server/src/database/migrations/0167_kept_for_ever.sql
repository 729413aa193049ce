-- What was let go, what was held and what was set stays readable as long as the log: no record lets go of it, whoever wrote
-- that record. (`log.redacted` goes with what it is about.) The functions are those of 0164, with that.

CREATE FUNCTION log_kept_for_ever(line text) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
  -- the first is quick, and true of texts inside a record too
  SELECT CASE WHEN line ~ '"kind":"(log\.pruned|hold\.|retention\.)'
              THEN line::json ->> 'kind' ~ '^(log\.pruned$|hold\.|retention\.)' ELSE false END
$$;

CREATE OR REPLACE FUNCTION log_block_loses() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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
    IF log_kept_for_ever(before[n]) THEN
      RAISE EXCEPTION 'append_only: entry % says how the log was kept', first + n - 1 USING ERRCODE = '42501';
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

CREATE OR REPLACE FUNCTION log_remove_payloads(log_of text, at bigint, blocks integer, OUT through bigint, OUT gone bigint[])
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
                           AND NOT log_kept_for_ever(line)
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
