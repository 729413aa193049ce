/** REST APIs and their operations over the HTTP API. */
import { z } from 'zod';
import { type Api, type ApiContext, listOf, pageOfAll, pageQuery } from '../api/route.ts';
import { approvalSchema } from '../upstreams/index.ts';
import { MAX_DOCUMENT_BYTES } from './document.ts';
import { apiChangeSchema, apiRegistrationSchema } from './input.ts';
import { apiSchema, importSchema, operationSchema } from './views.ts';

const tags = ['http apis'];
const apiParams = z.strictObject({ api: z.string().max(64).meta({ description: 'Id or namespace.' }) });
const operationParams = apiParams.extend({ capability: z.string().max(256) });
const nothing = z.strictObject({}).prefault({});
const page = z.strictObject(pageQuery);

export function httpApiRoutes(api: Api, { httpApis, keys }: ApiContext): void {
  api.get(
    '/v1/http/apis',
    { schema: { summary: 'List HTTP APIs', tags, querystring: page, response: { 200: listOf(apiSchema) } } },
    async ({ administrator: { workspaceId }, query }) => {
      const apis = await httpApis.list(workspaceId);
      return pageOfAll(keys.state, { list: 'http_apis', workspaceId }, query, apis, ({ namespace }) => namespace);
    },
  );

  api.post(
    '/v1/http/apis',
    {
      schema: {
        summary: 'Register an HTTP API; grants nothing',
        tags,
        body: apiRegistrationSchema,
        response: { 201: apiSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, body }, reply) =>
      reply.code(201).send(await httpApis.register(workspaceId, body, actor)),
  );

  api.get(
    '/v1/http/apis/:api',
    { schema: { summary: 'An HTTP API', tags, params: apiParams, response: { 200: apiSchema } } },
    async ({ administrator: { workspaceId }, params }) => httpApis.get(workspaceId, params.api),
  );

  api.patch(
    '/v1/http/apis/:api',
    {
      schema: {
        summary: 'Change an HTTP API; what is absent is unchanged',
        tags,
        params: apiParams,
        body: apiChangeSchema,
        response: { 200: apiSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params, body }) =>
      httpApis.update(workspaceId, params.api, body, actor),
  );

  api.delete(
    '/v1/http/apis/:api',
    {
      schema: {
        summary: 'Remove an HTTP API with its operations',
        tags,
        params: apiParams,
        response: { 200: apiSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params }) => httpApis.remove(workspaceId, params.api, actor),
  );

  for (const [verb, status, summary] of [
    ['enable', 'active', 'Enable'],
    ['disable', 'disabled', 'Disable: every operation is gone for every agent'],
  ] as const)
    api.post(
      `/v1/http/apis/:api/${verb}`,
      { schema: { summary, tags, params: apiParams, body: nothing, response: { 200: apiSchema } } },
      async ({ administrator: { workspaceId, actor }, params }) =>
        httpApis.setStatus(workspaceId, params.api, status, actor),
    );

  api.put(
    '/v1/http/apis/:api/document',
    {
      config: { yaml: true },
      bodyLimit: MAX_DOCUMENT_BYTES,
      schema: {
        summary: 'Read an OpenAPI document, JSON or YAML, in place of the one before',
        description:
          'Operations that are new are off; those that changed after they were approved are suspended until they are approved again. Sent as application/yaml it is taken as text, which JSON is too.',
        tags,
        params: apiParams,
        // Read whole by the importer, which says what is wrong with it.
        body: z.union([z.string(), z.record(z.string(), z.unknown())]),
        response: { 200: importSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params, body }) =>
      httpApis.importDocument(workspaceId, params.api, body, actor),
  );

  api.get(
    '/v1/http/apis/:api/operations',
    {
      schema: {
        summary: 'Operations with pins and status',
        tags,
        params: apiParams,
        querystring: page,
        response: { 200: listOf(operationSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { api: name }, query }) => {
      const operations = await httpApis.listOperations(workspaceId, name);
      const scope = { list: 'http_operations', workspaceId, filter: { api: name } };
      return pageOfAll(keys.state, scope, query, operations, ({ capability }) => capability);
    },
  );

  api.post(
    '/v1/http/apis/:api/operations/:capability/approve',
    {
      schema: {
        summary: 'Approve an operation as it was looked at',
        tags,
        params: operationParams,
        body: approvalSchema,
        response: { 200: operationSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params: { api: name, capability }, body }) =>
      httpApis.approve(workspaceId, name, capability, body, actor),
  );

  api.post(
    '/v1/http/apis/:api/operations/:capability/off',
    {
      schema: {
        summary: 'Switch an operation off',
        tags,
        params: operationParams,
        body: nothing,
        response: { 200: operationSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, params: { api: name, capability } }) =>
      httpApis.switchOff(workspaceId, name, capability, actor),
  );
}
