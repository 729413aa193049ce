-- An instant in a sentence: to the second, UTC; `never` where there is none.

CREATE FUNCTION utc_text(at timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'), 'never') $$;
