-- Two people lift a freeze, not two keys. Requests from before name no person, so nobody can agree to them any more.
ALTER TABLE freeze_overrides
  ADD COLUMN requested_by_id text,
  ADD COLUMN approved_by_id  text,
  ADD FOREIGN KEY (workspace_id, requested_by_id) REFERENCES people(workspace_id, id),
  ADD FOREIGN KEY (workspace_id, approved_by_id) REFERENCES people(workspace_id, id),
  ADD CHECK (approved_by_id <> requested_by_id);
