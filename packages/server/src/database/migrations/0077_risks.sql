-- What detectors say of an agent, an owner or a tool. A signal ends by itself.

CREATE TABLE risk_signals (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  id           text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('agent', 'owner', 'tool')),
  -- agt_…, per_… or the capability
  subject      text NOT NULL,
  -- as it is called in records: handle, e-mail, capability
  subject_name text NOT NULL,
  level        text NOT NULL CHECK (level IN ('low', 'medium', 'high', 'critical')),
  reason       text NOT NULL DEFAULT '',
  -- who raised it: an administrator, or a transmitter
  source       text NOT NULL,
  -- of a security event token: one is taken once
  issuer       text,
  jti          text,
  raised_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at   timestamptz NOT NULL,
  cleared_at   timestamptz,
  cleared_by   text,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, issuer, jti)
);
CREATE INDEX risk_signals_active ON risk_signals (workspace_id, kind, subject) WHERE cleared_at IS NULL;
CREATE INDEX risk_signals_raised ON risk_signals (workspace_id, raised_at DESC, id);

-- Who may push security event tokens (RFC 8935), and with which keys.
CREATE TABLE risk_transmitters (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  name         text NOT NULL,
  issuer       text NOT NULL,
  audience     text NOT NULL,
  -- public keys, as a JSON Web Key Set
  jwks         jsonb NOT NULL,
  lasts_seconds integer NOT NULL CHECK (lasts_seconds BETWEEN 60 AND 2592000),
  author       text NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, name),
  UNIQUE (issuer, audience)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON risk_signals, risk_transmitters TO hivekey_app;
