-- Other nodes hear of a change at once. Nothing depends on hearing it: the recording transaction compares
-- revisions. It only makes caches drop and sessions close early.

CREATE FUNCTION notify_agent_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('hivekey_agent', json_build_object('workspace', NEW.workspace_id, 'agent', NEW.agent_id, 'status', NEW.status)::text);
  RETURN NULL;
END $$;

-- OF revision: recording a call counts the agent's calls up in the same row, and is spared the look.
CREATE TRIGGER agent_changed AFTER UPDATE OF revision ON agent_state
  FOR EACH ROW WHEN (OLD.revision IS DISTINCT FROM NEW.revision) EXECUTE FUNCTION notify_agent_changed();

CREATE FUNCTION notify_workspace_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('hivekey_workspace', json_build_object('workspace', NEW.workspace_id, 'status', NEW.status)::text);
  RETURN NULL;
END $$;

CREATE TRIGGER workspace_changed AFTER UPDATE ON workspace_state
  FOR EACH ROW WHEN (OLD.policy_revision IS DISTINCT FROM NEW.policy_revision OR OLD.status IS DISTINCT FROM NEW.status)
  EXECUTE FUNCTION notify_workspace_changed();
