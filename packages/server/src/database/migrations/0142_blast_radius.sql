-- Blast radius: what the bound rests on beside the policy, who has accepted which number, and its certificates.

-- Limits that a provider keeps on a credential by itself, whatever the gateway lets through. Entered by people.
CREATE TABLE tool_limits (
  workspace_id   text NOT NULL REFERENCES workspaces(id),
  name           text NOT NULL,
  -- capabilities, `crm.*`, `*`
  over           text[] NOT NULL,
  -- impact unit that is summed; null: calls
  unit           text,
  "limit"        bigint NOT NULL CHECK ("limit" >= 0),
  window_seconds integer NOT NULL CHECK (window_seconds > 0),
  -- calendar windows are fixed
  "window"       text NOT NULL CHECK ("window" IN ('sliding', 'fixed')),
  -- where it is set and how that is known
  source         text NOT NULL,
  author         text NOT NULL,
  updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, name)
);

-- What nobody measures and somebody states.
CREATE TABLE blast_radius_settings (
  workspace_id text PRIMARY KEY REFERENCES workspaces(id),
  document     jsonb NOT NULL,
  author       text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE blast_radius_acceptances (
  workspace_id  text NOT NULL REFERENCES workspaces(id),
  id            text NOT NULL,
  subject_kind  text NOT NULL CHECK (subject_kind IN ('agent', 'role', 'owner', 'workspace')),
  -- id of the agent or owner, name of the role, `*`
  subject_id    text NOT NULL,
  -- as it stood then: handle, name, e-mail
  subject_name  text NOT NULL,
  -- exactly what was accepted; the digest is that of it
  result        json NOT NULL,
  digest        text NOT NULL,
  policy_hash   text NOT NULL,
  person_id     text NOT NULL,
  person        text NOT NULL,
  reason        text NOT NULL,
  accepted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  until         timestamptz NOT NULL CHECK (until > accepted_at),
  -- by another one, or by a person
  ended_at      timestamptz,
  ended_by      text,
  end_reason    text,
  -- told once that the number has passed it, and once that its time is over
  exceeded_at   timestamptz,
  expired_at    timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id)
);
CREATE UNIQUE INDEX blast_radius_accepted ON blast_radius_acceptances (workspace_id, subject_kind, subject_id) WHERE ended_at IS NULL;
CREATE INDEX blast_radius_history ON blast_radius_acceptances (workspace_id, accepted_at, id);

-- What was certified last, and whose numbers had no bound then. Whoever moves `claimed_until` on makes the next certificate.
CREATE TABLE blast_radius_watch (
  workspace_id  text PRIMARY KEY REFERENCES workspaces(id),
  certified     text,
  claimed_until timestamptz,
  -- ids of agents
  unbounded     text[] NOT NULL DEFAULT '{}'
);

CREATE TABLE blast_radius_certificates (
  workspace_id    text NOT NULL REFERENCES workspaces(id),
  id              text NOT NULL,
  policy_hash     text NOT NULL,
  policy_revision bigint NOT NULL,
  numbers_digest  text NOT NULL,
  sweep_digest    text NOT NULL,
  agents          integer NOT NULL,
  -- sets of roles that agents wear: all agents of one are judged together
  role_sets       integer NOT NULL,
  -- sets of roles × capabilities, and the calls that the decision function was asked about them
  cells           integer NOT NULL,
  inputs          bigint NOT NULL,
  differences     integer NOT NULL,
  -- the first of them
  differing       jsonb NOT NULL,
  version         text NOT NULL,
  actor           text NOT NULL,
  took_ms         integer NOT NULL,
  made_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  event_id        text NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX blast_radius_certified ON blast_radius_certificates (workspace_id, made_at, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON blast_radius_certificates FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON blast_radius_certificates FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT, UPDATE, DELETE ON tool_limits, blast_radius_settings TO hivekey_app;
GRANT SELECT, INSERT, UPDATE ON blast_radius_acceptances, blast_radius_watch TO hivekey_app;
GRANT SELECT, INSERT ON blast_radius_certificates TO hivekey_app;

-- Told over the channels as alerts are.
DROP INDEX actions_told;
CREATE INDEX actions_told ON actions (workspace_id, seq)
  WHERE kind LIKE 'approval.%' OR kind LIKE 'delegation.%' OR kind LIKE 'transfer.%' OR kind LIKE 'break_glass.%'
     OR kind IN ('blast_radius.exceeded', 'blast_radius.differs');
