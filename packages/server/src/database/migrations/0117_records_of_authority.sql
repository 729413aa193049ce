-- Which record says so: few records each, among all that agents do.
CREATE INDEX actions_agent_changes ON actions (agent_id, seq) WHERE kind NOT IN ('tool.call', 'tool.result');
CREATE INDEX actions_role_changes ON actions ((record ->> 'role')) WHERE kind = 'role.changed';
CREATE INDEX actions_agent_requests ON actions ((record ->> 'request_id')) WHERE kind = 'agent.requested';
