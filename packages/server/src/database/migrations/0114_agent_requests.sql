-- An agent is asked for by one person and let in by another. What was asked for never changes; see docs/guides/agents.md.

CREATE TABLE agent_requests (
  workspace_id    text NOT NULL REFERENCES workspaces(id),
  id              text NOT NULL,
  status          text NOT NULL DEFAULT 'requested' CHECK (status IN ('requested', 'approved', 'denied', 'withdrawn', 'expired')),
  -- an agent's name is given once, so of one name one request waits
  handle          text NOT NULL,
  owner           text NOT NULL,
  -- as in agent-requests/request.ts
  wanted          jsonb NOT NULL,
  reason          text NOT NULL,
  source          text NOT NULL CHECK (source IN ('api', 'cli', 'console', 'scim')),
  requested_by    text NOT NULL,
  -- whom the credential belonged to; null: to nobody
  requested_by_id text,
  credential_id   text NOT NULL,
  requested_at    timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL,
  decided_by      text,
  decided_by_id   text,
  decided_at      timestamptz,
  decision_reason text,
  agent_id        text,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, requested_by_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, decided_by_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  CHECK ((status = 'requested') = (decided_at IS NULL)),
  CHECK (decided_at >= requested_at),
  CHECK ((status = 'approved') = (agent_id IS NOT NULL)),
  -- nobody lets in what they asked for
  CHECK (status <> 'approved' OR decided_by_id IS NOT NULL AND decided_by_id IS DISTINCT FROM requested_by_id AND decided_by <> requested_by)
);
CREATE UNIQUE INDEX agent_requests_open ON agent_requests (workspace_id, lower(handle)) WHERE status = 'requested';
CREATE INDEX agent_requests_newest ON agent_requests (workspace_id, requested_at, id);
CREATE INDEX agent_requests_due ON agent_requests (expires_at) WHERE status = 'requested';

CREATE FUNCTION agent_request_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status <> 'requested' THEN
    RAISE EXCEPTION 'agent_request_over: a request is answered once' USING ERRCODE = '42501';
  END IF;
  IF (to_jsonb(OLD) - ARRAY['status', 'decided_by', 'decided_by_id', 'decided_at', 'decision_reason', 'agent_id'])
     IS DISTINCT FROM
     (to_jsonb(NEW) - ARRAY['status', 'decided_by', 'decided_by_id', 'decided_at', 'decision_reason', 'agent_id']) THEN
    RAISE EXCEPTION 'agent_request_bound: what was asked for does not change' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER agent_request_moves BEFORE UPDATE ON agent_requests FOR EACH ROW EXECUTE FUNCTION agent_request_moves();
GRANT SELECT, INSERT, UPDATE ON agent_requests TO hivekey_app;

-- How an agent came about. Null: it was created directly, or before this was written down.
ALTER TABLE agents
  ADD COLUMN request_id text,
  ADD COLUMN requested_at timestamptz,
  ADD COLUMN approved_at timestamptz,
  ADD COLUMN approved_by text,
  ADD COLUMN first_credential_at timestamptz,
  ADD COLUMN risk_tier text CHECK (risk_tier IN ('low', 'medium', 'high', 'critical')),
  ADD FOREIGN KEY (workspace_id, request_id) REFERENCES agent_requests(workspace_id, id),
  ADD CONSTRAINT agents_times CHECK (
    requested_at <= approved_at AND approved_at <= created_at AND created_at <= first_credential_at);

UPDATE agents a SET first_credential_at = t.at
  FROM (SELECT workspace_id, agent_id, min(created_at) AS at FROM agent_tokens GROUP BY 1, 2) t
 WHERE t.workspace_id = a.workspace_id AND t.agent_id = a.id AND t.at >= a.created_at;

CREATE FUNCTION agent_first_credential() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE agents SET first_credential_at = greatest(created_at, NEW.created_at)
   WHERE workspace_id = NEW.workspace_id AND id = NEW.agent_id AND first_credential_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER agent_first_credential AFTER INSERT ON agent_tokens FOR EACH ROW EXECUTE FUNCTION agent_first_credential();

-- How agents come about in a workspace. One without a row has what agent-requests/settings.ts says.
CREATE TABLE agent_settings (
  workspace_id  text PRIMARY KEY REFERENCES workspaces(id),
  admission     text NOT NULL CHECK (admission IN ('direct', 'reviewed')),
  request_hours integer NOT NULL CHECK (request_hours > 0),
  author        text NOT NULL,
  updated_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT, UPDATE ON agent_settings TO hivekey_app;
