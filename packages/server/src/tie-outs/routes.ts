import { z } from 'zod';
import {
  type Api,
  type ApiContext,
  listOf,
  openCursor,
  openTimeCursor,
  pageOf,
  pageQuery,
  wholeList,
} from '../api/route.ts';
import { endOf, periodOf } from '../evidence/index.ts';
import { coverageSchema, tieOutCoverage } from './coverage.ts';
import { explainDifference, explanationSchema } from './explain.ts';
import { importTieOut, MAX_FILE_BYTES, newTieOutSchema } from './import.ts';
import { differenceSchema, listDifferences, listTieOuts, readTieOut, tieOutSchema, tieOutView } from './tie-out.ts';

const tags = ['tie-outs'];
const params = z.object({ id: z.string().max(64) });
/** JSON around the file, and what it escapes of it. */
const BODY_LIMIT = 2 * MAX_FILE_BYTES;

export function tieOutRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys, clock } = context;

  api.get(
    '/v1/tie-outs',
    {
      schema: {
        tags,
        summary: 'List tie-outs, newest first',
        querystring: z.strictObject({ tool: z.string().max(64).optional(), ...pageQuery }),
        response: { 200: listOf(tieOutSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, tool } }) => {
      const scope = { list: 'tie-outs', workspaceId, filter: { tool } };
      const rows = await listTieOuts(pool, workspaceId, tool, openTimeCursor(keys.state, scope, cursor), limit + 1);
      return pageOf(keys.state, scope, limit, rows, tieOutView, (row) => [row.imported_us, row.id]);
    },
  );

  api.post(
    '/v1/tie-outs',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        tags,
        summary: 'Import a tool’s own list, and hold the log against it',
        description:
          'From a file, or from the API of the tool with a credential of the store. Calls are compared by the tool’s own reference where they have one, else by count and sum. Nothing of it is changed or taken back; a newer import of the same period stands beside it.',
        body: newTieOutSchema,
        response: { 201: tieOutSchema },
      },
    },
    async ({ administrator, body }, reply) => reply.code(201).send(await importTieOut(context, administrator, body)),
  );

  api.get(
    '/v1/tie-outs/coverage',
    {
      schema: {
        tags,
        summary: 'Which tools moved money or data in a period, and whether they were compared',
        querystring: z.strictObject({ from: z.iso.datetime({ offset: true }), to: z.iso.datetime({ offset: true }) }),
        response: { 200: listOf(coverageSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { from, to } }) => {
      const period = periodOf(from, to, clock());
      const now = new Date(clock()).toISOString();
      return wholeList(await tieOutCoverage(pool, workspaceId, { from: period.from, to: endOf(period, now) }, now));
    },
  );

  api.get(
    '/v1/tie-outs/:id',
    { schema: { tags, summary: 'A tie-out', params, response: { 200: tieOutSchema } } },
    ({ administrator: { workspaceId }, params: { id } }) => readTieOut(pool, workspaceId, id),
  );

  api.get(
    '/v1/tie-outs/:id/differences',
    {
      schema: {
        tags,
        summary: 'What differs, one by one',
        params,
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(differenceSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { id }, query: { limit, cursor } }) => {
      await readTieOut(pool, workspaceId, id);
      const scope = { list: 'tie-out-differences', workspaceId, filter: { id } };
      const after = Number(openCursor(keys.state, scope, cursor)?.[0] ?? 0);
      const rows = await listDifferences(pool, workspaceId, id, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (row) => row,
        (row) => [row.n],
      );
    },
  );

  api.post(
    '/v1/tie-outs/:id/differences/:difference/explain',
    {
      schema: {
        tags,
        summary: 'Say why a difference is there',
        description: 'By a person. It stays; more can be said after it.',
        params: params.extend({ difference: z.string().max(64) }),
        body: explanationSchema,
        response: { 200: differenceSchema },
      },
    },
    ({ administrator, params: { id, difference }, body }) =>
      log.transact(administrator.workspaceId, (transaction) =>
        explainDifference(transaction, administrator, id, difference, body),
      ),
  );
}
