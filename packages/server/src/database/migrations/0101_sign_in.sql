-- People sign in by an identity provider; see docs/guides/people.md.

CREATE TABLE identity_providers (
  workspace_id    text NOT NULL REFERENCES workspaces(id),
  id              text NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('oidc', 'saml')),
  -- as the sign-in page shows it
  name            text NOT NULL,
  -- issuer of OpenID Connect, entity id of SAML
  issuer          text NOT NULL,
  -- of the kind; credentials stand in the secret store
  settings        jsonb NOT NULL,
  -- people who are not known yet are added at their first sign-in; null: they are not. Empty: whatever their domain.
  jit_domains     text[],
  -- claim, or attribute, that names the groups of a person
  groups_claim    text,
  -- those groups also become the person's own, where no directory provides the person
  sync_groups     boolean NOT NULL DEFAULT false,
  -- people whom this SCIM connection provides are known by their externalId
  scim_connection text,
  active          boolean NOT NULL DEFAULT true,
  created_at      timestamptz NOT NULL DEFAULT now(),
  created_by      text NOT NULL,
  updated_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, issuer),
  CHECK (groups_claim IS NOT NULL OR NOT sync_groups)
);
GRANT SELECT, INSERT, UPDATE ON identity_providers TO hivekey_app;

-- Who a person is there. People are found by this alone, never by their e-mail.
CREATE TABLE person_identities (
  workspace_id text NOT NULL,
  id           text NOT NULL,
  provider_id  text NOT NULL,
  -- as the provider says it: one that serves many tenants has several issuers
  issuer       text NOT NULL,
  subject      text NOT NULL,
  person_id    text NOT NULL,
  linked_how   text NOT NULL CHECK (linked_how IN ('invitation', 'session', 'first_sign_in', 'directory')),
  linked_by    text NOT NULL,
  linked_at    timestamptz NOT NULL,
  last_used_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, provider_id, issuer, subject),
  FOREIGN KEY (workspace_id, provider_id) REFERENCES identity_providers(workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id)
);
CREATE INDEX person_identities_person ON person_identities (workspace_id, person_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON person_identities TO hivekey_app;

-- A link with which a person signs in for the first time, or registers the passkey of a break-glass account; for one use.
CREATE TABLE sign_in_invitations (
  workspace_id   text NOT NULL,
  id             text NOT NULL,
  person_id      text NOT NULL,
  purpose        text NOT NULL CHECK (purpose IN ('identity', 'passkey')),
  token_hash     bytea NOT NULL UNIQUE,
  -- the provider may state another e-mail than the person has here
  any_email      boolean NOT NULL DEFAULT false,
  created_at     timestamptz NOT NULL,
  created_by     text NOT NULL,
  expires_at     timestamptz NOT NULL,
  used_at        timestamptz,
  revoked_at     timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, person_id) REFERENCES people(workspace_id, id)
);
CREATE INDEX sign_in_invitations_newest ON sign_in_invitations (workspace_id, created_at DESC, id DESC);
GRANT SELECT, INSERT, UPDATE ON sign_in_invitations TO hivekey_app;

-- Sign-ins that have been sent to the provider and have not come back. Any node can take the answer, once.
CREATE TABLE pending_sign_ins (
  -- keyed hash of the state, or RelayState, that the provider brings back
  state_hash    bytea PRIMARY KEY,
  workspace_id  text NOT NULL,
  provider_id   text NOT NULL,
  -- keyed hash of the cookie of the browser that began it
  browser_hash  bytea NOT NULL,
  purpose       text NOT NULL CHECK (purpose IN ('sign_in', 'link', 'step_up')),
  -- the session that the browser had
  session_id    text,
  -- whoever is not linked yet is linked to the person of this
  invitation_id text,
  return_to     text NOT NULL,
  -- what the protocol compares the answer with
  expected      jsonb NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz NOT NULL,
  FOREIGN KEY (workspace_id, provider_id) REFERENCES identity_providers(workspace_id, id),
  CHECK (purpose = 'sign_in' OR session_id IS NOT NULL)
);
CREATE INDEX pending_sign_ins_expired ON pending_sign_ins (expires_at);
GRANT SELECT, INSERT, DELETE ON pending_sign_ins TO hivekey_app;

-- Messages of providers that count once: SAML assertions, logout tokens.
CREATE TABLE accepted_once (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  kind         text NOT NULL,
  issuer       text NOT NULL,
  message_id   text NOT NULL,
  expires_at   timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, kind, issuer, message_id)
);
CREATE INDEX accepted_once_expired ON accepted_once (expires_at);
GRANT SELECT, INSERT, DELETE ON accepted_once TO hivekey_app;

-- What of it all holds in a workspace; without a row what sign-in/settings.ts says.
CREATE TABLE sign_in_settings (
  workspace_id    text PRIMARY KEY REFERENCES workspaces(id),
  idle_seconds    integer NOT NULL CHECK (idle_seconds BETWEEN 60 AND 43200),
  session_seconds integer NOT NULL CHECK (session_seconds BETWEEN 300 AND 86400 AND session_seconds >= idle_seconds),
  -- whether a key can stand for a person who decides
  people_decide   text NOT NULL CHECK (people_decide IN ('keys', 'sessions')),
  -- what each kind of decision takes: {"approve": "recent", …}
  step_up         jsonb NOT NULL,
  step_up_seconds integer NOT NULL CHECK (step_up_seconds BETWEEN 30 AND 3600),
  author          text NOT NULL,
  updated_at      timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON sign_in_settings TO hivekey_app;

-- Providers end sessions by their own name for them.
CREATE INDEX console_sessions_provider ON console_sessions (workspace_id, provider_id, provider_session) WHERE provider_id IS NOT NULL;
ALTER TABLE console_sessions
  -- who it is there
  ADD COLUMN identity_id text,
  ADD FOREIGN KEY (workspace_id, identity_id) REFERENCES person_identities(workspace_id, id) ON DELETE CASCADE;
