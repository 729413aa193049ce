/** Identities that act and are not registered, over HTTP. */
import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import { KINDS } from './sighting.ts';
import { dismissUnregistered, listUnregistered, unregisteredSchema } from './unregistered.ts';

const tags = ['unregistered identities'];

export function unregisteredRoutes(api: Api, { pool, log, keys, unregistered }: ApiContext): void {
  api.get(
    '/v1/unregistered-identities',
    {
      schema: {
        tags,
        summary: 'Who tried to act and is no agent here, last seen first',
        querystring: z.strictObject({
          kind: z.enum(KINDS).optional(),
          dismissed: z.stringbool().optional(),
          ...pageQuery,
        }),
        response: { 200: listOf(unregisteredSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      // What this node has counted and not written yet.
      await unregistered.keep();
      const scope = { list: 'unregistered-identities', workspaceId, filter };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listUnregistered(pool, workspaceId, filter, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (identity) => identity,
        (identity) => [identity.seen_us, identity.id],
      );
    },
  );

  api.post(
    '/v1/unregistered-identities/:id/dismiss',
    {
      schema: {
        tags,
        summary: 'Say that somebody has looked at it, and why that is all',
        params: z.object({ id: z.string().max(64) }),
        body: z.strictObject({ reason: z.string().trim().min(1).max(500) }),
        response: { 200: unregisteredSchema },
      },
    },
    ({ administrator, params: { id }, body: { reason } }) => dismissUnregistered(log, administrator, id, reason),
  );
}
