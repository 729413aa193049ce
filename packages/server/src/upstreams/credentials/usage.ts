/** Who uses a stored credential: what names it, which agents can reach that, and when it was last used. */
import type { ClientBase, Pool } from 'pg';
import { Failure } from '../../errors.ts';
import type { AgentId, WorkspaceId } from '../../ids.ts';
import { mayBeSame } from './same-place.ts';
import {
  type SecretDetailView,
  type SecretUser,
  type SecretView,
  secondsOf,
  secretView,
  type VersionRow,
} from './secret-views.ts';

/** By reference. A channel, and a sink, name their credentials in their settings. */
export async function credentialUsers(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<ReadonlyMap<string, readonly SecretUser[]>> {
  const { rows } = await client.query<SecretUser & { ref: string }>(
    `SELECT credential_ref AS ref, 'mcp_server' AS kind, id, namespace AS name, status
       FROM mcp_servers WHERE workspace_id = $1 AND credential_ref IS NOT NULL
     UNION ALL
     SELECT credential_ref, 'http_api', id, namespace, status
       FROM http_apis WHERE workspace_id = $1 AND credential_ref IS NOT NULL
     UNION ALL
     SELECT s.value, 'channel', c.kind, c.kind, 'active'
       FROM channels c, jsonb_each_text(c.settings) AS s WHERE c.workspace_id = $1 AND s.key LIKE '%\\_ref'
     UNION ALL
     SELECT DISTINCT f.ref #>> '{}', 'sink', s.id, s.name, s.status
       FROM sinks s, jsonb_path_query(s.settings, '$.** ? (@.type() == "object").keyvalue() ? (@.key like_regex "_refs?$")') AS named,
            jsonb_path_query(named, '$.value[*] ? (@.type() == "string")') AS f (ref)
      WHERE s.workspace_id = $1 AND s.status <> 'deleted'
     ORDER BY 2, 4`,
    [workspaceId],
  );
  const users = new Map<string, SecretUser[]>();
  for (const { ref, ...user } of rows) users.set(ref, [...(users.get(ref) ?? []), user]);
  return users;
}

/**
 * Before something is given these credentials: throws `credential_of_slack` where it would share one with Slack. With the
 * signing secret of Slack people decide there, so that it goes nowhere else, where who set that up could read it.
 */
export async function refuseOfSlack(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  user: 'slack' | 'other',
  refs: readonly (string | null | undefined)[],
): Promise<void> {
  const wanted = refs.flatMap((ref) => ref ?? []);
  if (wanted.length === 0) return;
  for (const [ref, users] of await credentialUsers(client, workspaceId))
    for (const { kind, name } of users) {
      const isOfSlack = kind === 'channel' && name === 'slack';
      if (isOfSlack === (user === 'slack') || !wanted.some((each) => mayBeSame(each, ref))) continue;
      throw new Failure(
        409,
        'credential_of_slack',
        `The credential ${ref} is that of ${name} already, and nothing shares one with Slack.`,
        'Give Slack credentials of its own.',
      );
    }
}

/** By name; of one name with its retired versions too. */
export async function describeSecrets(
  pool: Pool,
  workspaceId: WorkspaceId,
  nowMs: number,
  name?: string,
): Promise<readonly SecretView[]> {
  const [{ rows: versions }, { rows: uses }, users] = await Promise.all([
    pool.query<VersionRow>(
      `SELECT name, version, state, last4, created_at, created_by, expires_at, retires_at, kek FROM upstream_secrets
        WHERE workspace_id = $1 AND position(':' IN name) = 0
          AND ($2::text IS NULL AND state <> 'retired' OR name = $2)
        ORDER BY name, version DESC`,
      [workspaceId, name ?? null],
    ),
    pool.query<{ ref: string; used_at: Date }>('SELECT ref, used_at FROM credential_uses WHERE workspace_id = $1', [
      workspaceId,
    ]),
    credentialUsers(pool, workspaceId),
  ]);
  const used = new Map(uses.map(({ ref, used_at }) => [ref, used_at]));
  return [...Map.groupBy(versions, (row) => row.name)]
    .filter(([, rows]) => rows.some(({ state }) => state !== 'retired'))
    .map(([each, rows]) => {
      const ref = `vault://${each}`;
      return secretView(rows, { usedAt: used.get(ref), usedBy: users.get(ref) ?? [], nowMs });
    });
}

interface ReachRow {
  id: AgentId;
  name: string;
  status: string;
  capabilities: string[];
  last_call: Date | null;
}

/** Which agents are granted anything of these servers and APIs. A capability begins with its namespace. */
export async function reachOf(
  pool: Pool,
  workspaceId: WorkspaceId,
  namespaces: readonly string[],
): Promise<SecretDetailView['agents']> {
  if (namespaces.length === 0) return [];
  const { rows } = await pool.query<ReachRow>(
    `WITH reach AS (
       SELECT g.agent_id, array_agg(DISTINCT c.name ORDER BY c.name) AS capabilities
         FROM agent_roles g
         JOIN roles r ON r.workspace_id = g.workspace_id AND r.name = g.role
         JOIN role_revisions v ON v.workspace_id = r.workspace_id AND v.role = r.name AND v.revision = r.current_revision
        CROSS JOIN jsonb_array_elements_text(v.document -> 'scope' -> 'allow') AS c (name)
        WHERE g.workspace_id = $1 AND split_part(c.name, '.', 1) = ANY($2)
        GROUP BY g.agent_id)
     SELECT a.id, a.handle AS name, s.status, reach.capabilities, x.ts AS last_call
       FROM reach
       JOIN agents a ON a.workspace_id = $1 AND a.id = reach.agent_id AND a.rehearsal_id IS NULL
       JOIN agent_state s ON s.workspace_id = a.workspace_id AND s.agent_id = a.id
       LEFT JOIN LATERAL (
         SELECT ts FROM actions
          WHERE workspace_id = $1 AND agent_id = a.id AND action = ANY(reach.capabilities)
            AND kind = 'tool.call' AND verdict = 'allow' AND ts > now() - interval '90 days'
          ORDER BY seq DESC LIMIT 1) x ON true
      ORDER BY a.handle`,
    [workspaceId, namespaces],
  );
  return rows.map(({ last_call, ...agent }) => ({
    ...agent,
    last_call: last_call === null ? null : secondsOf(last_call),
  }));
}
