import { z } from 'zod';
import { type Api, type ApiContext, listOf, openCursor, pageOf, pageQuery } from '../api/route.ts';
import { OBJECT_TYPES } from './object.ts';
import { listObjects, listVersions, readVersion, versionSchema, versionSummarySchema } from './read.ts';
import { isObjectType } from './touched.ts';

const tags = ['versions'];
const type = z.enum(OBJECT_TYPES);
const params = z.object({ type, id: z.string().max(512) });
/** Epoch seconds. */
const at = z.coerce.number().int().min(0).max(253_402_300_799).optional().meta({
  description: 'Epoch seconds: as it was at the end of that second.',
});

export function versionRoutes(api: Api, { pool, keys }: ApiContext): void {
  api.get(
    '/v1/objects',
    {
      schema: {
        tags,
        summary: 'What is under change control, now or at an instant',
        description: 'By type and id, each at its newest version, or that of the instant.',
        querystring: z.strictObject({ ...pageQuery, type: type.optional(), at }),
        response: { 200: listOf(versionSummarySchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'objects', workspaceId, filter };
      const [lastType, lastId] = openCursor(keys.state, scope, cursor) ?? [];
      const after =
        typeof lastType === 'string' && isObjectType(lastType) ? { type: lastType, id: String(lastId) } : undefined;
      const rows = await listObjects(pool, workspaceId, filter, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (row) => row,
        (row) => [row.type, row.id],
      );
    },
  );

  api.get(
    '/v1/objects/:type/:id',
    {
      schema: {
        tags,
        summary: 'An object at its newest version, at another one, or as it was at an instant',
        params,
        querystring: z
          .strictObject({ version: z.coerce.number().int().min(1).max(2_147_483_647).optional(), at })
          .refine(({ version, at: instant }) => version === undefined || instant === undefined, {
            error: 'name a version or an instant, not both',
          }),
        response: { 200: versionSchema },
      },
    },
    ({ administrator: { workspaceId }, params: ref, query }) => readVersion(pool, workspaceId, ref, query),
  );

  api.get(
    '/v1/objects/:type/:id/versions',
    {
      schema: {
        tags,
        summary: 'All versions of an object, newest first',
        params,
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(versionSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: ref, query: { limit, cursor } }) => {
      const scope = { list: 'object-versions', workspaceId, filter: ref };
      const [last] = openCursor(keys.state, scope, cursor) ?? [];
      const before = last === undefined ? undefined : Number(last);
      const rows = await listVersions(pool, workspaceId, ref, before, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (row) => row,
        ({ version }) => [version],
      );
    },
  );
}
