-- Whoever activates an emergency alone has a part in it beside whoever submitted it: neither reviews it afterwards.
ALTER TABLE change_edits DROP CONSTRAINT change_edits_pkey;
ALTER TABLE change_edits ADD PRIMARY KEY (workspace_id, change_id, edit, what, person_id);
