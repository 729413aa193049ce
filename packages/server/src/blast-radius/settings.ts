/** What the bound rests on and nobody measures: stated by people, with where they have it from. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { type Agent, readAgent } from '../agents/index.ts';
import type { Administrator } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';

const MAX_SECONDS = 366 * 86_400;
const MAX_ROWS = 200;
const source = z.string().trim().min(1).max(500);
const pattern = z
  .string()
  .max(200)
  .regex(/^(\*|[a-z][a-z0-9-]*(\.[A-Za-z0-9_-]+)*(\.\*)?)$/, 'is no capability, crm.* or *');
const stated = z
  .strictObject({ seconds: z.int().min(0).max(MAX_SECONDS), source })
  .nullable()
  .default(null);

export const settingsSchema = z
  .strictObject({
    detection: stated.meta({
      description: 'From the first act of a compromised agent until somebody knows. Null: nobody has said.',
    }),
    revocation: stated.meta({ description: 'From then until it is stopped, where no drill or stop has measured it.' }),
    authority: z
      .array(z.strictObject({ capability: pattern, gives: z.enum(['roles', 'everything']) }))
      .max(MAX_ROWS)
      .nullable()
      .default(null)
      .meta({ description: 'Capabilities that change what agents may do. Null: by the names that such things have.' }),
    reaches: z
      .array(z.strictObject({ agent: z.string().min(1).max(128), other: z.string().min(1).max(128), source }))
      .max(MAX_ROWS)
      .default([])
      .meta({ description: 'Agents that can come by the credentials of other agents, such as of those they start.' }),
  })
  .meta({ id: 'BlastRadiusSettingsChange' });

export type RadiusSettings = z.output<typeof settingsSchema>;

export const settingsView = z
  .object({
    object: z.literal('blast_radius_settings'),
    ...settingsSchema.shape,
    author: z.string().nullable(),
    updated_at: z.int().nullable(),
  })
  .meta({ id: 'BlastRadiusSettings' });

interface Row {
  document: unknown;
  author: string;
  updated_at: number;
}

export async function readSettings(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<z.output<typeof settingsView>> {
  const { rows } = await client.query<Row>(
    `SELECT document, author, floor(extract(epoch FROM updated_at))::bigint AS updated_at
       FROM blast_radius_settings WHERE workspace_id = $1`,
    [workspaceId],
  );
  const [row] = rows;
  return {
    object: 'blast_radius_settings',
    ...settingsSchema.parse(row?.document ?? {}),
    author: row?.author ?? null,
    updated_at: row?.updated_at ?? null,
  };
}

/** Agents are kept by id. Throws `agent_not_found`. */
export function putSettings(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  settings: RadiusSettings,
): Promise<z.output<typeof settingsView>> {
  return log.transact(workspaceId, async ({ client, log: record }) => {
    const idOf = async (agent: string): Promise<Agent['id']> => (await readAgent(client, workspaceId, agent)).id;
    const reaches: RadiusSettings['reaches'] = [];
    for (const each of settings.reaches)
      reaches.push({ ...each, agent: await idOf(each.agent), other: await idOf(each.other) });
    const document = { ...settings, reaches };
    await client.query(
      `INSERT INTO blast_radius_settings (workspace_id, document, author) VALUES ($1, $2, $3)
       ON CONFLICT (workspace_id) DO UPDATE SET document = excluded.document, author = excluded.author, updated_at = clock_timestamp()`,
      [workspaceId, JSON.stringify(document), actor],
    );
    record({ kind: 'blast_radius.settings', actor, settings: document });
    return readSettings(client, workspaceId);
  });
}
