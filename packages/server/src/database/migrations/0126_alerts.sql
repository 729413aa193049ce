-- Administrators are told over the channels when an account for emergencies is used or changed.
ALTER TABLE channel_messages DROP CONSTRAINT channel_messages_purpose_check;
ALTER TABLE channel_messages ADD CONSTRAINT channel_messages_purpose_check
  CHECK (purpose IN ('request', 'reminder', 'escalation', 'delegation', 'transfer', 'alert'));
ALTER TABLE channel_messages DROP CONSTRAINT channel_messages_check;
ALTER TABLE channel_messages ADD CONSTRAINT channel_messages_check
  CHECK ((approval_id IS NULL) = (purpose IN ('delegation', 'transfer', 'alert')));

DROP INDEX actions_told;
CREATE INDEX actions_told ON actions (workspace_id, seq)
  WHERE kind LIKE 'approval.%' OR kind LIKE 'delegation.%' OR kind LIKE 'transfer.%' OR kind LIKE 'break_glass.%';
