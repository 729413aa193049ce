-- What is left behind by a person who leaves: the agents, each of which needs another owner by a deadline; and how fast
-- they were stopped.
CREATE TABLE transfer_tasks (
  workspace_id     text NOT NULL REFERENCES workspaces(id),
  id               text NOT NULL,
  person_id        text NOT NULL,
  -- whose order it was: of an administrator, of SCIM, of the identity provider
  cause            text NOT NULL,
  actor            text NOT NULL,
  status           text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'expired', 'superseded')),
  -- the stop, as of the node that was ordered
  node             text NOT NULL,
  ordered_at       timestamptz NOT NULL,
  committed_at     timestamptz,
  effective_at     timestamptz,
  first_refusal_ms double precision,
  event_id         text NOT NULL,
  opened_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  due_at           timestamptz NOT NULL,
  remind_at        timestamptz NOT NULL,
  reminded_at      timestamptz,
  escalate_at      timestamptz NOT NULL,
  escalated_at     timestamptz,
  closed_at        timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id),
  CHECK ((status = 'open') = (closed_at IS NULL))
);
CREATE UNIQUE INDEX transfer_tasks_open ON transfer_tasks (workspace_id, person_id) WHERE status = 'open';
CREATE INDEX transfer_tasks_newest ON transfer_tasks (workspace_id, opened_at, id);
CREATE INDEX transfer_tasks_unmeasured ON transfer_tasks (opened_at) WHERE committed_at IS NULL;

CREATE TABLE transfer_task_agents (
  workspace_id  text NOT NULL,
  task_id       text NOT NULL,
  agent_id      text NOT NULL,
  status_before text NOT NULL,
  tokens_ended  integer NOT NULL,
  -- how it ended: another owner accepted it, or was given it unasked; the owner came back and it was restored; revoked at
  -- the deadline; or taken on by a later task
  outcome       text CHECK (outcome IN ('accepted', 'given', 'kept', 'retired', 'superseded')),
  ended_at      timestamptz,
  PRIMARY KEY (workspace_id, task_id, agent_id),
  FOREIGN KEY (workspace_id, task_id) REFERENCES transfer_tasks(workspace_id, id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
CREATE INDEX transfer_task_agents_agent ON transfer_task_agents (workspace_id, agent_id);
CREATE INDEX transfer_task_agents_open ON transfer_task_agents (workspace_id, task_id) WHERE outcome IS NULL;

-- What each node found in flight and aborted. Without a time: a node that was writing, and has not said yet that it heard.
CREATE TABLE transfer_task_acks (
  workspace_id    text NOT NULL,
  task_id         text NOT NULL,
  node            text NOT NULL,
  effective_at    timestamptz,
  calls           jsonb NOT NULL DEFAULT '[]',
  sessions_closed integer NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, task_id, node),
  FOREIGN KEY (workspace_id, task_id) REFERENCES transfer_tasks(workspace_id, id)
);

-- An agent is offered to another owner, who says yes or no. Of one agent there is one offer at a time.
CREATE TABLE ownership_transfers (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  agent_id     text NOT NULL,
  from_id      text NOT NULL,
  to_id        text NOT NULL,
  reason       text NOT NULL,
  status       text NOT NULL DEFAULT 'proposed' CHECK (status IN ('proposed', 'accepted', 'declined', 'withdrawn', 'lapsed')),
  proposed_by  text NOT NULL,
  proposed_at  timestamptz NOT NULL,
  answer_by    timestamptz NOT NULL,
  ended_at     timestamptz,
  ended_by     text,
  end_reason   text,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  FOREIGN KEY (workspace_id, from_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, to_id) REFERENCES people(workspace_id, id),
  CHECK (from_id <> to_id),
  CHECK ((status = 'proposed') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX ownership_transfers_open ON ownership_transfers (workspace_id, agent_id) WHERE status = 'proposed';
CREATE INDEX ownership_transfers_due ON ownership_transfers (answer_by) WHERE status = 'proposed';
CREATE INDEX ownership_transfers_newest ON ownership_transfers (workspace_id, proposed_at, id);

GRANT SELECT, INSERT, UPDATE ON transfer_tasks, transfer_task_agents, transfer_task_acks, ownership_transfers TO hivekey_app;

CREATE FUNCTION notify_person_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('hivekey_departure', json_build_object('workspace', NEW.workspace_id, 'id', NEW.id)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER person_left AFTER INSERT ON transfer_tasks FOR EACH ROW EXECUTE FUNCTION notify_person_left();
