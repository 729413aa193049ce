-- By what the tool itself knows the call, as the agent that carried it out said.
ALTER TABLE permits ADD COLUMN outcome_reference text;
