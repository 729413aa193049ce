-- Where the log is streamed to. Of a deleted sink the row stays: its ledger is evidence.

CREATE TABLE sinks (
  workspace_id      text NOT NULL REFERENCES workspaces(id),
  id                text NOT NULL,
  name              text NOT NULL,
  kind              text NOT NULL,
  format            text NOT NULL,
  -- of its kind; credentials are references
  settings          jsonb NOT NULL,
  raw               boolean NOT NULL,
  compact           boolean NOT NULL,
  -- fields of records that do not go out, and records that do not
  omit              text[] NOT NULL DEFAULT '{}',
  leave_out         text[] NOT NULL DEFAULT '{}',
  -- the log is not pruned beyond its cursor
  required          boolean NOT NULL,
  -- of a batch, where they are not those of the kind
  limits            jsonb NOT NULL DEFAULT '{}',
  objective_seconds integer NOT NULL CHECK (objective_seconds > 0),
  status            text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'deleted')),
  status_reason     text,
  -- what alerts tell of now
  alerted           text[] NOT NULL DEFAULT '{}',
  created_at        timestamptz NOT NULL,
  created_by        text NOT NULL,
  updated_at        timestamptz NOT NULL,
  updated_by        text NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX sinks_name ON sinks (workspace_id, name) WHERE status <> 'deleted';

-- A way through the log with a cursor of its own: the stream of a sink, a replay of a range, dead letters once more.
CREATE TABLE sink_streams (
  workspace_id     text NOT NULL,
  id               text NOT NULL,
  sink_id          text NOT NULL,
  purpose          text NOT NULL CHECK (purpose IN ('live', 'replay', 'redrive')),
  from_seq         bigint NOT NULL CHECK (from_seq > 0),
  to_seq           bigint,
  -- all up to here is settled: acknowledged, left out or set aside
  cursor_seq       bigint NOT NULL,
  -- of OCSF 1.9.0: the last event before the cursor, as the next one names it
  chain_link       jsonb,
  -- entries of each kind between the last checkpoint and the cursor
  counts           jsonb NOT NULL DEFAULT '{}',
  -- checkpoints made, the last one that was settled, and one that is on its way
  checkpoints      bigint NOT NULL DEFAULT 0,
  checkpointed_at  timestamptz,
  checkpoint       jsonb,
  -- last number of the batch on its way, where the same batch must be sent after a crash
  planned_seq      bigint,
  status           text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'cancelled')),
  reason           text,
  -- credentials or settings are wrong: tried again only then
  hold_code        text,
  hold_why         text,
  retry_at         timestamptz NOT NULL DEFAULT now(),
  failures         integer NOT NULL DEFAULT 0,
  failing_since    timestamptz,
  last_error_code  text,
  last_error       text,
  last_error_at    timestamptz,
  last_success_at  timestamptz,
  -- whether the receiver said of the last batch that it is stored
  confirmed        boolean,
  -- what of the receiver's own settings weakens that word
  remarks          text[] NOT NULL DEFAULT '{}',
  events           bigint NOT NULL DEFAULT 0,
  bytes            bigint NOT NULL DEFAULT 0,
  retries          bigint NOT NULL DEFAULT 0,
  duplicates       bigint NOT NULL DEFAULT 0,
  -- the node that sends until then; the epoch grows with each change of hands and fences an older one out
  lease_node       text,
  lease_until      timestamptz,
  lease_epoch      bigint NOT NULL DEFAULT 0,
  created_at       timestamptz NOT NULL,
  created_by       text NOT NULL,
  finished_at      timestamptz,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, sink_id) REFERENCES sinks(workspace_id, id),
  CHECK (cursor_seq >= from_seq - 1),
  CHECK ((purpose = 'live') = (to_seq IS NULL))
);
CREATE UNIQUE INDEX sink_streams_live ON sink_streams (workspace_id, sink_id) WHERE purpose = 'live';
CREATE INDEX sink_streams_newest ON sink_streams (workspace_id, sink_id, created_at DESC, id DESC);
CREATE INDEX sink_streams_running ON sink_streams (retry_at) WHERE status = 'running';

GRANT SELECT, INSERT, UPDATE ON sinks, sink_streams TO hivekey_app;
