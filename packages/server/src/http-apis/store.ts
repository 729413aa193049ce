/** REST APIs and their operations as they are stored: the only place with SQL on these tables. */
import type { ClientBase, Pool } from 'pg';
import type { ApiId, WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import {
  type ChangedRow,
  type CustodyColumns,
  custodyColumns,
  custodyOf,
  DEFINITION_COLUMNS,
  type DefinitionRecord,
  type DefinitionRow,
  definitionColumns,
  definitionOf,
  type HttpInjection,
} from '../upstreams/index.ts';
import type { ReadDocument } from './document.ts';
import type { ApiSettings } from './input.ts';

export interface StoredApi {
  readonly workspaceId: WorkspaceId;
  readonly id: ApiId;
  readonly namespace: string;
  readonly settings: ApiSettings;
  readonly status: 'active' | 'disabled';
  /** The document as it was last read; undefined until there is one. */
  readonly document: ApiDocument | undefined;
  /** Why the authorization server refuses our client; undefined while it does not. */
  readonly credentialError: { readonly code: string; readonly since: Date } | undefined;
  readonly createdBy: string;
  readonly createdAt: Date;
  /** Grows with whatever a connection depends on. */
  readonly revision: number;
}

interface ApiDocument {
  readonly pin: string;
  readonly title: string;
  readonly version: string;
  readonly openapi: string;
  readonly importedAt: Date;
}

interface ApiRow extends CustodyColumns {
  workspace_id: WorkspaceId;
  id: ApiId;
  namespace: string;
  endpoint: string;
  credential_ref: string | null;
  injection: HttpInjection | null;
  default_access: ApiSettings['defaultAccess'];
  allow_private: boolean;
  max_request_bytes: number;
  max_response_bytes: number;
  timeout_seconds: number;
  credential_error: string | null;
  credential_error_at: Date | null;
  status: 'active' | 'disabled';
  document_pin: string | null;
  title: string | null;
  version: string | null;
  openapi: string | null;
  imported_at: Date | null;
  created_by: string;
  created_at: Date;
  revision: number;
}

function apiOf(row: ApiRow): StoredApi {
  return {
    workspaceId: row.workspace_id,
    id: row.id,
    namespace: row.namespace,
    settings: {
      endpoint: row.endpoint,
      ...(row.credential_ref === null ? {} : { credentialRef: row.credential_ref }),
      ...(row.injection === null ? {} : { injection: row.injection }),
      defaultAccess: row.default_access,
      allowPrivate: row.allow_private,
      maxRequestBytes: row.max_request_bytes,
      maxResponseBytes: row.max_response_bytes,
      timeoutSeconds: row.timeout_seconds,
      custody: custodyOf(row),
    },
    status: row.status,
    document:
      row.document_pin === null || row.imported_at === null
        ? undefined
        : {
            pin: row.document_pin,
            title: row.title ?? '',
            version: row.version ?? '',
            openapi: row.openapi ?? '',
            importedAt: row.imported_at,
          },
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
export async function listApis(client: Queryable, workspaceId: WorkspaceId): Promise<readonly StoredApi[]> {
  const { rows } = await client.query<ApiRow>('SELECT * FROM http_apis WHERE workspace_id = $1 ORDER BY namespace', [
    workspaceId,
  ]);
  return rows.map(apiOf);
}

/** `api`: id or namespace; no namespace looks like an id. `lock`: whoever changes it does so one after the other. */
export async function findApi(
  client: Queryable,
  workspaceId: WorkspaceId,
  api: string,
  lock = false,
): Promise<StoredApi | undefined> {
  const { rows } = await client.query<ApiRow>(
    `SELECT * FROM http_apis WHERE workspace_id = $1 AND (id = $2 OR namespace = $2)${lock ? ' FOR UPDATE' : ''}`,
    [workspaceId, api],
  );
  return rows[0] && apiOf(rows[0]);
}

function settingsValues(settings: ApiSettings): unknown[] {
  return [
    settings.endpoint,
    settings.credentialRef ?? null,
    settings.injection === undefined ? null : JSON.stringify(settings.injection),
    settings.defaultAccess,
    settings.allowPrivate,
    settings.maxRequestBytes,
    settings.maxResponseBytes,
    settings.timeoutSeconds,
    ...Object.values(custodyColumns(settings.custody)),
  ];
}

/** False when the namespace is taken, by an API or an MCP server: the workspace is locked, so nobody takes it meanwhile. */
export async function insertApi(
  { client, now }: LoggedTransaction,
  workspaceId: WorkspaceId,
  id: ApiId,
  namespace: string,
  settings: ApiSettings,
  actor: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `INSERT INTO http_apis (workspace_id, id, namespace, created_by, created_at, endpoint, credential_ref, injection,
                            default_access, allow_private, max_request_bytes, max_response_bytes, timeout_seconds,
                            custody, lease_seconds)
     SELECT $1, $2, $3::text, $4, $5::timestamptz, $6, $7, $8::jsonb, $9, $10::boolean, $11::integer, $12::integer, $13::integer,
            $14, $15::integer
      WHERE NOT EXISTS (SELECT FROM mcp_servers WHERE workspace_id = $1 AND namespace = $3)
     ON CONFLICT (workspace_id, namespace) DO NOTHING`,
    [workspaceId, id, namespace, actor, now, ...settingsValues(settings)],
  );
  return rowCount === 1;
}

export async function updateSettings(
  client: ClientBase,
  { workspaceId, id }: StoredApi,
  settings: ApiSettings,
): Promise<void> {
  await client.query(
    `UPDATE http_apis SET endpoint = $3, credential_ref = $4, injection = $5, default_access = $6, allow_private = $7,
                          max_request_bytes = $8, max_response_bytes = $9, timeout_seconds = $10,
                          custody = $11, lease_seconds = $12, credential_error = NULL, credential_error_at = NULL,
                          revision = revision + 1
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, ...settingsValues(settings)],
  );
}

export async function updateStatus(
  client: ClientBase,
  { workspaceId, id }: StoredApi,
  status: StoredApi['status'],
): Promise<void> {
  await client.query('UPDATE http_apis SET status = $3 WHERE workspace_id = $1 AND id = $2', [workspaceId, id, status]);
}

export async function updateDocument(
  client: ClientBase,
  { workspaceId, id }: StoredApi,
  pin: string,
  { title, version, openapi }: ReadDocument,
  now: Date,
): Promise<void> {
  await client.query(
    `UPDATE http_apis SET document_pin = $3, title = $4, version = $5, openapi = $6, imported_at = $7
      WHERE workspace_id = $1 AND id = $2`,
    [workspaceId, id, pin, title, version, openapi, now],
  );
}

/** With its operations. */
export async function deleteApi(client: ClientBase, { workspaceId, id }: StoredApi): Promise<void> {
  await client.query('DELETE FROM http_operations WHERE workspace_id = $1 AND api_id = $2', [workspaceId, id]);
  await client.query('DELETE FROM http_apis WHERE workspace_id = $1 AND id = $2', [workspaceId, id]);
}

export interface StoredOperation extends DefinitionRow {
  readonly apiId: ApiId;
}

/** By capability. Those of an API, that of a capability, or those of the workspace. */
export async function readOperations(
  client: Queryable,
  workspaceId: WorkspaceId,
  of?: ApiId | { readonly capability: string },
): Promise<readonly StoredOperation[]> {
  const [column, value] = typeof of === 'object' ? ['capability', of.capability] : ['api_id', of];
  const { rows } = await client.query<DefinitionRecord & { api_id: ApiId }>(
    `SELECT api_id, upstream_name, ${DEFINITION_COLUMNS}
       FROM http_operations WHERE workspace_id = $1${value === undefined ? '' : ` AND ${column} = $2`} ORDER BY capability COLLATE "C"`,
    value === undefined ? [workspaceId] : [workspaceId, value],
  );
  // An operation is named, classed and approved as a tool is.
  return rows.map((row) => ({ apiId: row.api_id, ...definitionOf(row, 'tool') }));
}

/** Taken out first and put back changed, because two of them may change names with one another. */
export async function writeOperations(
  client: ClientBase,
  { workspaceId, id }: StoredApi,
  changes: readonly ChangedRow[],
): Promise<void> {
  if (changes.length === 0) return;
  const names = changes.map(({ row }) => row.upstreamName);
  await client.query(
    'DELETE FROM http_operations WHERE workspace_id = $1 AND api_id = $2 AND upstream_name = ANY($3)',
    [workspaceId, id, names],
  );
  await client.query(
    `INSERT INTO http_operations (workspace_id, api_id, upstream_name, ${DEFINITION_COLUMNS})
     SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[], $6::json[], $7::text[], $8::json[], $9::text[],
                                  $10::text[], $11::text[], $12::boolean[])`,
    [workspaceId, id, names, ...definitionColumns(changes)],
  );
}
