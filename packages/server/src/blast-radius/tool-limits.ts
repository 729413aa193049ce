/** Limits that a provider keeps on a credential by itself. They alone are left when the gateway is bypassed. */
import type { OutsideLimit } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import type { ActionLog } from '../log/index.ts';

export const limitName = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'is not 1 to 63 of a-z 0-9 -, a letter first');

const pattern = z
  .string()
  .max(200)
  .regex(/^(\*|[a-z][a-z0-9-]*(\.[A-Za-z0-9_-]+)*(\.\*)?)$/, 'is no capability, crm.* or *');

export const toolLimitInput = z.strictObject({
  over: z.array(pattern).min(1).max(50).meta({ description: 'What it bounds: capabilities, crm.*, *.' }),
  unit: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,62}$/, 'is no unit')
    .nullable()
    .default(null)
    .meta({ description: 'Impact unit that it sums, money in minor units. Null: calls.' }),
  limit: z.int().min(0),
  window_seconds: z
    .int()
    .min(1)
    .max(366 * 86_400),
  window: z.enum(['sliding', 'fixed']).meta({ description: 'Calendar days and the like are fixed: two meet.' }),
  source: z.string().trim().min(1).max(500).meta({ description: 'Where it is set, and how that is known.' }),
});

export const toolLimitSchema = z
  .object({
    object: z.literal('tool_limit'),
    name: z.string(),
    ...toolLimitInput.shape,
    author: z.string(),
    updated_at: z.int(),
  })
  .meta({ id: 'ToolLimit' });

export type ToolLimit = z.output<typeof toolLimitSchema>;

const LIMITS = `
SELECT 'tool_limit' AS object, name, over, unit, "limit"::float8 AS "limit", window_seconds, "window", source, author,
       floor(extract(epoch FROM updated_at))::bigint AS updated_at
  FROM tool_limits WHERE workspace_id = $1`;

/** By name; all of them, as there are few. */
export async function listToolLimits(client: Pool | ClientBase, workspaceId: WorkspaceId): Promise<ToolLimit[]> {
  const { rows } = await client.query<ToolLimit>(`${LIMITS} ORDER BY name COLLATE "C"`, [workspaceId]);
  return rows;
}

export function outsideLimit({ name, over, unit, limit, window_seconds, window, source }: ToolLimit): OutsideLimit {
  return {
    id: name,
    sentence: source,
    over,
    ...(unit === null ? {} : { unit }),
    limit,
    windowSeconds: window_seconds,
    window,
  };
}

async function readToolLimit(client: ClientBase, workspaceId: WorkspaceId, name: string): Promise<ToolLimit> {
  const { rows } = await client.query<ToolLimit>(`${LIMITS} AND name = $2`, [workspaceId, name]);
  if (rows[0] !== undefined) return rows[0];
  throw new Failure(404, 'tool_limit_not_found', `There is no limit "${name}".`, 'List them with GET /v1/tool-limits.');
}

export function putToolLimit(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  name: string,
  input: z.output<typeof toolLimitInput>,
): Promise<ToolLimit> {
  return log.transact(workspaceId, async ({ client, log: record }) => {
    const { over, unit, limit, window_seconds, window, source } = input;
    await client.query(
      `INSERT INTO tool_limits (workspace_id, name, over, unit, "limit", window_seconds, "window", source, author)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       ON CONFLICT (workspace_id, name) DO UPDATE SET over = excluded.over, unit = excluded.unit, "limit" = excluded."limit",
         window_seconds = excluded.window_seconds, "window" = excluded."window", source = excluded.source,
         author = excluded.author, updated_at = clock_timestamp()`,
      [workspaceId, name, over, unit, limit, window_seconds, window, source, actor],
    );
    record({
      kind: 'tool_limit.changed',
      actor,
      tool_limit: name,
      change: 'stated',
      ...input,
      unit: unit ?? undefined,
    });
    return readToolLimit(client, workspaceId, name);
  });
}

/** Throws `tool_limit_not_found`. */
export function removeToolLimit(
  log: ActionLog,
  { workspaceId, actor }: Administrator,
  name: string,
): Promise<ToolLimit> {
  return log.transact(workspaceId, async ({ client, log: record }) => {
    const limit = await readToolLimit(client, workspaceId, name);
    await client.query('DELETE FROM tool_limits WHERE workspace_id = $1 AND name = $2', [workspaceId, name]);
    record({ kind: 'tool_limit.changed', actor, tool_limit: name, change: 'removed' });
    return limit;
  });
}
