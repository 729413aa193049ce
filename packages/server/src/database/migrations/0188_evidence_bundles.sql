-- Bundles of evidence: one folder for an auditor, made once and never changed. The file itself lies in the data folder of `node`.
CREATE TABLE evidence_bundles (
  workspace_id    text NOT NULL REFERENCES workspaces(id),
  id              text NOT NULL,
  -- of the folder within
  name            text NOT NULL,
  -- of the same period, 1, 2, …
  version         integer NOT NULL CHECK (version > 0),
  period_from     timestamptz NOT NULL,
  period_to       timestamptz NOT NULL CHECK (period_to > period_from),
  -- ids of reports; null: all there are
  include         text[],
  -- why there is another version
  reason          text NOT NULL CHECK (version = 1 OR reason <> ''),
  requested_by    text NOT NULL,
  session         text,
  requested_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- the file is deleted after it
  dispose_at      timestamptz NOT NULL,
  status          text NOT NULL DEFAULT 'building' CHECK (status IN ('building', 'ready', 'failed', 'disposed')),
  node            text NOT NULL,
  attempts        integer NOT NULL DEFAULT 0,
  -- whoever builds it says so again and again; another node takes it up when that stops
  heard_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  step            text NOT NULL DEFAULT '',
  -- {code, cause, remedy}
  failure         jsonb,
  ended_at        timestamptz,
  as_of           timestamptz,
  files           integer,
  bytes           bigint,
  -- hex
  sha256          text,
  manifest_sha256 text,
  -- MANIFEST.sha256 itself: the next version says what differs
  manifest        text,
  -- {added, removed, changed, same}; null for the first
  changes         jsonb,
  -- [{part, why}]
  absent          jsonb,
  fingerprint     text,
  timestamped_at  timestamptz,
  disposed_at     timestamptz,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, period_from, period_to, version),
  CHECK ((status IN ('ready', 'disposed')) <= (manifest IS NOT NULL AND sha256 IS NOT NULL))
);
-- One at a time.
CREATE UNIQUE INDEX evidence_bundles_building ON evidence_bundles (workspace_id) WHERE status = 'building';
CREATE INDEX evidence_bundles_newest ON evidence_bundles (workspace_id, requested_at DESC, id DESC);
GRANT SELECT, INSERT ON evidence_bundles TO hivekey_app;
GRANT UPDATE (status, node, attempts, heard_at, step, failure, ended_at, as_of, files, bytes, sha256, manifest_sha256, manifest, changes,
              absent, fingerprint, timestamped_at, disposed_at) ON evidence_bundles TO hivekey_app;

-- Public halves of the keys that have signed evidence, so that a rotation shows. The private ones are never here.
CREATE TABLE evidence_keys (
  workspace_id    text NOT NULL REFERENCES workspaces(id),
  fingerprint     text NOT NULL,
  allowed_signers text NOT NULL,
  pem             text NOT NULL,
  first_used_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  retired_at      timestamptz,
  PRIMARY KEY (workspace_id, fingerprint)
);
GRANT SELECT, INSERT, UPDATE (retired_at) ON evidence_keys TO hivekey_app;
