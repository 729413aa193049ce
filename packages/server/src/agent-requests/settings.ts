/** How agents come about in a workspace. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';

export const agentSettingsSchema = z
  .object({
    object: z.literal('agent_settings'),
    admission: z.enum(['direct', 'reviewed']).meta({
      description: '`reviewed`: an agent is made by a request that somebody else approves, and in no other way.',
    }),
    request_hours: z.int().meta({ description: 'A request without an answer is over after that.' }),
    author: z.string().nullable(),
    updated_at: z.int().nullable(),
  })
  .meta({ id: 'AgentSettings' });

export type AgentSettings = z.output<typeof agentSettingsSchema>;

export const agentSettingsChangeSchema = z.strictObject({
  admission: z.enum(['direct', 'reviewed']).optional(),
  request_hours: z
    .int()
    .min(1)
    .max(24 * 90)
    .optional(),
});

const DEFAULTS: AgentSettings = {
  object: 'agent_settings',
  admission: 'direct',
  request_hours: 14 * 24,
  author: null,
  updated_at: null,
};

export async function readAgentSettings(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<AgentSettings> {
  const { rows } = await client.query<AgentSettings>(
    `SELECT 'agent_settings' AS object, admission, request_hours, author, floor(extract(epoch FROM updated_at))::bigint AS updated_at
       FROM agent_settings WHERE workspace_id = $1`,
    [workspaceId],
  );
  return rows[0] ?? DEFAULTS;
}

/** What is absent stays. */
export function changeAgentSettings(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  change: z.output<typeof agentSettingsChangeSchema>,
): Promise<AgentSettings> {
  return log.transact(workspaceId, async ({ client, log: record }) => {
    const before = await readAgentSettings(client, workspaceId);
    const admission = change.admission ?? before.admission;
    const hours = change.request_hours ?? before.request_hours;
    const changes: Record<string, [unknown, unknown]> = {};
    if (admission !== before.admission) changes.admission = [before.admission, admission];
    if (hours !== before.request_hours) changes.request_hours = [before.request_hours, hours];
    if (Object.keys(changes).length === 0) return before;
    await client.query(
      `INSERT INTO agent_settings (workspace_id, admission, request_hours, author) VALUES ($1, $2, $3, $4)
       ON CONFLICT (workspace_id) DO UPDATE SET admission = excluded.admission, request_hours = excluded.request_hours,
         author = excluded.author, updated_at = clock_timestamp()`,
      [workspaceId, admission, hours, actor],
    );
    record({ kind: 'workspace.changed', actor, change: 'agents', changes });
    return readAgentSettings(client, workspaceId);
  });
}
