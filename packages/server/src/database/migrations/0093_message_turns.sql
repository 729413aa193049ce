-- Agents take turns in the queue of a channel: however many calls of one are held, the next message of another is
-- sent after at most one of each.

-- Whose turn it takes: the agent whose call is held; `people` where no agent asked. Nodes of before leave it out.
ALTER TABLE channel_messages ADD COLUMN turn text NOT NULL DEFAULT 'people';
UPDATE channel_messages m SET turn = a.agent_id FROM approvals a
 WHERE a.workspace_id = m.workspace_id AND a.id = m.approval_id AND m.status = 'waiting';

CREATE INDEX channel_messages_turns ON channel_messages (workspace_id, channel, turn, due_at) WHERE status = 'waiting';
DROP INDEX channel_messages_due;
