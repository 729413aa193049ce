-- Who is to own the agent, where it was somebody known: an address may become another's before the request is answered.
ALTER TABLE agent_requests
  ADD COLUMN owner_id text,
  ADD FOREIGN KEY (workspace_id, owner_id) REFERENCES people(workspace_id, id),
  ADD CHECK (status <> 'approved' OR decided_by_id IS DISTINCT FROM owner_id);
