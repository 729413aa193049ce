-- When somebody last came in by a provider stands with it, whoever reads it, before anybody is signed in, too.
CREATE INDEX person_identities_last_used ON person_identities (workspace_id, provider_id, last_used_at);
