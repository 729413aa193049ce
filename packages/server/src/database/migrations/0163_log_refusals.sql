-- What was not let through is a small part of what somebody does: of an agent, an owner or a capability it is found without
-- going through the rest.
CREATE INDEX actions_agent_refusals ON actions (workspace_id, agent_id, seq DESC) WHERE verdict <> 'allow';
CREATE INDEX actions_owner_refusals ON actions (workspace_id, owner, seq DESC) WHERE verdict <> 'allow';
CREATE INDEX actions_action_refusals ON actions (workspace_id, action, seq DESC) WHERE verdict <> 'allow';
