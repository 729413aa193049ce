-- What evidence looks up in the log for each row of a population: few records each, among all that agents do.
CREATE INDEX actions_of_people ON actions (workspace_id, (record ->> 'person_id'), seq)
  WHERE kind IN ('person.changed', 'person.left', 'identity.linked', 'identity.unlinked');
CREATE INDEX actions_of_sessions ON actions (workspace_id, (record ->> 'session'), seq)
  WHERE kind IN ('session.started', 'session.stepped_up');
