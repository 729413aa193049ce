/** What a stop can promise of the upstream connections behind it: what is cut, what dies by itself, what can only be asked for. */
import type { ContainmentReceipt } from '@hivekey/action-log';
import type { Pool } from 'pg';
import type { WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';

// Where the tools were not listed, every connection of the workspace.
const KEEP = `
INSERT INTO containment_connections (workspace_id, containment_id, server, custody, ends_at)
SELECT $1, $2, c.namespace, c.custody, now() + make_interval(secs => c.lease_seconds)
  FROM (SELECT namespace, custody, lease_seconds FROM mcp_servers WHERE workspace_id = $1
        UNION ALL SELECT namespace, custody, lease_seconds FROM http_apis WHERE workspace_id = $1) c
  JOIN containments k ON k.workspace_id = $1 AND k.id = $2
 WHERE k.tools_listed IS NOT TRUE
    OR EXISTS (SELECT FROM containment_tools t
                WHERE t.workspace_id = $1 AND t.containment_id = $2 AND split_part(t.capability, '.', 1) = c.namespace)
ON CONFLICT DO NOTHING
RETURNING server, custody`;

/** After the tools were kept. Of what agents may hold themselves, the rotation is asked for on the log. */
export async function keepConnections(
  { client, log }: LoggedTransaction,
  workspaceId: WorkspaceId,
  id: string,
): Promise<void> {
  const { rows } = await client.query<{ server: string; custody: string }>(KEEP, [workspaceId, id]);
  for (const { server, custody } of rows)
    if (custody === 'external')
      log({ kind: 'server.changed', actor: 'system', server, change: 'rotation_requested', containment_id: id });
}

type Connections = NonNullable<ContainmentReceipt['connections']>;
const STATES = { injected: 'cut', leased: 'ends', external: 'requested' } as const;

export async function readConnections(pool: Pool, workspaceId: WorkspaceId, id: string): Promise<Connections> {
  const { rows } = await pool.query<{ server: string; custody: keyof typeof STATES; ends_at: Date | null }>(
    `SELECT server, custody, ends_at FROM containment_connections
      WHERE workspace_id = $1 AND containment_id = $2 ORDER BY server COLLATE "C"`,
    [workspaceId, id],
  );
  return rows.map(({ server, custody, ends_at }) => ({
    server,
    custody,
    state: STATES[custody],
    ends_at: ends_at?.toISOString() ?? null,
  }));
}
