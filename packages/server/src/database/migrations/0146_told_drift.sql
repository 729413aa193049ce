-- Administrators are told over the channels when something was edited past HiveKey.
DROP INDEX actions_told;
CREATE INDEX actions_told ON actions (workspace_id, seq)
  WHERE kind LIKE 'approval.%' OR kind LIKE 'delegation.%' OR kind LIKE 'transfer.%' OR kind LIKE 'break_glass.%'
     OR kind IN ('blast_radius.exceeded', 'blast_radius.differs', 'drift.found');
