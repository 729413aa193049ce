-- Records of approvals are few among the calls, and channels read them in order.
CREATE INDEX actions_approvals ON actions (workspace_id, seq) WHERE kind LIKE 'approval.%' OR kind LIKE 'delegation.%';
