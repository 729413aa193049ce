/** Versions of what an agent is made of. The one in force stands on the records of its calls. */
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { AgentId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type Attributes, attributeChanges, attributesView, digestOf } from './attributes.ts';

export const agentVersionSchema = z
  .object({
    object: z.literal('agent_version'),
    agent: z.string(),
    agent_id: z.string(),
    version: z.int(),
    attributes: attributesView,
    sha256: z.string().meta({ description: 'Of the RFC 8785 form of the attributes.' }),
    author: z.string(),
    created: z.int(),
    changes: z.record(z.string(), z.array(z.unknown()).length(2)).meta({
      description: 'Attribute → before and after, against the version before, or the one asked for.',
    }),
  })
  .meta({ id: 'AgentVersion' });

export type AgentVersion = z.output<typeof agentVersionSchema>;

interface Row {
  agent: string;
  agent_id: AgentId;
  version: number;
  attributes: Attributes;
  sha256: string;
  author: string;
  created: number;
  before: Attributes | null;
}

const VERSIONS = `
SELECT a.handle AS agent, v.agent_id, v.version, v.attributes, v.sha256, v.author,
       floor(extract(epoch FROM v.created_at))::bigint AS created, b.attributes AS before
  FROM agent_versions v
  JOIN agents a ON a.workspace_id = v.workspace_id AND a.id = v.agent_id
  LEFT JOIN agent_versions b ON b.workspace_id = v.workspace_id AND b.agent_id = v.agent_id
        AND b.version = coalesce($3::integer, v.version - 1)
 WHERE v.workspace_id = $1 AND v.agent_id = $2`;

function versionOf({ before, ...row }: Row): AgentVersion {
  return { object: 'agent_version', ...row, changes: attributeChanges(before ?? {}, row.attributes) };
}

/** Newest first, up to `limit` before the version `before`. */
export async function listVersions(
  pool: Pool,
  workspaceId: WorkspaceId,
  agentId: AgentId,
  before: number | undefined,
  limit: number,
): Promise<AgentVersion[]> {
  const { rows } = await pool.query<Row>(
    `${VERSIONS} AND ($4::integer IS NULL OR v.version < $4) ORDER BY v.version DESC LIMIT $5`,
    [workspaceId, agentId, null, before ?? null, limit],
  );
  return rows.map(versionOf);
}

/** With its changes against another version, or the one before. Throws `agent_version_not_found`. */
export async function readVersion(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
  agentId: AgentId,
  version: number,
  against?: number,
): Promise<AgentVersion> {
  const { rows } = await client.query<Row>(`${VERSIONS} AND v.version = $4`, [
    workspaceId,
    agentId,
    against ?? null,
    version,
  ]);
  const row = rows[0];
  if (row === undefined) throw versionNotFound(version);
  if (against !== undefined && row.before === null) throw versionNotFound(against);
  return versionOf(row);
}

function versionNotFound(version: number): Failure {
  return new Failure(
    404,
    'agent_version_not_found',
    `The agent has no version ${version}.`,
    'List them with GET /v1/agents/:agent/versions.',
  );
}

interface Versioned {
  readonly id: AgentId;
  readonly name: string;
  readonly owner: string;
  readonly version: number;
  readonly attributes: Attributes;
}

/** The next version with its record; nothing where nothing differs. The caller settles the agent, so that its next record has it. */
export async function declareAttributes(
  { client, log }: LoggedTransaction,
  { workspaceId, actor }: { readonly workspaceId: WorkspaceId; readonly actor: string },
  agent: Versioned,
  attributes: Attributes,
): Promise<void> {
  const changes = attributeChanges(agent.attributes, attributes);
  if (Object.keys(changes).length === 0) return;
  const version = agent.version + 1;
  const sha256 = digestOf(attributes);
  await client.query(
    `INSERT INTO agent_versions (workspace_id, agent_id, version, attributes, sha256, author) VALUES ($1, $2, $3, $4, $5, $6)`,
    [workspaceId, agent.id, version, attributes, sha256, actor],
  );
  await client.query('UPDATE agents SET version = $3 WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    agent.id,
    version,
  ]);
  log({
    kind: 'agent.versioned',
    actor,
    agent: agent.name,
    agent_id: agent.id,
    owner: agent.owner,
    agent_version: version,
    prev_sha256: agent.version === 0 ? undefined : digestOf(agent.attributes),
    sha256,
    attributes,
    changed: Object.keys(changes),
  });
}
