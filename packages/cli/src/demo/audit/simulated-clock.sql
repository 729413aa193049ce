-- A clock that runs ahead of the real one by what the table says: found before pg_catalog by whoever names no schema.
-- now() is one instant for a transaction, as PostgreSQL's is, however the clock moves meanwhile.
CREATE SCHEMA simulated;
GRANT USAGE ON SCHEMA simulated TO PUBLIC;

CREATE TABLE simulated.clock (singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), ahead interval NOT NULL);
INSERT INTO simulated.clock (ahead) VALUES ('0');
GRANT SELECT ON simulated.clock TO PUBLIC;

-- STABLE where PostgreSQL's are, or no index would be used for what is due.
CREATE FUNCTION simulated.now() RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL RESTRICTED AS $$
DECLARE
  known text := current_setting('simulated.now', true);
BEGIN
  IF known <> '' THEN
    RETURN known::timestamptz;
  END IF;
  known := (pg_catalog.now() + (SELECT ahead FROM simulated.clock))::text;
  PERFORM set_config('simulated.now', known, true);
  RETURN known::timestamptz;
END $$;
CREATE FUNCTION simulated.transaction_timestamp() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL RESTRICTED AS $$
  SELECT simulated.now() $$;
CREATE FUNCTION simulated.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL RESTRICTED AS $$
  SELECT pg_catalog.statement_timestamp() + (SELECT ahead FROM simulated.clock) $$;
CREATE FUNCTION simulated.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql VOLATILE PARALLEL RESTRICTED AS $$
BEGIN
  RETURN pg_catalog.clock_timestamp() + (SELECT ahead FROM simulated.clock);
END $$;
