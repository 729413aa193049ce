/** How a connection fares, by the hour. */
import type { Pool } from 'pg';
import type { ConnectionView } from './connection.ts';
import type { Provisioner } from './provisioner.ts';

/** That are shown. */
export const TRAFFIC_HOURS = 24;

export interface Traffic {
  readonly resource: keyof ConnectionView['last_day'];
  readonly isWrite: boolean;
  /** Of a refusal. */
  readonly error?: {
    readonly status: number;
    readonly scim_type: string | null;
    readonly detail: string;
    readonly request: string;
  };
}

/** Notes one request, for the health of the connection; the log has every change. Forgets what is older than a day. */
export async function noteTraffic(
  pool: Pool,
  { workspaceId, directory, tokenId }: Provisioner,
  { resource, isWrite, error }: Traffic,
): Promise<void> {
  await pool.query({
    name: 'scim-traffic',
    text: `WITH seen AS (
             UPDATE scim_connections SET last_seen_at = clock_timestamp(), last_error = coalesce($6, last_error),
                    last_error_at = CASE WHEN $6::jsonb IS NULL THEN last_error_at ELSE clock_timestamp() END
              WHERE workspace_id = $1 AND id = $2),
           used AS (UPDATE scim_tokens SET last_used_at = clock_timestamp() WHERE workspace_id = $1 AND id = $3),
           forgotten AS (
             DELETE FROM scim_traffic WHERE workspace_id = $1 AND connection_id = $2
                AND hour < clock_timestamp() - ${TRAFFIC_HOURS + 1} * interval '1 hour')
           INSERT INTO scim_traffic AS t (workspace_id, connection_id, hour, resource, reads, writes, refused)
           VALUES ($1, $2, date_trunc('hour', clock_timestamp()), $4, CASE WHEN $5 THEN 0 ELSE 1 END, CASE WHEN $5 THEN 1 ELSE 0 END,
                   CASE WHEN $6::jsonb IS NULL THEN 0 ELSE 1 END)
           ON CONFLICT (workspace_id, connection_id, hour, resource) DO UPDATE
              SET reads = t.reads + excluded.reads, writes = t.writes + excluded.writes, refused = t.refused + excluded.refused`,
    values: [workspaceId, directory, tokenId, resource, isWrite, error === undefined ? null : JSON.stringify(error)],
  });
}
