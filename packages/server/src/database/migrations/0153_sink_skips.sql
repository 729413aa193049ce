-- To go on behind entries that were not delivered takes two people: one asks, another agrees.
CREATE TABLE sink_skips (
  workspace_id   text NOT NULL,
  id             text NOT NULL,
  sink_id        text NOT NULL,
  -- the last entry that is not sent
  to_seq         bigint NOT NULL,
  reason         text NOT NULL,
  status         text NOT NULL DEFAULT 'proposed' CHECK (status IN ('proposed', 'confirmed', 'withdrawn')),
  proposed_at    timestamptz NOT NULL,
  proposed_by    text NOT NULL,
  proposed_by_id text NOT NULL,
  answer_by      timestamptz NOT NULL,
  answered_at    timestamptz,
  answered_by    text,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, sink_id) REFERENCES sinks(workspace_id, id),
  FOREIGN KEY (workspace_id, proposed_by_id) REFERENCES people(workspace_id, id)
);
CREATE INDEX sink_skips_newest ON sink_skips (workspace_id, sink_id, proposed_at DESC, id DESC);

GRANT SELECT, INSERT, UPDATE ON sink_skips TO hivekey_app;
