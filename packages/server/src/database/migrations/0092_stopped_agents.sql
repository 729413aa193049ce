-- Name and owner of a covered agent when the stop was given, for its receipt. Null: given before these were kept.
ALTER TABLE containment_agents ADD COLUMN handle text, ADD COLUMN owner text;
