-- The application role may add to the log and read it, never change it. The role itself is made by the
-- migrator before the first migration; `hivekey_app` stands for its name.

GRANT USAGE ON SCHEMA public TO hivekey_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
  workspaces, workspace_state, people, agents, agent_state, roles, agent_roles, capabilities,
  admin_keys, agent_tokens, console_sessions, mcp_servers, mcp_definitions, containments,
  idempotency_keys, webhooks, permits, log_shards, checkpoint_copies, window_counters, window_entries,
  actions, projection_cursor
  TO hivekey_app;
GRANT SELECT, INSERT ON
  role_revisions, workspace_guard_revisions, policy_revisions, upstream_secrets,
  log_blocks, log_seals, log_tiles, log_checkpoints
  TO hivekey_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO hivekey_app;

-- Also against the owner of the tables: a change of history must at least take a dropped trigger.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'append_only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
END $$;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['role_revisions','workspace_guard_revisions','policy_revisions',
                           'log_blocks','log_seals','log_tiles','log_checkpoints'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', t);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', t);
  END LOOP;
END $$;
