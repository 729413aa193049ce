-- What became of the log's entries at each sink, by the UTC day of the record.
CREATE TABLE sink_ledger (
  workspace_id text NOT NULL,
  sink_id      text NOT NULL,
  day          date NOT NULL,
  -- settled, but for those left out: produced = accepted + rejected
  produced     bigint NOT NULL DEFAULT 0,
  accepted     bigint NOT NULL DEFAULT 0,
  -- of those accepted, without the word of the receiver that they are stored
  unconfirmed  bigint NOT NULL DEFAULT 0,
  rejected     bigint NOT NULL DEFAULT 0,
  filtered     bigint NOT NULL DEFAULT 0,
  -- sent once more, because it was not known that they had arrived; sent once more because somebody ordered it
  retried      bigint NOT NULL DEFAULT 0,
  replayed     bigint NOT NULL DEFAULT 0,
  duplicates   bigint NOT NULL DEFAULT 0,
  checkpoints  bigint NOT NULL DEFAULT 0,
  bytes        bigint NOT NULL DEFAULT 0,
  max_lag_ms   bigint NOT NULL DEFAULT 0,
  -- of this day by the clock: while entries waited and none was settled, from the first minute on
  gap_seconds  integer NOT NULL DEFAULT 0,
  first_seq    bigint,
  last_seq     bigint,
  PRIMARY KEY (workspace_id, sink_id, day),
  FOREIGN KEY (workspace_id, sink_id) REFERENCES sinks(workspace_id, id),
  CHECK (produced = accepted + rejected),
  CHECK (unconfirmed BETWEEN 0 AND accepted),
  CHECK (least(produced, accepted, rejected, filtered) >= 0)
);

GRANT SELECT, INSERT, UPDATE ON sink_ledger TO hivekey_app;
