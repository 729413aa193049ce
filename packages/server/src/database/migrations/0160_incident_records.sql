-- The records of one change or stop, for the timelines of incidents.
CREATE INDEX actions_of_changes ON actions (workspace_id, (record ->> 'change_id'), seq) WHERE kind LIKE 'change.%';
CREATE INDEX actions_of_stops ON actions (workspace_id, (record ->> 'containment_id'), seq) WHERE kind LIKE 'containment.%';
