import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import { approve } from './approve.ts';
import { CLASSES, classOf, type RetentionClass } from './classes.ts';
import { dueNow } from './dispose.ts';
import { countDue, REASONS } from './due.ts';
import { erasureReport, erasureSchema } from './erasure.ts';
import { outsideSchema, placesOutside } from './places.ts';
import { requestRedaction } from './redact.ts';
import {
  listRequests,
  makeRequest,
  readRequest,
  redactionDocument,
  requestSchema,
  withdrawRequest,
} from './requests.ts';
import { changedPeriods, periodsChange, readSettings, settingsSchema, takesTwo, writeSettings } from './settings.ts';

const tags = ['retention'];
const params = z.object({ id: z.string().max(64) });
const personParams = z.object({ person: z.string().max(254) });
const reason = z.string().trim().min(1).max(1000);

const previewSchema = z
  .object({
    object: z.literal('retention_preview'),
    through: z.int().meta({ description: 'The last entry that may go now.' }),
    classes: z.array(
      z.object({
        class: z.enum(CLASSES),
        due: z.int().meta({ description: 'Payloads that a disposal would let go now.' }),
        stays: z.partialRecord(z.enum(REASONS), z.int()),
        oldest: z.int().meta({ description: 'Of what has outlived its period.' }),
      }),
    ),
    behind: z.array(z.object({ what: z.string(), name: z.string(), through: z.int() })).meta({
      description: 'Required sinks, and the rules, where they have not come so far: nothing behind them goes.',
    }),
  })
  .meta({ id: 'RetentionPreview' });

/** How long the log is kept, what is taken out of it, and what is kept of a person. */
export function retentionRoutes(api: Api, context: ApiContext): void {
  settingsRoutes(api, context);
  redactionRoutes(api, context);

  api.get(
    '/v1/people/:person/erasure-report',
    {
      schema: {
        tags,
        summary: 'What is kept of a person, why, and until when',
        description: 'For the answer to a request for erasure. Nothing is changed.',
        params: personParams,
        response: { 200: erasureSchema },
      },
    },
    async ({ administrator, params: { person } }) => {
      const report = await erasureReport(context.pool, administrator.workspaceId, person);
      const count = report.records.reduce((sum, each) => sum + each.count, 0);
      await context.reads.note(administrator, 'erasure', { person: report.person }, count);
      return report;
    },
  );
}

function settingsRoutes(api: Api, { pool, log, keys }: ApiContext): void {
  api.get(
    '/v1/retention',
    { schema: { tags, summary: 'How long each class of records is kept', response: { 200: settingsSchema } } },
    ({ administrator: { workspaceId } }) => readSettings(pool, workspaceId),
  );

  api.put(
    '/v1/retention',
    {
      schema: {
        tags,
        summary: 'Change how long records are kept; what is absent stays',
        description:
          'Longer is done at once. What keeps anything for less long is a request (202) that another person approves.',
        body: z.strictObject({ periods: periodsChange, reason }),
        response: { 200: settingsSchema, 202: requestSchema },
      },
    },
    async ({ administrator: who, body }, reply) => {
      const answer = await log.transact(who.workspaceId, async (transaction) => {
        const settings = await readSettings(transaction.client, who.workspaceId);
        const after = changedPeriods(settings, body.periods);
        return takesTwo(settings, after)
          ? makeRequest(transaction, who, 'settings', after, body.reason)
          : writeSettings(transaction, who, after, body.reason);
      });
      return answer.object === 'retention_settings' ? reply.send(answer) : reply.code(202).send(answer);
    },
  );

  api.get(
    '/v1/retention/preview',
    {
      schema: { tags, summary: 'What a disposal would let go now, and what stays', response: { 200: previewSchema } },
    },
    async ({ administrator: { workspaceId } }) => {
      const due = await dueNow(pool, workspaceId);
      const counts = due.limit === 0 ? [] : await countDue(pool, workspaceId, due.bounds, due.limit);
      return {
        object: 'retention_preview' as const,
        through: due.limit,
        classes: CLASSES.flatMap((each) => previewOf(each, counts)),
        behind: due.behind,
      };
    },
  );

  api.get(
    '/v1/retention/requests',
    {
      schema: {
        tags,
        summary: 'What waited or waits for a second person, newest first',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(requestSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'retention-requests', workspaceId };
      const rows = await listRequests(pool, workspaceId, openTimeCursor(keys.state, scope, cursor), limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        ({ request }) => request,
        ({ position: { atUs, id } }) => [atUs, id],
      );
    },
  );

  api.get(
    '/v1/retention/requests/:id',
    { schema: { tags, summary: 'A request', params, response: { 200: requestSchema } } },
    ({ administrator: { workspaceId }, params: { id } }) => readRequest(pool, workspaceId, id),
  );

  api.post(
    '/v1/retention/requests/:id/approve',
    {
      schema: {
        tags,
        summary: 'Approve it, as another person than asked for it; it happens with this',
        description: 'A redaction is carried out before the answer: the payloads are gone then.',
        params,
        body: z.strictObject({}).prefault({}),
        response: { 200: requestSchema },
      },
    },
    ({ administrator, params: { id } }) => approve({ pool, log }, administrator, id),
  );

  api.post(
    '/v1/retention/requests/:id/withdraw',
    {
      schema: {
        tags,
        summary: 'Withdraw it',
        params,
        body: z.strictObject({}).prefault({}),
        response: { 200: requestSchema },
      },
    },
    ({ administrator, params: { id } }) => withdrawRequest(log, administrator, id),
  );
}

function previewOf(each: RetentionClass, counts: Awaited<ReturnType<typeof countDue>>) {
  const own = counts.filter(({ kind }) => classOf(kind) === each);
  if (own.length === 0) return [];
  const stays: Partial<Record<(typeof REASONS)[number], number>> = {};
  for (const { stays: why, count } of own) if (why !== null) stays[why] = (stays[why] ?? 0) + count;
  return [
    {
      class: each,
      due: own.reduce((sum, { stays: why, count }) => sum + (why === null ? count : 0), 0),
      stays,
      oldest: Math.floor(Math.min(...own.map(({ oldest }) => oldest.getTime())) / 1000),
    },
  ];
}

function redactionRoutes(api: Api, context: ApiContext): void {
  const { pool, log } = context;

  api.post(
    '/v1/redactions',
    {
      schema: {
        tags,
        summary: 'Ask for fields to be taken out of records of the log',
        description:
          'Another person approves it (POST /v1/retention/requests/:id/approve). The record leaves the log whole and its hash stays; what is left of it stands in a signed `log.redacted`.',
        body: z.strictObject({ ...redactionDocument.shape, reason }),
        response: { 202: requestSchema },
      },
    },
    async ({ administrator, body: { reason: why, ...document } }, reply) =>
      reply.code(202).send(await requestRedaction(context, administrator, document, why)),
  );

  api.get(
    '/v1/redactions/outside',
    {
      schema: {
        tags,
        summary: 'Where copies of records went that only you can remove',
        response: { 200: z.object({ object: z.literal('list'), data: z.array(outsideSchema) }) },
      },
    },
    async ({ administrator: { workspaceId } }) => {
      await log.catchUp(workspaceId);
      return { object: 'list' as const, data: [...(await placesOutside(pool, workspaceId))] };
    },
  );
}
