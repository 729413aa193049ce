/** MCP servers and their definitions as they are stored: the only place with SQL on these tables. */
import type { JsonObject } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import type { ServerId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import type { Description } from './connections/connection.ts';
import { type CustodyColumns, custodyColumns, custodyOf } from './custody.ts';
import { DEFINITION_COLUMNS, type DefinitionRecord, definitionColumns, definitionOf } from './definition-rows.ts';
import type { Injection } from './injection.ts';
import type { NewServer, ServerSettings } from './input.ts';
import type { ChangedRow, DefinitionRow } from './reconcile.ts';
import type { DefaultAccess, RenameMap } from './server-map.ts';
import type { DefinitionKind, Era } from './types.ts';

export interface StoredServer {
  readonly workspaceId: WorkspaceId;
  readonly id: ServerId;
  readonly namespace: string;
  readonly settings: ServerSettings;
  readonly renameMap: RenameMap;
  readonly status: 'active' | 'disabled';
  /** What the server said of itself; undefined until it was reached. */
  readonly description: Description | undefined;
  /** Text for models as a person approved it; null: none. */
  readonly approvedInstructions: string | null;
  readonly discoveredAt: Date | null;
  readonly lastError: string | null;
  /** Why the authorization server refuses our client; undefined while it does not. */
  readonly credentialError: { readonly code: string; readonly since: Date } | undefined;
  readonly createdBy: string;
  readonly createdAt: Date;
  /** Grows with whatever a connection depends on. */
  readonly revision: number;
}

interface ServerRow extends CustodyColumns {
  workspace_id: WorkspaceId;
  id: ServerId;
  namespace: string;
  transport: 'http' | 'stdio';
  endpoint: string | null;
  command: string[] | null;
  environment: Record<string, string>;
  credential_ref: string | null;
  injection: Injection | null;
  default_access: DefaultAccess;
  trust_annotations: boolean;
  allow_private: boolean;
  rename_map: [string, RenameMap[string]][];
  era: Era | null;
  protocol_version: string | null;
  capabilities: JsonObject;
  instructions: string | null;
  approved_instructions: string | null;
  status: 'active' | 'disabled';
  last_error: string | null;
  credential_error: string | null;
  credential_error_at: Date | null;
  discovered_at: Date | null;
  created_by: string;
  created_at: Date;
  revision: number;
}

function serverOf(row: ServerRow): StoredServer {
  return {
    workspaceId: row.workspace_id,
    id: row.id,
    namespace: row.namespace,
    settings: {
      transport: row.transport,
      ...(row.endpoint === null ? {} : { endpoint: row.endpoint }),
      ...(row.command === null ? {} : { command: row.command }),
      environment: row.environment,
      ...(row.credential_ref === null ? {} : { credentialRef: row.credential_ref }),
      ...(row.injection === null ? {} : { injection: row.injection }),
      defaultAccess: row.default_access,
      trustAnnotations: row.trust_annotations,
      allowPrivate: row.allow_private,
      custody: custodyOf(row),
    },
    renameMap: Object.fromEntries(row.rename_map),
    status: row.status,
    description:
      row.era === null || row.protocol_version === null
        ? undefined
        : {
            era: row.era,
            protocolVersion: row.protocol_version,
            capabilities: row.capabilities,
            ...(row.instructions === null ? {} : { instructions: row.instructions }),
          },
    approvedInstructions: row.approved_instructions,
    discoveredAt: row.discovered_at,
    lastError: row.last_error,
    credentialError:
      row.credential_error === null || row.credential_error_at === null
        ? undefined
        : { code: row.credential_error, since: row.credential_error_at },
    createdBy: row.created_by,
    createdAt: row.created_at,
    revision: row.revision,
  };
}

type Queryable = Pool | ClientBase;

/** By namespace. */
export async function listServers(client: Queryable, workspaceId: WorkspaceId): Promise<readonly StoredServer[]> {
  const { rows } = await client.query<ServerRow>(
    'SELECT * FROM mcp_servers WHERE workspace_id = $1 ORDER BY namespace',
    [workspaceId],
  );
  return rows.map(serverOf);
}

/** `server`: id or namespace; no namespace looks like an id. */
export async function findServer(
  client: Queryable,
  workspaceId: WorkspaceId,
  server: string,
): Promise<StoredServer | undefined> {
  const { rows } = await client.query<ServerRow>(
    'SELECT * FROM mcp_servers WHERE workspace_id = $1 AND (id = $2 OR namespace = $2)',
    [workspaceId, server],
  );
  return rows[0] && serverOf(rows[0]);
}

/** Whoever changes a server or its definitions locks its row first, so that two nodes do it one after the other. */
export async function lockServer(
  client: ClientBase,
  workspaceId: WorkspaceId,
  server: string,
): Promise<StoredServer | undefined> {
  const { rows } = await client.query<ServerRow>(
    'SELECT * FROM mcp_servers WHERE workspace_id = $1 AND (id = $2 OR namespace = $2) FOR UPDATE',
    [workspaceId, server],
  );
  return rows[0] && serverOf(rows[0]);
}

function settingsValues(settings: ServerSettings): unknown[] {
  return [
    settings.transport,
    settings.endpoint ?? null,
    settings.command === undefined ? null : JSON.stringify(settings.command),
    JSON.stringify(settings.environment),
    settings.credentialRef ?? null,
    settings.injection === undefined ? null : JSON.stringify(settings.injection),
    settings.defaultAccess,
    settings.trustAnnotations,
    settings.allowPrivate,
    ...Object.values(custodyColumns(settings.custody)),
  ];
}

/** A list of pairs: `jsonb` would sort the members of an object, and a map is given back as it was written. */
function mapValue(map: RenameMap): string {
  return JSON.stringify(Object.entries(map));
}

/** False when the namespace is taken. `refreshSeconds`: its lists are read by then, if not before. */
export async function insertServer(
  { client, now }: LoggedTransaction,
  workspaceId: WorkspaceId,
  id: ServerId,
  { namespace, renameMap, ...settings }: NewServer,
  actor: string,
  refreshSeconds: number,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `INSERT INTO mcp_servers (workspace_id, id, namespace, transport, endpoint, command, environment, credential_ref, injection,
                              default_access, trust_annotations, allow_private, custody, lease_seconds, rename_map,
                              created_by, created_at, refresh_at)
     SELECT $1, $2, $3::text, $4, $5, $6::jsonb, $7::jsonb, $8, $9::jsonb, $10, $11::boolean, $12::boolean, $13, $14::integer,
            $15::jsonb, $16, $17::timestamptz, now() + make_interval(secs => $18)
      WHERE NOT EXISTS (SELECT FROM http_apis WHERE workspace_id = $1 AND namespace = $3)
     ON CONFLICT (workspace_id, namespace) DO NOTHING`,
    [workspaceId, id, namespace, ...settingsValues(settings), mapValue(renameMap), actor, now, refreshSeconds],
  );
  return rowCount === 1;
}

/** Everything a connection depends on: its revision grows. */
export async function updateSettings(
  client: ClientBase,
  { workspaceId, id }: StoredServer,
  settings: ServerSettings,
): Promise<void> {
  await client.query(
    `UPDATE mcp_servers SET transport = $3, endpoint = $4, command = $5, environment = $6, credential_ref = $7, injection = $8,
                            default_access = $9, trust_annotations = $10, allow_private = $11, custody = $12, lease_seconds = $13,
                            credential_error = NULL, credential_error_at = NULL, revision = revision + 1
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, ...settingsValues(settings)],
  );
}

export async function updateStatus(
  client: ClientBase,
  { workspaceId, id }: StoredServer,
  status: StoredServer['status'],
): Promise<void> {
  await client.query('UPDATE mcp_servers SET status = $3, refresh_at = now() WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    id,
    status,
  ]);
}

export async function updateMap(
  client: ClientBase,
  { workspaceId, id }: StoredServer,
  map: RenameMap,
  defaultAccess: DefaultAccess,
): Promise<void> {
  await client.query(
    'UPDATE mcp_servers SET rename_map = $3, default_access = $4 WHERE workspace_id = $1 AND id = $2',
    [workspaceId, id, mapValue(map), defaultAccess],
  );
}

/** `text`: the instructions as they were looked at; null: none may reach models. */
export async function approveText(
  client: ClientBase,
  { workspaceId, id }: StoredServer,
  text: string | null,
): Promise<void> {
  await client.query('UPDATE mcp_servers SET approved_instructions = $3 WHERE workspace_id = $1 AND id = $2', [
    workspaceId,
    id,
    text,
  ]);
}

/** Its lists were read. */
export async function updateDescription(
  client: Queryable,
  { workspaceId, id }: StoredServer,
  { era, protocolVersion, capabilities, instructions }: Description,
): Promise<void> {
  await client.query(
    `UPDATE mcp_servers SET era = $3, era_probed_at = now(), protocol_version = $4, capabilities = $5, instructions = $6,
                            discovered_at = now(), last_error = NULL
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, era, protocolVersion, JSON.stringify(capabilities), instructions ?? null],
  );
}

/** Its lists could not be read. `reason`: for operators, nothing secret. */
export async function updateError(
  client: Queryable,
  { workspaceId, id, revision }: StoredServer,
  reason: string,
  retrySeconds: number,
): Promise<void> {
  await client.query(
    `UPDATE mcp_servers SET last_error = $4, refresh_at = now() + make_interval(secs => $5)
      WHERE workspace_id = $1 AND id = $2 AND revision = $3`,
    [workspaceId, id, revision, reason, retrySeconds],
  );
}

export interface ServerKey {
  readonly workspaceId: WorkspaceId;
  readonly serverId: ServerId;
}

/** Takes servers whose lists are due, so that no other node does, and moves them on. */
export async function takeDue(client: Queryable, limit: number, nextSeconds: number): Promise<readonly ServerKey[]> {
  const { rows } = await client.query<ServerKey>(
    `UPDATE mcp_servers SET refresh_at = now() + make_interval(secs => $2)
      WHERE (workspace_id, id) IN (SELECT workspace_id, id FROM mcp_servers WHERE status = 'active' AND refresh_at <= now()
                                    ORDER BY refresh_at LIMIT $1 FOR UPDATE SKIP LOCKED)
      RETURNING workspace_id AS "workspaceId", id AS "serverId"`,
    [limit, nextSeconds],
  );
  return rows;
}

export async function listActive(client: Queryable): Promise<readonly ServerKey[]> {
  const { rows } = await client.query<ServerKey>(
    `SELECT workspace_id AS "workspaceId", id AS "serverId" FROM mcp_servers WHERE status = 'active' ORDER BY id`,
  );
  return rows;
}

export interface StoredDefinition extends DefinitionRow {
  readonly serverId: ServerId;
}

/** By capability. Those of a server, that of a capability, or those of the workspace. */
export async function readDefinitions(
  client: Queryable,
  workspaceId: WorkspaceId,
  of?: ServerId | { readonly capability: string },
): Promise<readonly StoredDefinition[]> {
  const [column, value] = typeof of === 'object' ? ['capability', of.capability] : ['server_id', of];
  const { rows } = await client.query<DefinitionRecord & { server_id: ServerId; kind: DefinitionKind }>(
    `SELECT server_id, kind, upstream_name, ${DEFINITION_COLUMNS}
       FROM mcp_definitions WHERE workspace_id = $1${value === undefined ? '' : ` AND ${column} = $2`} ORDER BY capability COLLATE "C"`,
    value === undefined ? [workspaceId] : [workspaceId, value],
  );
  return rows.map((row) => ({ serverId: row.server_id, ...definitionOf(row, row.kind) }));
}

/** Taken out first and put back changed, because two of them may change names with one another. */
export async function writeDefinitions(
  client: ClientBase,
  { workspaceId, id }: StoredServer,
  changes: readonly ChangedRow[],
): Promise<void> {
  if (changes.length === 0) return;
  const kinds = changes.map(({ row }) => row.kind);
  const upstreamNames = changes.map(({ row }) => row.upstreamName);
  await client.query(
    `DELETE FROM mcp_definitions WHERE workspace_id = $1 AND server_id = $2
        AND (kind, upstream_name) IN (SELECT * FROM unnest($3::text[], $4::text[]))`,
    [workspaceId, id, kinds, upstreamNames],
  );
  await client.query(
    `INSERT INTO mcp_definitions (workspace_id, server_id, kind, upstream_name, ${DEFINITION_COLUMNS})
     SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::json[], $8::text[], $9::json[],
                                  $10::text[], $11::text[], $12::text[], $13::boolean[])`,
    [workspaceId, id, kinds, upstreamNames, ...definitionColumns(changes)],
  );
}

/** What agents can notice has changed; other nodes hear of it when this commits. */
export async function raiseCatalogueVersion(client: ClientBase, workspaceId: WorkspaceId): Promise<void> {
  await client.query(
    `INSERT INTO mcp_catalogues AS c (workspace_id, version) VALUES ($1, 1)
     ON CONFLICT (workspace_id) DO UPDATE SET version = c.version + 1`,
    [workspaceId],
  );
}

export async function catalogueVersion(client: Queryable, workspaceId: WorkspaceId): Promise<number> {
  const { rows } = await client.query<{ version: number }>({
    name: 'catalogue-version',
    text: 'SELECT version FROM mcp_catalogues WHERE workspace_id = $1',
    values: [workspaceId],
  });
  return rows[0]?.version ?? 0;
}
