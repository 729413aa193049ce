-- As agent_tokens_maker: what somebody who leaves may still have.
CREATE INDEX agent_credentials_maker ON agent_credentials (workspace_id, created_by) WHERE revoked_at IS NULL;
