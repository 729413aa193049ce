/** The OpenAPI 3.1 document, made of the schemas that check requests. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { Api, ApiContext } from './context.ts';
import { errorSchema } from './failures.ts';

export type Credential = 'admin_key' | 'agent_token' | 'scim_token';

const SECURITY: Readonly<Record<Credential, readonly { readonly [scheme: string]: readonly string[] }[]>> = {
  admin_key: [{ admin_key: [] }, { console_session: [], csrf_token: [] }],
  agent_token: [{ agent_token: [] }],
  scim_token: [{ scim_token: [] }],
};

/** Says in the document which credential the routes registered on `api` after this take. */
export function documentSecurity(api: Api, credential: Credential): void {
  api.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, security: SECURITY[credential] };
  });
}

const transform = createJsonSchemaTransform({});

export function openApiOptions({ version, url }: ApiContext): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'HiveKey',
        version,
        description: 'Every AI agent of a company under one policy: scope, guard, log.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url }],
      components: {
        securitySchemes: {
          admin_key: { type: 'http', scheme: 'bearer', description: 'Admin key, `hk_live_…`.' },
          agent_token: { type: 'http', scheme: 'bearer', description: 'Agent token, `hk_agt_…`.' },
          scim_token: { type: 'http', scheme: 'bearer', description: 'Token of a SCIM connection, `hk_scim_…`.' },
          console_session: {
            type: 'apiKey',
            in: 'cookie',
            name: url.startsWith('https:') ? '__Host-hivekey' : 'hivekey',
          },
          csrf_token: { type: 'apiKey', in: 'header', name: 'X-CSRF-Token', description: 'On writes with a session.' },
        },
      },
    },
    // Failures look the same everywhere, so routes do not repeat them.
    transform: (route) => {
      const { schema } = route;
      if (schema === undefined || schema.hide === true)
        return transform({ ...route, schema: { ...schema, hide: true } });
      return transform({
        ...route,
        schema: { ...schema, response: { default: errorSchema, ...responsesOf(schema.response) } },
      });
    },
    transformObject: createJsonSchemaTransformObject({}),
  };
}

function responsesOf(response: unknown): object {
  return typeof response === 'object' && response !== null ? response : {};
}

export function documentRoutes(api: Api): void {
  let document: string | undefined;
  api.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    document ??= JSON.stringify(api.swagger());
    return reply.type('application/json; charset=utf-8').serializer(String).send(document);
  });
}
