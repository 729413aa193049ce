-- Passkeys: a person proves once more who they are, and signs a decision. Accounts for emergencies sign in with them.

ALTER TABLE people ADD COLUMN break_glass boolean NOT NULL DEFAULT false;

CREATE TABLE passkeys (
  workspace_id  text NOT NULL,
  id            text NOT NULL,
  person_id     text NOT NULL,
  name          text NOT NULL,
  -- as the authenticator names it, and its COSE key
  credential_id text NOT NULL UNIQUE,
  public_key    bytea NOT NULL,
  counter       bigint NOT NULL,
  -- one that is synced between devices always counts 0
  device_type   text NOT NULL CHECK (device_type IN ('singleDevice', 'multiDevice')),
  aaguid        text NOT NULL,
  transports    text[] NOT NULL,
  -- how the person was signed in when it was registered; `key`: whoever held an admin key of the person
  registered_by text NOT NULL CHECK (registered_by IN ('key', 'oidc', 'saml', 'passkey', 'invitation')),
  created_at    timestamptz NOT NULL,
  last_used_at  timestamptz,
  revoked_at    timestamptz,
  revoked_by    text,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id)
);
CREATE INDEX passkeys_person ON passkeys (workspace_id, person_id);
GRANT SELECT, INSERT, UPDATE ON passkeys TO hivekey_app;

-- What an authenticator is asked to sign. Taken once: the only thing that stands against a replay.
CREATE TABLE passkey_challenges (
  challenge     text PRIMARY KEY,
  workspace_id  text NOT NULL REFERENCES workspaces(id),
  purpose       text NOT NULL CHECK (purpose IN ('register', 'enrol', 'step_up', 'sign_in', 'decision')),
  -- null: whoever signs in
  person_id     text,
  -- the session, or key, that asked for it
  credential_id text,
  invitation_id text,
  -- decision: what is signed, and its nonce
  canonical     text,
  nonce         bytea,
  expires_at    timestamptz NOT NULL
);
CREATE INDEX passkey_challenges_expired ON passkey_challenges (expires_at);
GRANT SELECT, INSERT, DELETE ON passkey_challenges TO hivekey_app;

-- Decisions with the signature of a person: an outsider checks them with what stands here alone.
CREATE TABLE signed_decisions (
  workspace_id       text NOT NULL,
  id                 text NOT NULL,
  kind               text NOT NULL,
  subject_id         text NOT NULL,
  person_id          text NOT NULL,
  passkey_id         text NOT NULL,
  canonical          text NOT NULL,
  nonce              bytea NOT NULL,
  client_data        bytea NOT NULL,
  authenticator_data bytea NOT NULL,
  signature          bytea NOT NULL,
  public_key         bytea NOT NULL,
  origin             text NOT NULL,
  rp_id              text NOT NULL,
  signed_at          timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id),
  FOREIGN KEY (workspace_id, passkey_id) REFERENCES passkeys(workspace_id, id)
);
CREATE INDEX signed_decisions_subject ON signed_decisions (workspace_id, subject_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON signed_decisions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON signed_decisions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON signed_decisions TO hivekey_app;
