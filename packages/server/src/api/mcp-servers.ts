/** MCP servers, what they offer, and the credentials they need, over HTTP. */
import { z } from 'zod';
import { approvalSchema, CUSTODIES, serverChangeSchema, serverRegistrationSchema } from '../upstreams/index.ts';
import type { Api, ApiContext } from './context.ts';
import { listOf, pageOfAll, pageQuery } from './lists.ts';

const json = z.record(z.string(), z.unknown());
const defaultAccess = z.enum(['read-only', 'read-write', 'none']);
const access = z.enum(['read', 'write']);

const serverSchema = z
  .object({
    id: z.string(),
    object: z.literal('mcp_server'),
    namespace: z.string(),
    transport: z.enum(['http', 'stdio']),
    endpoint: z.string().nullable(),
    command: z.array(z.string()).readonly().nullable(),
    environment: z.record(z.string(), z.string()),
    credential_ref: z.string().nullable(),
    injection: json.nullable(),
    default_access: defaultAccess,
    trust_annotations: z.boolean(),
    allow_private: z.boolean(),
    custody: z.enum(CUSTODIES),
    lease_seconds: z.int().nullable(),
    credential_error: z.string().nullable(),
    credential_error_at: z.int().nullable(),
    era: z.enum(['modern', 'legacy']).nullable(),
    protocol_version: z.string().nullable(),
    status: z.enum(['active', 'disabled']),
    discovered: z.int(),
    discovered_at: z.int().nullable(),
    definitions: z.object({ live: z.int(), new: z.int(), changed: z.int(), off: z.int(), gone: z.int() }),
    instructions: z.object({
      status: z.enum(['none', 'new', 'changed', 'live']),
      text: z.string().nullable(),
      pin: z.string().nullable(),
      approved_text: z.string().nullable(),
    }),
    last_error: z.string().nullable(),
    created: z.int(),
    created_by: z.string(),
  })
  .meta({ id: 'McpServer' });

const definitionSchema = z
  .object({
    object: z.literal('mcp_definition'),
    capability: z.string(),
    name: z.string().nullable(),
    kind: z.enum(['tool', 'resource', 'template', 'prompt']),
    upstream_name: z.string(),
    access,
    status: z.enum(['live', 'new', 'changed', 'off', 'gone']),
    pin: z.string(),
    approved_pin: z.string().nullable(),
    definition: json,
    approved_definition: json.nullable(),
    problem: z.string().nullable(),
  })
  .meta({ id: 'McpDefinition' });

const refreshSchema = z
  .object({
    object: z.literal('mcp_refresh'),
    discovered: z.int(),
    added: z.array(z.string()),
    changed: z.array(z.string()),
    gone: z.array(z.string()),
  })
  .meta({ id: 'McpRefresh' });

const mapSchema = z
  .object({
    namespace: z.string(),
    default_access: defaultAccess,
    tools: z.record(z.string(), z.object({ maps: z.string(), access })),
  })
  .meta({ id: 'ServerMap', description: 'The MCP config file.' });

const tags = ['mcp servers'];
const serverParams = z.strictObject({ server: z.string().max(64).meta({ description: 'Id or namespace.' }) });
const definitionParams = serverParams.extend({ capability: z.string().max(256) });
const nothing = z.strictObject({}).prefault({});
const page = z.strictObject(pageQuery);

export function mcpServerRoutes(api: Api, { upstreams, keys }: ApiContext): void {
  api.get(
    '/v1/mcp/servers',
    { schema: { summary: 'List MCP servers', tags, querystring: page, response: { 200: listOf(serverSchema) } } },
    async ({ administrator: { workspaceId }, query }) => {
      const servers = await upstreams.listServers(workspaceId);
      return pageOfAll(keys.state, { list: 'mcp_servers', workspaceId }, query, servers, ({ namespace }) => namespace);
    },
  );

  api.post(
    '/v1/mcp/servers',
    {
      schema: {
        summary: 'Register an MCP server and read its lists; grants nothing',
        tags,
        body: serverRegistrationSchema,
        response: { 201: serverSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, body }, reply) =>
      reply.code(201).send(await upstreams.registerServer(workspaceId, body, actor)),
  );

  api.get(
    '/v1/mcp/servers/:server',
    { schema: { summary: 'An MCP server', tags, params: serverParams, response: { 200: serverSchema } } },
    async ({ administrator: { workspaceId }, params }) => upstreams.getServer(workspaceId, params.server),
  );

  api.patch(
    '/v1/mcp/servers/:server',
    {
      schema: {
        summary: 'Change an MCP server; what is absent is unchanged',
        tags,
        params: serverParams,
        body: serverChangeSchema,
        response: { 200: serverSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params, body }) =>
      upstreams.updateServer(workspaceId, params.server, body, actor),
  );

  api.post(
    '/v1/mcp/servers/:server/enable',
    { schema: { summary: 'Enable', tags, params: serverParams, body: nothing, response: { 200: serverSchema } } },
    async ({ administrator: { workspaceId, actor }, params }) =>
      upstreams.enableServer(workspaceId, params.server, actor),
  );

  api.post(
    '/v1/mcp/servers/:server/disable',
    { schema: { summary: 'Disable', tags, params: serverParams, body: nothing, response: { 200: serverSchema } } },
    async ({ administrator: { workspaceId, actor }, params }) =>
      upstreams.disableServer(workspaceId, params.server, actor),
  );

  api.post(
    '/v1/mcp/servers/:server/refresh',
    {
      schema: {
        summary: 'Read its lists now',
        tags,
        params: serverParams,
        body: nothing,
        response: { 200: refreshSchema },
      },
    },
    async ({ administrator: { workspaceId }, params }) => {
      const { discovered, added, changed, gone } = await upstreams.refreshServer(workspaceId, params.server);
      return {
        object: 'mcp_refresh' as const,
        discovered,
        added: [...added],
        changed: [...changed],
        gone: [...gone],
      };
    },
  );

  api.get(
    '/v1/mcp/servers/:server/map',
    { schema: { summary: 'The server map', tags, params: serverParams, response: { 200: mapSchema } } },
    async ({ administrator: { workspaceId }, params }) => upstreams.getServerMap(workspaceId, params.server),
  );

  api.put(
    '/v1/mcp/servers/:server/map',
    {
      config: { yaml: true },
      schema: {
        summary: 'Apply a server map, JSON or YAML',
        tags,
        params: serverParams,
        // Read whole by upstreams, which reports every problem with its place.
        body: z.union([z.string(), json]),
        response: { 200: serverSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params, body }) =>
      upstreams.applyServerMap(workspaceId, params.server, body, actor),
  );

  api.get(
    '/v1/mcp/servers/:server/definitions',
    {
      schema: {
        summary: 'Tools, resources and prompts with pins and status',
        tags,
        params: serverParams,
        querystring: page,
        response: { 200: listOf(definitionSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { server }, query }) => {
      const definitions = await upstreams.listDefinitions(workspaceId, server);
      const scope = { list: 'mcp_definitions', workspaceId, filter: { server } };
      return pageOfAll(keys.state, scope, query, definitions, ({ capability }) => capability);
    },
  );

  api.post(
    '/v1/mcp/servers/:server/definitions/:capability/approve',
    {
      schema: {
        summary: 'Approve a definition as it was looked at',
        tags,
        params: definitionParams,
        body: approvalSchema,
        response: { 200: definitionSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params: { server, capability }, body }) =>
      upstreams.approveDefinition(workspaceId, server, capability, body, actor),
  );

  api.post(
    '/v1/mcp/servers/:server/definitions/:capability/off',
    {
      schema: {
        summary: 'Switch a definition off',
        tags,
        params: definitionParams,
        body: nothing,
        response: { 200: definitionSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params: { server, capability } }) =>
      upstreams.switchOffDefinition(workspaceId, server, capability, actor),
  );

  api.post(
    '/v1/mcp/servers/:server/instructions/approve',
    {
      schema: {
        summary: "Approve the server's instructions as they were looked at",
        tags,
        params: serverParams,
        body: approvalSchema.pick({ pin: true }),
        response: { 200: serverSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params, body }) =>
      upstreams.approveInstructions(workspaceId, params.server, body.pin, actor),
  );
}
