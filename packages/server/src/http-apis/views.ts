/** REST APIs and operations as the API gives them out. */
import { z } from 'zod';
import {
  CUSTODIES,
  custodyColumns,
  type DefinitionRow,
  type DefinitionStatus,
  injectionJson,
} from '../upstreams/index.ts';
import { METHODS } from './operation.ts';
import { definitionOf } from './operations.ts';
import type { StoredApi } from './store.ts';

const json = z.record(z.string(), z.unknown());
const access = z.enum(['read', 'write']);

export const apiSchema = z
  .object({
    id: z.string(),
    object: z.literal('http_api'),
    namespace: z.string(),
    endpoint: z.string(),
    base_path: z.string().meta({ description: 'What agents call, below this server.' }),
    credential_ref: z.string().nullable(),
    injection: json.nullable(),
    default_access: z.enum(['read-only', 'read-write', 'none']),
    allow_private: z.boolean(),
    max_request_bytes: z.int(),
    max_response_bytes: z.int(),
    timeout_seconds: z.int(),
    custody: z.enum(CUSTODIES).meta({
      description: 'Who holds the credential: the gateway alone, agents for `lease_seconds` at most, or agents may.',
    }),
    lease_seconds: z.int().nullable(),
    credential_error: z.string().nullable().meta({
      description: 'Error code with which the authorization server refuses our client; null while it does not.',
    }),
    credential_error_at: z.int().nullable(),
    status: z.enum(['active', 'disabled']),
    document: z
      .object({ pin: z.string(), title: z.string(), version: z.string(), openapi: z.string(), imported: z.int() })
      .nullable(),
    operations: z.object({ live: z.int(), new: z.int(), changed: z.int(), off: z.int(), gone: z.int() }),
    created: z.int(),
    created_by: z.string(),
  })
  .meta({ id: 'HttpApi' });
export type ApiView = z.output<typeof apiSchema>;

export const operationSchema = z
  .object({
    object: z.literal('http_operation'),
    capability: z.string(),
    operation: z.string(),
    method: z.enum(METHODS),
    path: z.string(),
    access,
    status: z.enum(['live', 'new', 'changed', 'off', 'gone']),
    pin: z.string(),
    approved_pin: z.string().nullable(),
    definition: json,
    approved_definition: json.nullable(),
    problem: z.string().nullable().meta({ description: 'Why it cannot be governed whatever anybody approves.' }),
  })
  .meta({ id: 'HttpOperation' });
export type OperationView = z.output<typeof operationSchema>;

export const importSchema = z
  .object({
    object: z.literal('http_import'),
    operations: z.int(),
    added: z.array(z.string()),
    changed: z.array(z.string()),
    gone: z.array(z.string()),
  })
  .meta({ id: 'HttpImport' });
export type ImportView = z.output<typeof importSchema>;

function epochSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

export function apiView(api: StoredApi, rows: readonly DefinitionRow[]): ApiView {
  const { settings, document } = api;
  const counts: Record<DefinitionStatus, number> = { live: 0, new: 0, changed: 0, off: 0, gone: 0 };
  for (const { status } of rows) counts[status] += 1;
  return {
    id: api.id,
    object: 'http_api',
    namespace: api.namespace,
    endpoint: settings.endpoint,
    base_path: `/http/${api.namespace}`,
    credential_ref: settings.credentialRef ?? null,
    injection: settings.injection === undefined ? null : injectionJson(settings.injection),
    default_access: settings.defaultAccess,
    allow_private: settings.allowPrivate,
    max_request_bytes: settings.maxRequestBytes,
    max_response_bytes: settings.maxResponseBytes,
    timeout_seconds: settings.timeoutSeconds,
    ...custodyColumns(settings.custody),
    credential_error: api.credentialError?.code ?? null,
    credential_error_at: api.credentialError === undefined ? null : epochSeconds(api.credentialError.since),
    status: api.status,
    document:
      document === undefined
        ? null
        : {
            pin: document.pin,
            title: document.title,
            version: document.version,
            openapi: document.openapi,
            imported: epochSeconds(document.importedAt),
          },
    operations: counts,
    created: epochSeconds(api.createdAt),
    created_by: api.createdBy,
  };
}

export function operationView(row: DefinitionRow): OperationView {
  const { method, path } = definitionOf(row.definition);
  return {
    object: 'http_operation',
    capability: row.capability,
    operation: row.upstreamName,
    method,
    path,
    access: row.access,
    status: row.status,
    pin: row.pin,
    approved_pin: row.approvedPin,
    definition: row.definition,
    approved_definition: row.approvedDefinition,
    problem: row.problem,
  };
}
