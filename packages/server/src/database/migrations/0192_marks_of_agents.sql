-- How many of the revisions of an agent's state only say that it has read what is not trusted. What depends on who may do what
-- leaves them out: an agent that reads the web is marked every few minutes, and its blast radius is the same.
ALTER TABLE agent_state ADD COLUMN marks integer NOT NULL DEFAULT 0;
