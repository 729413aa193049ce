-- Where the result of a call says how the tool itself knows it: a member of the structured content, such as id or charge.id.
ALTER TABLE capabilities ADD COLUMN reference text;
