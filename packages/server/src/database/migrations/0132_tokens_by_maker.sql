-- Credentials are shown once, to whoever makes them: what somebody who leaves may still have is looked up by that.
CREATE INDEX agent_tokens_maker ON agent_tokens (workspace_id, created_by) WHERE revoked_at IS NULL;
