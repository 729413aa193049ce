-- A person is found by the account in Slack that an administrator wrote down, and by nothing that Slack says of it.
ALTER TABLE people
  ADD COLUMN slack_team text,
  ADD COLUMN slack_user text,
  ADD CHECK ((slack_team IS NULL) = (slack_user IS NULL));
CREATE UNIQUE INDEX people_slack ON people (workspace_id, slack_team, slack_user) WHERE slack_user IS NOT NULL;

ALTER TABLE approval_decisions DROP CONSTRAINT approval_decisions_channel_check;
ALTER TABLE approval_decisions
  ADD CONSTRAINT approval_decisions_channel_check CHECK (channel IN ('api', 'cli', 'console', 'slack'));
