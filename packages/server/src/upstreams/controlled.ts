/** MCP servers, and what of them people have let in, under change control. */
import { z } from 'zod';
import type { Administrator } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { newId, type ServerId } from '../ids.ts';
import type { LoggedTransaction } from '../log/index.ts';
import { type ControlledType, documentOf, shaped } from '../versions/index.ts';
import { refuseOfSlack } from './credentials/usage.ts';
import { custodyColumns } from './custody.ts';
import { injectionJson } from './injection.ts';
import { type NewServer, readRegistration, serverRegistrationSchema } from './input.ts';
import { pinOf } from './pins.ts';
import { approve, type DefinitionRow, reclassify, switchOff } from './reconcile.ts';
import { changeServerIn } from './server-changes.ts';
import { mapEntries, pinMismatch, preparing, recordServer, rulesOf, sameMap, settingsFields } from './server-facts.ts';
import {
  approveText,
  findServer,
  insertServer,
  listServers,
  readDefinitions,
  type StoredServer,
  updateMap,
  updateSettings,
  updateStatus,
} from './servers.ts';

/** As it is registered, with what people have said of it since. */
const serverSchema = serverRegistrationSchema.extend({
  status: z.enum(['active', 'disabled']).default('active'),
  /** Pin of the instructions that may reach models; null: none may. */
  instructions: z.string().nullable().default(null),
});

interface ServerDocument {
  readonly server: NewServer;
  readonly status: StoredServer['status'];
  readonly instructions: string | null;
}

export const mcpServerType: ControlledType = {
  type: 'mcp_server',
  isPolicy: false,
  parse: (id, document) => serverDocument(serverIn(id, document)),
  async list(client, workspaceId) {
    const servers = await listServers(client, workspaceId);
    return new Map(servers.map((server) => [server.namespace, serverDocument(storedDocument(server))]));
  },
  async read(client, workspaceId, id) {
    const server = await findServer(client, workspaceId, id);
    return server?.namespace === id ? serverDocument(storedDocument(server)) : undefined;
  },
  async apply(transaction, who, id, document) {
    if (document === null) throw notRemoved(id);
    await putServer(transaction, who, serverIn(id, document));
  },
};

function serverIn(id: string, document: unknown): ServerDocument {
  const { status, instructions, ...registration } = shaped(
    serverSchema,
    document,
    'server_invalid',
    `The MCP server ${id}`,
  );
  if (registration.namespace === id) return { server: readRegistration(registration), status, instructions };
  throw new Failure(
    422,
    'namespace_differs',
    `The document is of ${registration.namespace}, and ${id} was named.`,
    'Name the server that the document is of; a namespace does not change.',
  );
}

function storedDocument({
  namespace,
  settings,
  renameMap,
  status,
  approvedInstructions,
}: StoredServer): ServerDocument {
  const instructions = approvedInstructions === null ? null : pinOf(approvedInstructions);
  return { server: { namespace, ...settings, renameMap }, status, instructions };
}

function serverDocument({ server, status, instructions }: ServerDocument) {
  const { namespace, transport, injection, credentialRef, renameMap, custody, ...rest } = server;
  const { custody: kept, lease_seconds } = custodyColumns(custody);
  return documentOf({
    namespace,
    status,
    ...(rest.endpoint === undefined ? {} : { endpoint: rest.endpoint }),
    ...(rest.command === undefined ? {} : { command: rest.command }),
    ...(transport === 'stdio' ? { environment: rest.environment } : {}),
    ...(credentialRef === undefined ? {} : { credential_ref: credentialRef }),
    ...(injection === undefined ? {} : { injection: injectionJson(injection) }),
    default_access: rest.defaultAccess,
    trust_annotations: rest.trustAnnotations,
    allow_private: rest.allowPrivate,
    custody: kept,
    ...(lease_seconds === null ? {} : { lease_seconds }),
    tools: Object.fromEntries(mapEntries(renameMap)),
    instructions,
  });
}

/** Its lists are read when they are due, which is at once for what is new or was changed. */
async function putServer(
  transaction: LoggedTransaction,
  { workspaceId, actor }: Administrator,
  { server, status, instructions }: ServerDocument,
): Promise<void> {
  const { client } = transaction;
  const { namespace } = server;
  if ((await findServer(client, workspaceId, namespace))?.namespace !== namespace) {
    await refuseOfSlack(client, workspaceId, 'other', [server.credentialRef]);
    const id = newId<ServerId>('mcp');
    if (!(await insertServer(transaction, workspaceId, id, server, actor, 0)))
      throw new Failure(409, 'namespace_taken', `There is an HTTP API ${namespace} already.`, 'Choose another name.');
    recordServer(transaction, { id, namespace }, actor, 'registered', settingsFields(server));
  }
  await changeServerIn(transaction, workspaceId, namespace, actor, async (_, { server: stored, rows }) => {
    const { renameMap, namespace: _namespace, ...settings } = server;
    const isOther = pinOf(settingsFields(stored.settings)) !== pinOf(settingsFields(settings));
    if (isOther) {
      await refuseOfSlack(client, workspaceId, 'other', [settings.credentialRef]);
      await updateSettings(client, stored, settings);
      recordServer(transaction, stored, actor, 'updated', settingsFields(settings));
    }
    const isMapped = !sameMap(renameMap, stored.renameMap) || settings.defaultAccess !== stored.settings.defaultAccess;
    if (isMapped) await updateMap(client, stored, renameMap, settings.defaultAccess);
    if (!sameMap(renameMap, stored.renameMap))
      recordServer(transaction, stored, actor, 'map_applied', { tools: Object.keys(renameMap).length });
    if (stored.status !== status)
      recordServer(transaction, stored, actor, status === 'active' ? 'enabled' : 'disabled');
    if (stored.status !== status || isOther) await updateStatus(client, stored, status);
    await approveInstructions(transaction, stored, actor, instructions);
    if (!isOther && !isMapped) return [];
    return reclassify(rows, preparing(settings), rulesOf(stored), rulesOf({ ...stored, settings, renameMap }));
  });
}

async function approveInstructions(
  transaction: LoggedTransaction,
  stored: StoredServer,
  actor: string,
  pin: string | null,
): Promise<void> {
  const { approvedInstructions: approved, description } = stored;
  if (pin === (approved === null ? null : pinOf(approved))) return;
  const text = description?.instructions;
  if (pin === null) await approveText(transaction.client, stored, null);
  else if (text !== undefined && pinOf(text) === pin) await approveText(transaction.client, stored, text);
  else throw pinMismatch(`The instructions of ${stored.namespace}`, text === undefined ? 'none' : pinOf(text));
  recordServer(transaction, stored, actor, pin === null ? 'instructions_withdrawn' : 'instructions_approved', { pin });
}

function notRemoved(id: string): Failure {
  return new Failure(
    422,
    'server_not_removable',
    `The MCP server ${id} cannot be removed: its calls name it.`,
    'Disable it: set its status to "disabled".',
  );
}

/** Without what nobody has let in. */
const definitionSchema = z.strictObject({
  source: z.literal('mcp'),
  kind: z.enum(['tool', 'resource', 'template', 'prompt']),
  name: z.string().min(1).max(1024),
  access: z.enum(['read', 'write']),
  pin: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  status: z.literal('live'),
});

export const mcpDefinitionType: ControlledType = {
  type: 'definition',
  isPolicy: false,
  parse: (_id, document) => documentOf(definitionIn(document)),
  async list(client, workspaceId) {
    const rows = await readDefinitions(client, workspaceId);
    return new Map(
      rows.flatMap((row) => (row.approvedPin === null ? [] : [[row.capability, definitionDocument(row)]])),
    );
  },
  async read(client, workspaceId, id) {
    const row = (await readDefinitions(client, workspaceId, { capability: id }))[0];
    return row === undefined || row.approvedPin === null ? undefined : definitionDocument(row);
  },
  async apply(transaction, { workspaceId, actor }, id, document) {
    const wanted = document === null ? undefined : definitionIn(document);
    const [known] = await readDefinitions(transaction.client, workspaceId, { capability: id });
    if (known === undefined) throw definitionNotFound(id);
    await changeServerIn(transaction, workspaceId, known.serverId, actor, async (_, { rows }) => {
      const row = rows.find(({ capability }) => capability === id);
      if (row === undefined) throw definitionNotFound(id);
      if (wanted === undefined) return [switchOff(row)];
      if (row.pin !== wanted.pin) throw pinMismatch(id, row.pin);
      const problem = row.status === 'gone' ? 'its server does not offer it any more' : row.problem;
      if (problem === null) return [approve(row, wanted.access)];
      throw new Failure(
        409,
        'definition_unusable',
        `${id} cannot be published: ${problem}.`,
        'Ask for something else.',
      );
    });
  },
};

function definitionIn(document: unknown) {
  return shaped(definitionSchema, document, 'definition_invalid', 'The definition');
}

/** The pin is of what calls are checked against, not what the row says that it is. */
function definitionDocument({ kind, upstreamName, access, status, definition, approvedPin }: DefinitionRow) {
  const pin = status === 'live' ? pinOf(definition) : approvedPin;
  return documentOf({
    source: 'mcp',
    kind,
    name: upstreamName,
    access,
    pin,
    status: status === 'live' ? status : 'suspended',
  });
}

function definitionNotFound(capability: string): Failure {
  return new Failure(
    404,
    'definition_not_found',
    `No MCP server has ${JSON.stringify(capability.slice(0, 200))}.`,
    'List what a server has with GET /v1/mcp/servers/:server/definitions.',
  );
}
