-- How agents prove themselves beside tokens, and what they get for it; see docs/reference/agent-auth.md.

-- Who vouches for workloads. A removed one stays written: what it vouched for is on the log.
CREATE TABLE workload_issuers (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  name         text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('github', 'kubernetes', 'spiffe', 'oidc')),
  -- `iss`, byte for byte; of SPIFFE the trust domain, `spiffe://…`
  issuer       text NOT NULL,
  jwks_url     text,
  jwks         jsonb,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL,
  removed_at   timestamptz,
  removed_by   text,
  PRIMARY KEY (workspace_id, id),
  CHECK (num_nonnulls(jwks_url, jwks) = 1),
  CHECK (num_nulls(removed_at, removed_by) IN (0, 2))
);
CREATE UNIQUE INDEX workload_issuers_live ON workload_issuers (issuer, workspace_id) WHERE removed_at IS NULL;

CREATE TABLE agent_credentials (
  workspace_id text NOT NULL,
  id           text NOT NULL,
  agent_id     text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('key', 'federation')),
  name         text NOT NULL,
  -- narrows it to one of the agent's roles
  role         text,
  -- its tokens are bound to a key of the client (RFC 9449)
  dpop         boolean NOT NULL,
  -- public members alone
  jwk          jsonb,
  -- RFC 7638; a key is registered once, and never again
  thumbprint   text UNIQUE,
  issuer_id    text,
  -- members that the claims must have, and their exact values
  claims       jsonb,
  authz_epoch  bigint NOT NULL,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL,
  not_after    timestamptz NOT NULL CHECK (not_after > created_at),
  last_used_at timestamptz,
  revoked_at   timestamptz,
  revoked_by   text,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  FOREIGN KEY (workspace_id, issuer_id) REFERENCES workload_issuers(workspace_id, id),
  CHECK ((kind = 'key') = (jwk IS NOT NULL)),
  CHECK ((kind = 'key') = (thumbprint IS NOT NULL)),
  CHECK ((kind = 'federation') = (issuer_id IS NOT NULL)),
  CHECK ((kind = 'federation') = (claims IS NOT NULL)),
  CHECK (num_nulls(revoked_at, revoked_by) IN (0, 2))
);
CREATE INDEX agent_credentials_agent ON agent_credentials (agent_id, workspace_id);
CREATE INDEX agent_credentials_issuer ON agent_credentials (issuer_id, workspace_id) WHERE issuer_id IS NOT NULL;
CREATE TRIGGER agent_first_credential AFTER INSERT ON agent_credentials
  FOR EACH ROW EXECUTE FUNCTION agent_first_credential();

-- What was registered does not change, and what was revoked stays so.
CREATE FUNCTION agent_credential_bound() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF to_jsonb(OLD) - ARRAY['last_used_at', 'revoked_at', 'revoked_by'] IS DISTINCT FROM
     to_jsonb(NEW) - ARRAY['last_used_at', 'revoked_at', 'revoked_by']
     OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at) THEN
    RAISE EXCEPTION 'agent_credential_bound: a credential does not change' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER agent_credential_bound BEFORE UPDATE ON agent_credentials FOR EACH ROW EXECUTE FUNCTION agent_credential_bound();

-- Five minutes long.
CREATE TABLE access_tokens (
  workspace_id  text NOT NULL,
  id            text NOT NULL,
  lookup_hmac   bytea NOT NULL UNIQUE,
  agent_id      text NOT NULL,
  -- what it was given for: one of the two
  credential_id text,
  token_id      text,
  authz_epoch   bigint NOT NULL,
  -- path of the resource at this server; '': all of it
  resource      text NOT NULL,
  entrances     text[] NOT NULL,
  -- narrows it; null: all roles
  roles         text[],
  -- RFC 7638 thumbprint of the key that it is bound to
  jkt           text,
  -- delegated by these access tokens, the first one first
  ancestors     text[] NOT NULL DEFAULT '{}' CHECK (cardinality(ancestors) <= 3),
  -- exchanged from these access tokens of the same agent: with one of them it ends
  origins       text[] NOT NULL DEFAULT '{}' CHECK (cardinality(origins) <= 8),
  issued_at     timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL CHECK (expires_at <= issued_at + interval '5 minutes'),
  revoked_at    timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, agent_id) REFERENCES agents(workspace_id, id),
  CHECK (num_nonnulls(credential_id, token_id) = 1)
);
CREATE INDEX access_tokens_expired ON access_tokens (expires_at);

-- Assertions and proofs that count once.
CREATE TABLE auth_replays (
  workspace_id text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('assertion', 'federation', 'dpop')),
  issuer       text NOT NULL,
  jti          text NOT NULL,
  -- from then on it is refused for its age alone
  expires_at   timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, kind, issuer, jti)
);
CREATE INDEX auth_replays_expired ON auth_replays (expires_at);

GRANT SELECT, INSERT ON workload_issuers, agent_credentials, access_tokens, auth_replays TO hivekey_app;
GRANT UPDATE (removed_at, removed_by) ON workload_issuers TO hivekey_app;
GRANT UPDATE (last_used_at, revoked_at, revoked_by) ON agent_credentials TO hivekey_app;
GRANT UPDATE (revoked_at), DELETE ON access_tokens TO hivekey_app;
GRANT DELETE ON auth_replays TO hivekey_app;
