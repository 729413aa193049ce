-- The action log: one block row per commit, one shard per writer, sealed into one tree per workspace.

CREATE TABLE log_shards (
  workspace_id text NOT NULL REFERENCES workspaces(id),
  shard_id     text NOT NULL,
  -- fencing number: grows each time a writer takes the shard; an older holder's compare-and-set fails
  fence        bigint NOT NULL DEFAULT 0,
  holder       text,
  next_block   bigint NOT NULL DEFAULT 1,
  next_seq     bigint NOT NULL DEFAULT 1,
  head         bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, shard_id)
) WITH (fillfactor = 50);

CREATE TABLE log_blocks (
  workspace_id text NOT NULL,
  shard_id     text NOT NULL,
  block        bigint NOT NULL,
  first_seq    bigint NOT NULL,
  count        integer NOT NULL CHECK (count > 0),
  -- canonical records joined by LF; entry hashes joined, 32 bytes each
  records      bytea NOT NULL,
  entry_hashes bytea NOT NULL,
  prev_head    bytea NOT NULL,
  head         bytea NOT NULL,
  committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, shard_id, block),
  CHECK (octet_length(entry_hashes) = 32 * count)
);

-- Which global numbers a block received. Gapless: the next block starts where the last ended.
CREATE TABLE log_seals (
  workspace_id text NOT NULL,
  shard_id     text NOT NULL,
  block        bigint NOT NULL,
  first_global_seq bigint NOT NULL,
  count        integer NOT NULL,
  sealed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (workspace_id, shard_id, block),
  UNIQUE (workspace_id, first_global_seq),
  FOREIGN KEY (workspace_id, shard_id, block) REFERENCES log_blocks(workspace_id, shard_id, block)
);

-- C2SP tlog-tiles, height 8: `width` hashes of 32 bytes. A partial tile is replaced by a wider row.
CREATE TABLE log_tiles (
  workspace_id text NOT NULL,
  level        integer NOT NULL,
  index        bigint NOT NULL,
  width        integer NOT NULL CHECK (width BETWEEN 1 AND 256),
  hashes       bytea NOT NULL,
  PRIMARY KEY (workspace_id, level, index, width)
);

CREATE TABLE log_checkpoints (
  workspace_id text NOT NULL,
  tree_size    bigint NOT NULL,
  root         bytea NOT NULL,
  -- the C2SP signed note, complete
  note         text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  id           bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX log_checkpoints_size ON log_checkpoints (workspace_id, tree_size);

-- Where copies outside the database stand (file, HTTP witness).
CREATE TABLE checkpoint_copies (
  workspace_id text NOT NULL,
  destination  text NOT NULL,
  tree_size    bigint NOT NULL,
  last_error   text,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, destination)
);

-- Sliding windows: a running total per counter and window, and the entries that make it up.
CREATE TABLE window_counters (
  workspace_id text NOT NULL,
  key          text NOT NULL,
  window_seconds integer NOT NULL,
  total        bigint NOT NULL,
  -- entries with id below this have left the running total
  pruned_below bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, key, window_seconds)
) WITH (fillfactor = 50);

CREATE TABLE window_entries (
  workspace_id text NOT NULL,
  key          text NOT NULL,
  id           bigint GENERATED ALWAYS AS IDENTITY,
  at           timestamptz NOT NULL,
  amount       bigint NOT NULL CHECK (amount >= 0),
  event_id     text NOT NULL,
  PRIMARY KEY (workspace_id, key, id)
);
CREATE INDEX window_entries_time ON window_entries (workspace_id, key, at);
CREATE INDEX window_entries_event ON window_entries (workspace_id, event_id);

-- The queryable projection. Derived from the blocks: it can be dropped and rebuilt.
CREATE TABLE actions (
  workspace_id text NOT NULL,
  seq          bigint NOT NULL,
  ts           timestamptz NOT NULL,
  event_id     text NOT NULL,
  kind         text NOT NULL,
  agent_id     text,
  agent        text,
  agent_seq    bigint,
  owner        text,
  action       text,
  verdict      text,
  reason_class text,
  reason       text,
  -- of a call: filled in when its result arrives
  outcome      text,
  call_event_id text,
  session_id   text,
  policy       text,
  shard_id     text NOT NULL,
  shard_seq    bigint NOT NULL,
  entry_hash   bytea NOT NULL,
  prev_hash    bytea NOT NULL,
  hash         bytea NOT NULL,
  record       jsonb NOT NULL,
  PRIMARY KEY (workspace_id, seq, ts)
) PARTITION BY RANGE (ts);
CREATE TABLE actions_default PARTITION OF actions DEFAULT;
CREATE INDEX actions_time ON actions (workspace_id, ts DESC, seq DESC);
CREATE INDEX actions_agent ON actions (workspace_id, agent_id, seq DESC);
CREATE INDEX actions_owner ON actions (workspace_id, owner, seq DESC);
CREATE INDEX actions_action ON actions (workspace_id, action, seq DESC);
CREATE INDEX actions_verdict ON actions (workspace_id, verdict, seq DESC);
CREATE INDEX actions_event ON actions (workspace_id, event_id);
CREATE INDEX actions_session ON actions (workspace_id, session_id, seq DESC) WHERE session_id IS NOT NULL;

CREATE TABLE projection_cursor (
  workspace_id text PRIMARY KEY,
  next_seq     bigint NOT NULL DEFAULT 1
);
