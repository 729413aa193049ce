-- Definitions are kept as the upstream sent them: agents get their members in the same order, and a text
-- that jsonb would refuse is stored and judged like any other.
ALTER TABLE mcp_definitions
  ALTER COLUMN definition TYPE json,
  ALTER COLUMN approved_definition TYPE json;
