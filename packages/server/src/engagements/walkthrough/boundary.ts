import type { Button } from './step.ts';

const COUNTS = `
SELECT (SELECT count(*)::int FROM agents WHERE workspace_id = $1 AND rehearsal_id IS NULL) AS agents,
       (SELECT count(*)::int FROM capabilities WHERE workspace_id = $1) AS capabilities,
       (SELECT count(*)::int FROM mcp_servers WHERE workspace_id = $1) AS mcp_servers,
       (SELECT count(*)::int FROM http_apis WHERE workspace_id = $1) AS http_apis,
       (SELECT count(*)::int FROM people WHERE workspace_id = $1 AND active AND NOT external) AS people,
       (SELECT count(*)::int FROM unregistered_identities WHERE workspace_id = $1 AND dismissed_at IS NULL) AS unregistered`;

export const boundary: Button = async ({ pool, log }, { workspaceId }) => {
  const { rows } = await pool.query<Record<string, number>>(COUNTS, [workspaceId]);
  const [counts = {}] = rows;
  const entries = await log.size(workspaceId);
  return {
    shown: true,
    said: `Agents: ${counts.agents}. Capabilities: ${counts.capabilities}, MCP servers: ${counts.mcp_servers}, APIs: ${counts.http_apis}. People: ${counts.people}. Entries: ${entries}. Identities seen that are no agents here: ${counts.unregistered}.`,
    facts: { ...counts, entries, not_seen: 'calls made with credentials that HiveKey does not hold' },
  };
};
