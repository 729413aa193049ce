import { z } from 'zod';
import { type Api, type ApiContext, listOf, wholeList } from '../api/route.ts';
import {
  acceptConflict,
  addSet,
  endAcceptance,
  endSet,
  listSets,
  newAcceptanceSchema,
  newSetSchema,
  setSchema,
} from './segregation.ts';

const tags = ['readiness'];
const id = z.string().max(64);
const nothing = z.strictObject({}).prefault({});

export function segregationRoutes(api: Api, { pool, log }: ApiContext): void {
  api.get(
    '/v1/segregation',
    { schema: { tags, summary: 'Roles that must not be in one hand', response: { 200: listOf(setSchema) } } },
    async ({ administrator: { workspaceId } }) => wholeList(await listSets(pool, workspaceId)),
  );

  api.post(
    '/v1/segregation',
    {
      schema: {
        tags,
        summary: 'Say which roles must not be in one hand',
        body: newSetSchema,
        response: { 201: setSchema },
      },
    },
    async ({ administrator, body }, reply) => reply.code(201).send(await addSet(log, administrator, body)),
  );

  api.post(
    '/v1/segregation/:id/end',
    {
      schema: {
        tags,
        summary: 'Say so no more; what was said stays',
        params: z.object({ id }),
        body: nothing,
        response: { 200: setSchema },
      },
    },
    ({ administrator, params }) => endSet(log, administrator, params.id),
  );

  api.post(
    '/v1/segregation/:id/acceptances',
    {
      schema: {
        tags,
        summary: 'Accept, as a person and for a time, that an agent wears two of them',
        params: z.object({ id }),
        body: newAcceptanceSchema,
        response: { 201: setSchema },
      },
    },
    async ({ administrator, params, body }, reply) =>
      reply.code(201).send(await acceptConflict(log, administrator, params.id, body)),
  );

  api.post(
    '/v1/segregation/:id/acceptances/:acceptance/end',
    {
      schema: {
        tags,
        summary: 'Accept it no more',
        params: z.object({ id, acceptance: id }),
        body: nothing,
        response: { 200: setSchema },
      },
    },
    ({ administrator, params }) => endAcceptance(log, administrator, params.id, params.acceptance),
  );
}
