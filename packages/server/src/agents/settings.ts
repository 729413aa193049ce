/** How agents come about in a workspace, and when one counts as forgotten. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import { type ActionLog, changesOf, type LoggedTransaction } from '../log/index.ts';

export const agentSettingsSchema = z
  .object({
    object: z.literal('agent_settings'),
    admission: z.enum(['direct', 'reviewed']).meta({
      description: '`reviewed`: an agent is made by a request that somebody else approves, and in no other way.',
    }),
    request_hours: z.int().meta({ description: 'A request without an answer is over after that.' }),
    dormant_days: z.int().meta({ description: 'An agent without an action for that long is dormant.' }),
    suspend_dormant: z.boolean().meta({ description: 'Whether a dormant agent is suspended.' }),
    warn_days: z.int().meta({ description: 'How long before the end of an agent a record warns of it.' }),
    author: z.string().nullable(),
    updated_at: z.int().nullable(),
  })
  .meta({ id: 'AgentSettings' });

export type AgentSettings = z.output<typeof agentSettingsSchema>;

const days = z.int().min(1).max(3650);

export const agentSettingsChangeSchema = z.strictObject({
  admission: z.enum(['direct', 'reviewed']).optional(),
  request_hours: z
    .int()
    .min(1)
    .max(24 * 90)
    .optional(),
  dormant_days: days.optional(),
  suspend_dormant: z.boolean().optional(),
  warn_days: days.optional(),
});

/** Of a workspace without a row. */
export const DEFAULT_AGENT_SETTINGS = {
  object: 'agent_settings',
  admission: 'direct',
  request_hours: 14 * 24,
  dormant_days: 90,
  suspend_dormant: false,
  warn_days: 14,
  author: null,
  updated_at: null,
} as const satisfies AgentSettings;

export async function readAgentSettings(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<AgentSettings> {
  const { rows } = await client.query<AgentSettings>(
    `SELECT 'agent_settings' AS object, admission, request_hours, dormant_days, suspend_dormant, warn_days, author,
            floor(extract(epoch FROM updated_at))::bigint AS updated_at
       FROM agent_settings WHERE workspace_id = $1`,
    [workspaceId],
  );
  return rows[0] ?? DEFAULT_AGENT_SETTINGS;
}

/** What is absent stays. */
export function changeAgentSettings(
  log: ActionLog,
  who: Administrator,
  change: z.output<typeof agentSettingsChangeSchema>,
): Promise<AgentSettings> {
  return log.transact(who.workspaceId, (transaction) => changeAgentSettingsIn(transaction, who, change));
}

export async function changeAgentSettingsIn(
  { client, log: record }: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  change: z.output<typeof agentSettingsChangeSchema>,
): Promise<AgentSettings> {
  const before = await readAgentSettings(client, workspaceId);
  const after = {
    admission: change.admission ?? before.admission,
    request_hours: change.request_hours ?? before.request_hours,
    dormant_days: change.dormant_days ?? before.dormant_days,
    suspend_dormant: change.suspend_dormant ?? before.suspend_dormant,
    warn_days: change.warn_days ?? before.warn_days,
  };
  const changes = changesOf(before, after);
  if (Object.keys(changes).length === 0) return before;
  await client.query(
    `INSERT INTO agent_settings (workspace_id, admission, request_hours, dormant_days, suspend_dormant, warn_days, author)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (workspace_id) DO UPDATE SET admission = excluded.admission, request_hours = excluded.request_hours,
         dormant_days = excluded.dormant_days, suspend_dormant = excluded.suspend_dormant, warn_days = excluded.warn_days,
         author = excluded.author, updated_at = clock_timestamp()`,
    [workspaceId, ...Object.values(after), actor],
  );
  record({ kind: 'workspace.changed', actor, change: 'agents', changes });
  return readAgentSettings(client, workspaceId);
}
