-- Clients refresh from several requests at a time. Each gets a token of its own; the first one that is used ends its siblings.
ALTER TABLE refresh_tokens
  -- that it was given for; null: for the code
  ADD COLUMN parent_id text;
CREATE INDEX refresh_tokens_parent ON refresh_tokens (workspace_id, parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX refresh_tokens_used ON refresh_tokens (used_at) WHERE used_at IS NOT NULL;
