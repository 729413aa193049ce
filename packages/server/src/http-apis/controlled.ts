/** HTTP APIs, and what of them people have let in, under change control. */
import type { Capability } from '@hivekey/policy';
import type { ClientBase, Pool } from 'pg';
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { type ApiId, newId, type WorkspaceId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import {
  custodyColumns,
  type DefinitionRow,
  injectionJson,
  pinOf,
  refuseOfSlack,
  switchOff,
} from '../upstreams/index.ts';
import { type ControlledType, documentOf, shaped } from '../versions/index.ts';
import { changeApiIn, recordApi } from './changes.ts';
import { type ApiSettings, apiRegistrationSchema, readRegistration, settingsFields } from './input.ts';
import { approved, capabilitiesOf, definitionOf, reclassed } from './operations.ts';
import { pinOfOperation } from './prepared.ts';
import {
  deleteApi,
  findApi,
  insertApi,
  listApis,
  readOperations,
  type StoredApi,
  updateSettings,
  updateStatus,
} from './store.ts';

const apiSchema = apiRegistrationSchema
  .omit({ document: true })
  .extend({ status: z.enum(['active', 'disabled']).default('active') });

interface ApiDocument {
  readonly namespace: string;
  readonly settings: ApiSettings;
  readonly status: StoredApi['status'];
}

export const httpApiType: ControlledType = {
  type: 'http_api',
  isPolicy: false,
  parse: (id, document) => apiDocument(apiIn(id, document)),
  async list(client, workspaceId) {
    return new Map((await listApis(client, workspaceId)).map((api) => [api.namespace, apiDocument(api)]));
  },
  async read(client, workspaceId, id) {
    const api = await findApi(client, workspaceId, id);
    return api?.namespace === id ? apiDocument(api) : undefined;
  },
  async apply(transaction, who, id, document) {
    if (document !== null) return putApi(transaction, who, apiIn(id, document));
    await changeApiIn(transaction, who.workspaceId, id, who.actor, async (_, { api }) => {
      await deleteApi(transaction.client, api);
      recordApi(transaction, api, who.actor, 'removed');
      return [];
    });
  },
};

function apiIn(id: string, document: unknown): ApiDocument {
  const { status, ...registration } = shaped(apiSchema, document, 'http_api_invalid', `The HTTP API ${id}`);
  const { namespace, ...settings } = readRegistration(registration);
  if (namespace === id) return { namespace, settings, status };
  throw new Failure(
    422,
    'namespace_differs',
    `The document is of ${namespace}, and ${id} was named.`,
    'Name the API that the document is of; a namespace does not change.',
  );
}

function apiDocument({ namespace, settings, status }: ApiDocument) {
  const { credentialRef, injection, custody, ...rest } = settings;
  const { custody: kept, lease_seconds } = custodyColumns(custody);
  return documentOf({
    namespace,
    status,
    endpoint: rest.endpoint,
    ...(credentialRef === undefined ? {} : { credential_ref: credentialRef }),
    ...(injection === undefined ? {} : { injection: injectionJson(injection) }),
    default_access: rest.defaultAccess,
    allow_private: rest.allowPrivate,
    max_request_bytes: rest.maxRequestBytes,
    max_response_bytes: rest.maxResponseBytes,
    timeout_seconds: rest.timeoutSeconds,
    custody: kept,
    ...(lease_seconds === null ? {} : { lease_seconds }),
  });
}

async function putApi(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  { namespace, settings, status }: ApiDocument,
): Promise<void> {
  const { client } = transaction;
  if ((await findApi(client, workspaceId, namespace))?.namespace !== namespace) {
    await refuseOfSlack(client, workspaceId, 'other', [settings.credentialRef]);
    const id = newId<ApiId>('api');
    if (!(await insertApi(transaction, workspaceId, id, namespace, settings, actor)))
      throw new Failure(409, 'namespace_taken', `There is an MCP server ${namespace} already.`, 'Choose another name.');
    recordApi(transaction, { id, namespace }, actor, 'registered', settingsFields(settings));
  }
  await changeApiIn(transaction, workspaceId, namespace, actor, async (_, { api, rows }) => {
    if (api.status !== status) {
      await updateStatus(client, api, status);
      recordApi(transaction, api, actor, status === 'active' ? 'enabled' : 'disabled');
    }
    if (pinOf(settingsFields(api.settings)) === pinOf(settingsFields(settings))) return [];
    await refuseOfSlack(client, workspaceId, 'other', [settings.credentialRef]);
    await updateSettings(client, api, settings);
    recordApi(transaction, api, actor, 'updated', settingsFields(settings));
    return reclassed(api, rows, settings);
  });
}

const operationSchema = z.strictObject({
  source: z.literal('http'),
  kind: z.literal('operation'),
  name: z.string().min(1).max(1024),
  access: z.enum(['read', 'write']),
  pin: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  status: z.literal('live'),
});

export const httpDefinitionType: ControlledType = {
  type: 'definition',
  isPolicy: false,
  parse: (_id, document) => documentOf(operationIn(document)),
  async list(client, workspaceId) {
    const rows = await readOperations(client, workspaceId);
    return new Map(rows.flatMap((row) => (row.approvedPin === null ? [] : [[row.capability, operationDocument(row)]])));
  },
  async read(client, workspaceId, id) {
    const [row] = await readOperations(client, workspaceId, { capability: id });
    return row === undefined || row.approvedPin === null ? undefined : operationDocument(row);
  },
  async apply(transaction, { workspaceId, actor }, id, document) {
    const wanted = document === null ? undefined : operationIn(document);
    const [known] = await readOperations(transaction.client, workspaceId, { capability: id });
    if (known === undefined) throw operationNotFound(id);
    await changeApiIn(transaction, workspaceId, known.apiId, actor, async (_, { rows }) => {
      const row = rows.find(({ capability }) => capability === id);
      if (row === undefined) throw operationNotFound(id);
      if (wanted === undefined) return [switchOff(row)];
      if (row.pin !== wanted.pin)
        throw new Failure(
          409,
          'pin_mismatch',
          `${id} is not what was looked at: it has the pin ${row.pin} now.`,
          'Read it again and approve that.',
        );
      const problem = row.status === 'gone' ? 'its document does not have it any more' : row.problem;
      if (problem === null) return [approved(row, wanted.access)];
      throw new Failure(409, 'definition_unusable', `${id} cannot be published: ${problem}.`, 'Change the document.');
    });
  },
};

function operationIn(document: unknown) {
  return shaped(operationSchema, document, 'definition_invalid', 'The definition');
}

/** The pin is of what calls are checked against, not what the row says that it is. */
function operationDocument({ upstreamName, access, status, definition, approvedPin }: DefinitionRow) {
  const pin = status === 'live' ? (pinOfOperation(definitionOf(definition)) ?? null) : approvedPin;
  return documentOf({
    source: 'http',
    kind: 'operation',
    name: upstreamName,
    access,
    pin,
    status: status === 'live' ? status : 'suspended',
  });
}

function operationNotFound(capability: string): Failure {
  return new Failure(
    404,
    'operation_not_found',
    `No HTTP API has ${JSON.stringify(capability.slice(0, 200))}.`,
    'List what an API has with GET /v1/http/apis/:api/operations.',
  );
}

/** What the APIs of the workspace make available now. */
export async function discoveredBy(
  client: Pool | ClientBase,
  workspaceId: WorkspaceId,
): Promise<ReadonlyMap<string, Capability>> {
  const operations = Map.groupBy(await readOperations(client, workspaceId), ({ apiId }) => apiId);
  const apis = await listApis(client, workspaceId);
  return new Map(apis.flatMap((api) => [...capabilitiesOf(api, operations.get(api.id) ?? [])]));
}
