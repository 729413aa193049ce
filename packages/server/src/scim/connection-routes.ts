/** Managing SCIM connections. */
import { z } from 'zod';
import { type Api, type ApiContext, listOf, wholeList } from '../api/route.ts';
import {
  changeConnection,
  connectionChangeSchema,
  connectionSchema,
  createConnection,
  listConnections,
  newConnectionSchema,
  readConnection,
  revokeConnection,
  rotateToken,
  rotationSchema,
  type ShownConnection,
  shownConnectionSchema,
} from './connection.ts';
import { SCIM_PATH } from './routes.ts';

const tags = ['scim connections'];
const params = z.object({ connection: z.string().max(64) });
const shownOnce = { answersSecret: true } as const;

function shown({ connection, token }: ShownConnection): z.output<typeof shownConnectionSchema> {
  return { ...connection, token: token.reveal() };
}

export function scimConnectionRoutes(api: Api, { pool, log, keys, url }: ApiContext): void {
  const baseUrl = `${url}${SCIM_PATH}`;
  const context = { log, pepper: keys.pepper, baseUrl };

  api.get(
    '/v1/scim-connections',
    {
      schema: {
        tags,
        summary: 'List SCIM connections with their health, the oldest first',
        response: { 200: listOf(connectionSchema) },
      },
    },
    async ({ administrator }) => wholeList(await listConnections(pool, administrator.workspaceId, baseUrl)),
  );

  api.post(
    '/v1/scim-connections',
    {
      config: shownOnce,
      schema: {
        tags,
        summary: 'Let a directory provision people and groups',
        body: newConnectionSchema,
        response: { 201: shownConnectionSchema },
      },
    },
    async ({ administrator, body }, reply) =>
      reply.code(201).send(shown(await createConnection(context, administrator, body))),
  );

  api.get(
    '/v1/scim-connections/:connection',
    {
      schema: { tags, summary: 'A SCIM connection, by id or name', params, response: { 200: connectionSchema } },
    },
    ({ administrator, params: { connection } }) => readConnection(pool, administrator.workspaceId, connection, baseUrl),
  );

  api.patch(
    '/v1/scim-connections/:connection',
    {
      schema: {
        tags,
        summary: 'Change what a directory may provision',
        params,
        body: connectionChangeSchema,
        response: { 200: connectionSchema },
      },
    },
    ({ administrator, params: { connection }, body }) => changeConnection(context, administrator, connection, body),
  );

  api.post(
    '/v1/scim-connections/:connection/rotate',
    {
      config: shownOnce,
      schema: {
        tags,
        summary: 'Make a new token; the one before lives on for the overlap',
        params,
        body: rotationSchema,
        response: { 201: shownConnectionSchema },
      },
    },
    async ({ administrator, params: { connection }, body }, reply) =>
      reply.code(201).send(shown(await rotateToken(context, administrator, connection, body))),
  );

  api.post(
    '/v1/scim-connections/:connection/revoke',
    {
      schema: {
        tags,
        summary: 'End a connection and its tokens now; what it has provided stays',
        params,
        body: z.strictObject({}).prefault({}),
        response: { 200: connectionSchema },
      },
    },
    ({ administrator, params: { connection } }) => revokeConnection(context, administrator, connection),
  );
}
