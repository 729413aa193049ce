-- A workspace whose data is made up for showing the product: every piece of evidence from it says so, for good.
ALTER TABLE workspaces ADD COLUMN sample_data boolean NOT NULL DEFAULT false;

CREATE FUNCTION sample_data_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'sample_data: what was made up does not become real' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER sample_data_stays BEFORE UPDATE OF sample_data ON workspaces FOR EACH ROW
  WHEN (OLD.sample_data AND NOT NEW.sample_data) EXECUTE FUNCTION sample_data_stays();
