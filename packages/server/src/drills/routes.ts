import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery, wholeList } from '../api/route.ts';
import { drillDocument, drillName, drillSchema, listDrills, putDrill, readDrill, removeDrill } from './drill.ts';
import { listRehearsals, readRehearsal, rehearsalSchema } from './rehearsal.ts';
import { rehearse } from './rehearse.ts';
import { runDrill } from './run-drill.ts';

const tags = ['containment'];
const named = z.object({ name: drillName });

export function drillRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys } = context;

  api.post(
    '/v1/containments/rehearsals',
    {
      schema: {
        tags,
        summary: 'Press the kill switch on a shadow of the agent, and measure',
        description:
          'The agent itself goes on. The shadow wears its roles for as long as it takes, is in no list and no count, and nothing it does reaches an upstream.',
        body: z.strictObject({ agent: z.string().min(1).max(128) }),
        response: { 200: rehearsalSchema },
      },
    },
    ({ administrator, body: { agent } }) => rehearse(context, administrator, agent),
  );

  api.get(
    '/v1/containments/rehearsals',
    {
      schema: {
        tags,
        summary: 'List rehearsals, newest first',
        querystring: z.strictObject({ drill: drillName.optional(), ...pageQuery }),
        response: { 200: listOf(rehearsalSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, drill } }) => {
      const scope = { list: 'rehearsals', workspaceId, filter: { drill } };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listRehearsals(pool, workspaceId, drill, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (rehearsal) => rehearsal,
        (rehearsal) => [rehearsal.started_us, rehearsal.id],
      );
    },
  );

  api.get(
    '/v1/containments/rehearsals/:id',
    {
      schema: {
        tags,
        summary: 'A rehearsal',
        params: z.object({ id: z.string().max(64) }),
        response: { 200: rehearsalSchema },
      },
    },
    ({ administrator: { workspaceId }, params: { id } }) => readRehearsal(pool, workspaceId, id),
  );

  api.get(
    '/v1/drills',
    { schema: { tags, summary: 'Rehearsals on a schedule', response: { 200: listOf(drillSchema) } } },
    async ({ administrator: { workspaceId } }) => wholeList(await listDrills(pool, workspaceId)),
  );

  api.get(
    '/v1/drills/:name',
    { schema: { tags, summary: 'A drill', params: named, response: { 200: drillSchema } } },
    ({ administrator: { workspaceId }, params: { name } }) => readDrill(pool, workspaceId, name),
  );

  api.put(
    '/v1/drills/:name',
    {
      schema: {
        tags,
        summary: 'Schedule a drill, or change it',
        params: named,
        body: drillDocument,
        response: { 200: drillSchema },
      },
    },
    ({ administrator, params: { name }, body }) => putDrill(log, administrator, name, body),
  );

  api.delete(
    '/v1/drills/:name',
    { schema: { tags, summary: 'Hold it no more', params: named, response: { 200: drillSchema } } },
    ({ administrator, params: { name } }) => removeDrill(log, administrator, name),
  );

  api.post(
    '/v1/drills/:name/run',
    {
      schema: {
        tags,
        summary: 'Hold the drill now; its times stay as they are',
        params: named,
        body: z.strictObject({}).prefault({}),
        response: { 200: rehearsalSchema },
      },
    },
    ({ administrator, params: { name } }) => runDrill(context, administrator, name),
  );
}
