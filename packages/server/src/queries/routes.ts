import { z } from 'zod';
import { type Api, type ApiContext, filterOf, filterQuery, given, listOf, wholeList } from '../api/route.ts';
import { activityOf, activitySchema } from './activity.ts';
import { FACETS, facetOf, facetSchema } from './facets.ts';
import { BUCKETS, histogramOf, histogramSchema } from './histogram.ts';
import { PRESETS, presetSchema } from './presets.ts';
import { listQueries, newQuerySchema, removeQuery, replaceQuery, savedQuerySchema, saveQuery } from './saved.ts';
import { eventTable, FORMATS, MEDIA_TYPES } from './table.ts';

const tags = ['audit'];
const params = z.object({ id: z.string().max(64) });
const moment = z.iso.datetime({ offset: true });

export function queryRoutes(api: Api, { pool, log, reads, clock }: ApiContext): void {
  api.get(
    '/v1/audit/histogram',
    {
      schema: {
        tags,
        summary: 'How many entries there are over time, by verdict',
        description:
          'At once for one of agent, owner, action, server and reason_class with kind and verdict; row by row otherwise, for four seconds at most.',
        querystring: z.strictObject({
          ...filterQuery,
          bucket: z.enum(BUCKETS).optional().meta({ description: 'Absent: such that a chart has room for it.' }),
        }),
        response: { 200: histogramSchema },
      },
    },
    async ({ administrator, query: { bucket, ...filter } }) => {
      await reads.note(administrator, 'histogram', given(filter));
      return histogramOf(pool, administrator.workspaceId, filterOf(filter), bucket, clock());
    },
  );

  api.get(
    '/v1/audit/facets',
    {
      schema: {
        tags,
        summary: 'The most frequent values of what is selected',
        querystring: z.strictObject({
          ...filterQuery,
          by: z.enum(FACETS),
          limit: z.coerce.number().int().min(1).max(200).default(10),
        }),
        response: { 200: facetSchema },
      },
    },
    async ({ administrator, query: { by, limit, ...filter } }) => {
      await reads.note(administrator, 'facets', { ...given(filter), by });
      return facetOf(pool, administrator.workspaceId, filterOf(filter), by, limit, clock());
    },
  );

  api.get(
    '/v1/audit/activity',
    {
      schema: {
        tags,
        summary: 'Everything an agent did in a time, in numbers',
        description: 'The last 90 days where nothing is said. The entries themselves: `GET /v1/audit/events?about=…`.',
        querystring: z.strictObject({
          agent: z.string().min(1).max(128),
          from: moment.optional(),
          to: moment.optional(),
        }),
        response: { 200: activitySchema },
      },
    },
    async ({ administrator, query: { agent, from, to } }) => {
      await reads.note(administrator, 'activity', { about: agent, ...given({ from, to }) });
      const period = {
        ...(from === undefined ? {} : { from: new Date(from) }),
        ...(to === undefined ? {} : { to: new Date(to) }),
      };
      return activityOf(pool, administrator.workspaceId, agent, period, clock());
    },
  );

  api.get(
    '/v1/audit/events/export',
    {
      schema: {
        tags,
        summary: 'What a query selects, as a file',
        description:
          'Oldest first, up to the newest entry of when it was asked. It cannot be verified by itself: that is `GET /v1/audit/export`. Each export is itself on the log.',
        querystring: z.strictObject({ ...filterQuery, format: z.enum(FORMATS).default('jsonl') }),
        response: {
          200: {
            description: 'The file.',
            content: Object.fromEntries(
              Object.values(MEDIA_TYPES).map((type) => [type.split(';')[0] ?? type, { schema: z.unknown() }]),
            ),
          },
        },
      },
    },
    async ({ administrator, query: { format, ...filter } }, reply) => {
      const { workspaceId, actor, credentialId, via } = administrator;
      const lastSeq = await log.size(workspaceId);
      await log.record(workspaceId, {
        kind: 'log.exported',
        actor,
        key_id: credentialId,
        via,
        from: filter.from,
        to: filter.to,
        format,
        selection: given(filter),
        last_seq: lastSeq,
      });
      reply.type(MEDIA_TYPES[format]).header('content-disposition', `attachment; filename="hivekey-events.${format}"`);
      return reply.send(eventTable(log, workspaceId, filterOf(filter), lastSeq, format));
    },
  );

  api.get(
    '/v1/audit/presets',
    { schema: { tags, summary: 'Queries that everybody has', response: { 200: listOf(presetSchema) } } },
    () => wholeList(PRESETS),
  );

  api.get(
    '/v1/audit/queries',
    { schema: { tags, summary: 'Queries of one’s own, and shared ones', response: { 200: listOf(savedQuerySchema) } } },
    async ({ administrator: { workspaceId, person } }) => wholeList(await listQueries(pool, workspaceId, person?.id)),
  );

  api.post(
    '/v1/audit/queries',
    { schema: { tags, summary: 'Keep a query', body: newQuerySchema, response: { 201: savedQuerySchema } } },
    async ({ administrator, body }, reply) =>
      reply
        .code(201)
        .send(
          await log.transact(administrator.workspaceId, (transaction) => saveQuery(transaction, administrator, body)),
        ),
  );

  api.put(
    '/v1/audit/queries/:id',
    {
      schema: {
        tags,
        summary: 'Put another in place of a query of one’s own',
        params,
        body: newQuerySchema,
        response: { 200: savedQuerySchema },
      },
    },
    ({ administrator, params: { id }, body }) =>
      log.transact(administrator.workspaceId, (transaction) => replaceQuery(transaction, administrator, id, body)),
  );

  api.delete(
    '/v1/audit/queries/:id',
    {
      schema: {
        tags,
        summary: 'Remove a query of one’s own; an administrator, also a shared one',
        params,
        response: { 204: z.undefined() },
      },
    },
    async ({ administrator, params: { id } }, reply) => {
      await log.transact(administrator.workspaceId, (transaction) => removeQuery(transaction, administrator, id));
      return reply.code(204).send();
    },
  );
}
