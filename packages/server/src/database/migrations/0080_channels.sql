-- Where people are told of held calls beside the console: Slack and e-mail, one of each in a workspace.

CREATE TABLE channels (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  kind         text NOT NULL CHECK (kind IN ('slack', 'email')),
  -- as they were set; credentials are references
  settings     jsonb NOT NULL,
  -- Slack: the team of the bot token, as Slack told it
  team_id      text,
  updated_at   timestamptz NOT NULL,
  updated_by   text NOT NULL,
  -- global number of the last record that messages were made of
  cursor_seq   bigint NOT NULL,
  -- the node that sends until then; the epoch grows with each change of hands and fences an older one out
  lease_node   text,
  lease_until  timestamptz,
  lease_epoch  bigint NOT NULL DEFAULT 0,
  -- the receiver asked to be left alone until then
  paused_until timestamptz,
  PRIMARY KEY (workspace_id, kind),
  CHECK ((kind = 'slack') = (team_id IS NOT NULL))
);
CREATE INDEX channels_team ON channels (team_id) WHERE kind = 'slack';

-- What is to be sent, and what was. A Slack message of an approval is sent again, as a change of the posted one,
-- each time `wanted` is ahead of `shown`.
CREATE TABLE channel_messages (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  channel      text NOT NULL CHECK (channel IN ('slack', 'email')),
  purpose      text NOT NULL CHECK (purpose IN ('request', 'reminder', 'escalation', 'delegation')),
  -- a Slack channel or user; an e-mail address
  destination  text NOT NULL,
  approval_id  text,
  -- the record that it tells of, and what of it is needed
  event_id     text NOT NULL,
  facts        jsonb NOT NULL DEFAULT '{}',
  status       text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'delivered', 'dropped', 'failed')),
  wanted       integer NOT NULL DEFAULT 1,
  shown        integer NOT NULL DEFAULT 0,
  -- Slack: where it was posted
  posted_ts    text,
  failures     integer NOT NULL DEFAULT 0,
  failing_since timestamptz,
  due_at       timestamptz NOT NULL DEFAULT now(),
  last_error   text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  delivered_at timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, approval_id) REFERENCES approvals(workspace_id, id),
  CHECK ((approval_id IS NULL) = (purpose = 'delegation'))
);
CREATE INDEX channel_messages_due ON channel_messages (workspace_id, channel, due_at) WHERE status = 'waiting';
CREATE INDEX channel_messages_newest ON channel_messages (workspace_id, created_at DESC, id DESC);
CREATE INDEX channel_messages_failed ON channel_messages (workspace_id, created_at DESC, id DESC) WHERE status = 'failed';
-- One message asks in one place.
CREATE UNIQUE INDEX channel_messages_request ON channel_messages (workspace_id, approval_id, channel, destination)
  WHERE purpose = 'request';

-- Signed requests of Slack that were taken: each is good once. Kept for longer than their signature is good.
CREATE TABLE slack_requests (
  signature bytea PRIMARY KEY,
  taken_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX slack_requests_taken ON slack_requests (taken_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON channels, channel_messages TO hivekey_app;
GRANT SELECT, INSERT, DELETE ON slack_requests TO hivekey_app;
