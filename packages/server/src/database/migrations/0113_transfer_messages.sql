-- People are told of what a leaver has left behind, over the channels that tell of held calls.
ALTER TABLE channel_messages DROP CONSTRAINT channel_messages_purpose_check;
ALTER TABLE channel_messages ADD CONSTRAINT channel_messages_purpose_check
  CHECK (purpose IN ('request', 'reminder', 'escalation', 'delegation', 'transfer'));
ALTER TABLE channel_messages DROP CONSTRAINT channel_messages_check;
ALTER TABLE channel_messages ADD CONSTRAINT channel_messages_check
  CHECK ((approval_id IS NULL) = (purpose IN ('delegation', 'transfer')));

-- Records that channels read are few among the calls.
DROP INDEX actions_approvals;
CREATE INDEX actions_told ON actions (workspace_id, seq)
  WHERE kind LIKE 'approval.%' OR kind LIKE 'delegation.%' OR kind LIKE 'transfer.%';
