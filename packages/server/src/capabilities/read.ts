/** Reading capabilities. */

import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { jsonObject } from '../api/route.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';

export const capabilitySchema = z
  .object({
    object: z.literal('capability'),
    name: z.string(),
    description: z.string(),
    access: z.enum(['read', 'write']),
    destructive: z.boolean(),
    impact: jsonObject.meta({ description: 'Unit → how a call’s amount is found.' }),
    input_schema: jsonObject.nullable(),
    external: z
      .boolean()
      .nullable()
      .meta({ description: 'Whether a call reaches beyond the company; null: nobody has said.' }),
    about: jsonObject.nullable().meta({ description: 'The arguments that say what a call is about.' }),
    reference: z
      .string()
      .nullable()
      .meta({ description: 'The member of the result by which the tool itself knows the call.' }),
    source: z.enum(['declared', 'discovered']),
    roles: z.array(z.string()).meta({ description: 'Roles that grant it.' }),
    stopped: z.boolean().meta({ description: 'Under a tool stop: refused on every path.' }),
  })
  .meta({ id: 'Capability' });

export type CapabilityView = z.output<typeof capabilitySchema>;

const CAPABILITIES = `
SELECT 'capability' AS object, c.name, c.description, c.access, c.destructive, c.impact, c.input_schema, c.external, c.about, c.reference, c.source,
       ARRAY(SELECT r.name FROM roles r
               JOIN role_revisions v ON v.workspace_id = r.workspace_id AND v.role = r.name AND v.revision = r.current_revision
              WHERE r.workspace_id = c.workspace_id AND v.document -> 'scope' -> 'allow' ? c.name ORDER BY r.name) AS roles,
       EXISTS (SELECT FROM containments k WHERE k.workspace_id = c.workspace_id AND k.scope = 'tool' AND k.target = c.name
                AND k.lifted_at IS NULL) AS stopped
  FROM capabilities c WHERE c.workspace_id = $1`;

/** By name, up to `limit` after `after`. */
export async function listCapabilities(
  pool: Pool,
  workspaceId: WorkspaceId,
  after: string | undefined,
  limit: number,
): Promise<CapabilityView[]> {
  const { rows } = await pool.query<CapabilityView>(
    `${CAPABILITIES} AND ($2::text IS NULL OR c.name COLLATE "C" > $2 COLLATE "C") ORDER BY c.name COLLATE "C" LIMIT $3`,
    [workspaceId, after ?? null, limit],
  );
  return rows;
}

export async function findCapability(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  name: string,
): Promise<CapabilityView | undefined> {
  const { rows } = await client.query<CapabilityView>(`${CAPABILITIES} AND c.name = $2`, [workspaceId, name]);
  return rows[0];
}

/** Throws `capability_not_found`. */
export async function readCapability(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  name: string,
): Promise<CapabilityView> {
  const capability = await findCapability(client, workspaceId, name);
  if (capability !== undefined) return capability;
  throw new Failure(
    404,
    'capability_not_found',
    `There is no capability "${name}".`,
    'List capabilities with GET /v1/capabilities.',
  );
}

/** Capabilities that people declared for tools that agents run themselves: those that no MCP server or HTTP API brought. */
export async function declaredCapabilities(pool: Pool, workspaceId: WorkspaceId): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT c.name FROM capabilities c WHERE c.workspace_id = $1 AND c.source = 'declared'
        AND NOT EXISTS (SELECT FROM mcp_definitions d WHERE d.workspace_id = c.workspace_id AND d.capability = c.name)
        AND NOT EXISTS (SELECT FROM http_operations o WHERE o.workspace_id = c.workspace_id AND o.capability = c.name)`,
    [workspaceId],
  );
  return new Set(rows.map(({ name }) => name));
}
