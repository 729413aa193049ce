import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import { holdSchema, listHolds, newHoldSchema, placeHold, readHold, releaseHold } from './holds.ts';
import { carryOut } from './work.ts';

const tags = ['retention'];
const params = z.object({ id: z.string().max(64) });
const reason = z.string().trim().min(1).max(1000);

/** What is neither pruned nor redacted. */
export function holdRoutes(api: Api, { pool, log, keys }: ApiContext): void {
  api.get(
    '/v1/legal-holds',
    {
      schema: {
        tags,
        summary: 'Holds, newest first',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(holdSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'legal-holds', workspaceId };
      const rows = await listHolds(pool, workspaceId, openTimeCursor(keys.state, scope, cursor), limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        ({ hold }) => hold,
        ({ position: { atUs, id } }) => [atUs, id],
      );
    },
  );

  api.post(
    '/v1/legal-holds',
    {
      schema: {
        tags,
        summary: 'Hold records: they are neither pruned nor redacted',
        description: 'In force at once, also for records that are still to come. Another person releases it.',
        body: newHoldSchema,
        response: { 201: holdSchema },
      },
    },
    async ({ administrator, body }, reply) => reply.code(201).send(await placeHold(log, administrator, body)),
  );

  api.get(
    '/v1/legal-holds/:id',
    { schema: { tags, summary: 'A hold', params, response: { 200: holdSchema } } },
    ({ administrator: { workspaceId }, params: { id } }) => readHold(pool, workspaceId, id),
  );

  api.post(
    '/v1/legal-holds/:id/release',
    {
      schema: {
        tags,
        summary: 'Release it, as another person than placed it',
        params,
        body: z.strictObject({ reason }),
        response: { 200: holdSchema },
      },
    },
    async ({ administrator, params: { id }, body: { reason: why } }) => {
      const { workspaceId } = administrator;
      await releaseHold(log, administrator, id, why);
      await carryOut({ pool, log }, workspaceId, id);
      return readHold(pool, workspaceId, id);
    },
  );
}
