/** `/v1/siem`. */
import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery, wholeList } from '../api/route.ts';
import type { WorkspaceId } from '../ids.ts';
import { completenessOf } from './completeness.ts';
import { theSink } from './context.ts';
import { listLetters } from './dead-letters.ts';
import { newSinkSchema, sinkChangeSchema, trySinkSchema } from './input.ts';
import { countInLog, emptyDay, readLedger } from './ledger.ts';
import { changeSink, createSink, deleteSink, pauseSink, resumeSink } from './manage.ts';
import { overviewOf } from './overview.ts';
import { SINK_TYPES } from './registry.ts';
import { abandonLetters, cancelReplay, listReplays, orderReplay, redriveLetters } from './replay.ts';
import { confirmSkip, listSkips, proposeSkip, withdrawSkip } from './skip.ts';
import { liveStream } from './streams.ts';
import { dayOf } from './tally.ts';
import { trySettings, trySink } from './try.ts';
import {
  completenessSchema,
  completenessView,
  kindSchema,
  kindViews,
  ledgerSchema,
  ledgerView,
  letterSchema,
  letterView,
  replaySchema,
  replayView,
  sinkSchema,
  sinkView,
  skipSchema,
  skipView,
  testSchema,
  testView,
} from './views.ts';

const tags = ['siem'];
const params = z.strictObject({ sink: z.string().max(64) });
const partParams = z.strictObject({ sink: z.string().max(64), id: z.string().max(64) });
const reason = z.string().trim().min(1).max(500);
const because = z.strictObject({ reason });
const seq = z.coerce.number().int().min(1);
const day = z.iso.date();
const ids = z.array(z.string().max(64)).min(1).max(1_000);
const counted = z
  .object({ object: z.literal('sink_dead_letters'), dead_letters: z.int() })
  .meta({ id: 'SinkDeadLetters' });

const LEDGER_DAYS_MS = 30 * 86_400_000;

export function sinkRoutes(api: Api, { sinks, keys }: ApiContext): void {
  const one = async (workspaceId: WorkspaceId, id: string) => {
    const { id: wanted } = await theSink(sinks.pool, workspaceId, id);
    const found = (await overviewOf(sinks.pool, workspaceId, sinks.clock())).find(({ sink }) => sink.id === wanted);
    if (found === undefined) throw new Error(`the sink ${wanted} has no stream`);
    return sinkView(found);
  };

  api.get(
    '/v1/siem/kinds',
    {
      schema: { tags, summary: 'Kinds of receivers, with the settings of each', response: { 200: listOf(kindSchema) } },
    },
    async () => wholeList(kindViews()),
  );

  api.get(
    '/v1/siem/sinks',
    {
      schema: { tags, summary: 'Where the log is streamed to, and how it goes', response: { 200: listOf(sinkSchema) } },
    },
    async ({ administrator: { workspaceId } }) =>
      wholeList((await overviewOf(sinks.pool, workspaceId, sinks.clock())).map(sinkView)),
  );

  api.post(
    '/v1/siem/sinks',
    {
      schema: {
        tags,
        summary: 'Stream the log to a receiver',
        description:
          'In the order of the log, at least once. Begins with what comes from now on, unless `start` says otherwise.',
        body: newSinkSchema,
        response: { 201: sinkSchema },
      },
    },
    async ({ administrator, body }, reply) => {
      const { id } = await createSink(sinks, administrator, body);
      return reply.code(201).send(await one(administrator.workspaceId, id));
    },
  );

  api.post(
    '/v1/siem/sinks/test',
    {
      schema: {
        tags,
        summary: 'Send one event with settings that are not saved',
        description:
          'A checkpoint that belongs to no stream. What the receiver answers comes back; nothing is kept but a record of the test.',
        body: trySinkSchema,
        response: { 200: testSchema },
      },
    },
    async ({ administrator, body }) => testView(await trySettings(sinks, administrator, body)),
  );

  api.get(
    '/v1/siem/sinks/:sink',
    { schema: { tags, summary: 'A sink, by id or name', params, response: { 200: sinkSchema } } },
    ({ administrator: { workspaceId }, params: { sink } }) => one(workspaceId, sink),
  );

  api.patch(
    '/v1/siem/sinks/:sink',
    {
      schema: {
        tags,
        summary: 'Change a sink',
        description: 'Settings of the kind are given whole. It goes on at its cursor.',
        params,
        body: sinkChangeSchema,
        response: { 200: sinkSchema },
      },
    },
    async ({ administrator, params: { sink }, body }) =>
      one(administrator.workspaceId, (await changeSink(sinks, administrator, sink, body)).id),
  );

  api.delete(
    '/v1/siem/sinks/:sink',
    {
      schema: {
        tags,
        summary: 'Delete a sink; its ledger and dead letters stay',
        params,
        querystring: because,
        response: { 204: z.undefined() },
      },
    },
    async ({ administrator, params: { sink }, query }, reply) => {
      await deleteSink(sinks, administrator, sink, query.reason);
      return reply.code(204).send();
    },
  );

  api.post(
    '/v1/siem/sinks/:sink/test',
    {
      schema: {
        tags,
        summary: 'Send one event',
        params,
        body: z.strictObject({}).prefault({}),
        response: { 200: testSchema },
      },
    },
    async ({ administrator, params: { sink } }) => testView(await trySink(sinks, administrator, sink)),
  );

  api.post(
    '/v1/siem/sinks/:sink/pause',
    {
      schema: {
        tags,
        summary: 'Send nothing until it is resumed',
        params,
        body: because,
        response: { 200: sinkSchema },
      },
    },
    async ({ administrator, params: { sink }, body }) =>
      one(administrator.workspaceId, (await pauseSink(sinks, administrator, sink, body.reason)).id),
  );

  api.post(
    '/v1/siem/sinks/:sink/resume',
    {
      schema: {
        tags,
        summary: 'Send again, at once',
        description: 'Also what waits for a person because credentials or settings were wrong.',
        params,
        body: because,
        response: { 200: sinkSchema },
      },
    },
    async ({ administrator, params: { sink }, body }) =>
      one(administrator.workspaceId, (await resumeSink(sinks, administrator, sink, body.reason)).id),
  );

  api.get(
    '/v1/siem/sinks/:sink/replays',
    {
      schema: {
        tags,
        summary: 'What was ordered to be sent once more, newest first',
        params,
        response: { 200: listOf(replaySchema) },
      },
    },
    async ({ administrator, params: { sink } }) =>
      wholeList((await listReplays(sinks, administrator, sink)).map(replayView)),
  );

  api.post(
    '/v1/siem/sinks/:sink/replays',
    {
      schema: {
        tags,
        summary: 'Send a range of the log once more',
        description: 'Under the same ids, marked as replayed, beside the stream.',
        params,
        body: z.strictObject({ from_seq: z.int().min(1), to_seq: z.int().min(1), reason }),
        response: { 201: replaySchema },
      },
    },
    async ({ administrator, params: { sink }, body }, reply) => {
      const range = { fromSeq: body.from_seq, toSeq: body.to_seq };
      return reply.code(201).send(replayView(await orderReplay(sinks, administrator, sink, range, body.reason)));
    },
  );

  api.post(
    '/v1/siem/sinks/:sink/replays/:id/cancel',
    {
      schema: {
        tags,
        summary: 'End a replay',
        params: partParams,
        body: z.strictObject({}).prefault({}),
        response: { 200: replaySchema },
      },
    },
    async ({ administrator, params: { sink, id } }) => replayView(await cancelReplay(sinks, administrator, sink, id)),
  );

  api.get(
    '/v1/siem/sinks/:sink/dead-letters',
    {
      schema: {
        tags,
        summary: 'What was set aside, newest first',
        params,
        querystring: z.strictObject({ status: letterSchema.shape.status.optional(), ...pageQuery }),
        response: { 200: listOf(letterSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { sink }, query: { limit, cursor, ...filter } }) => {
      const { id } = await theSink(sinks.pool, workspaceId, sink);
      const scope = { list: 'sink-dead-letters', workspaceId, filter: { ...filter, sink: id } };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listLetters(sinks.pool, workspaceId, id, filter, after, limit + 1);
      return pageOf(keys.state, scope, limit, rows, letterView, (row) => [row.createdUs, row.id]);
    },
  );

  api.post(
    '/v1/siem/sinks/:sink/dead-letters/redrive',
    {
      schema: {
        tags,
        summary: 'Send what was set aside once more',
        description: 'Without ids all that waits, ten thousand at most. What is refused again is set aside again.',
        params,
        body: z.strictObject({ ids: ids.optional(), reason }),
        response: { 200: counted },
      },
    },
    async ({ administrator, params: { sink }, body }) => ({
      object: 'sink_dead_letters' as const,
      dead_letters: await redriveLetters(sinks, administrator, sink, body.ids, body.reason),
    }),
  );

  api.post(
    '/v1/siem/sinks/:sink/dead-letters/drop',
    {
      schema: {
        tags,
        summary: 'Give up what was set aside',
        description: 'It stays listed, and counts as rejected.',
        params,
        body: z.strictObject({ ids, reason }),
        response: { 200: counted },
      },
    },
    async ({ administrator, params: { sink }, body }) => ({
      object: 'sink_dead_letters' as const,
      dead_letters: await abandonLetters(sinks, administrator, sink, body.ids, body.reason),
    }),
  );

  api.get(
    '/v1/siem/sinks/:sink/ledger',
    {
      schema: {
        tags,
        summary: 'What became of the entries of each day',
        description:
          'The last 30 days when nothing is said, the oldest first. `prove` counts the days in the log: 31 at most.',
        params,
        querystring: z
          .strictObject({ from: day.optional(), to: day.optional(), prove: z.stringbool().default(false) })
          .refine(({ from, to }) => from === undefined || to === undefined || from <= to, { error: 'from is after to' })
          .refine(
            ({ from, to, prove }) =>
              !prove ||
              from === undefined ||
              Date.parse(to ?? dayOf(Date.now())) - Date.parse(from) < LEDGER_DAYS_MS + 86_400_000,
            { error: 'prove takes 31 days at most' },
          ),
        response: { 200: listOf(ledgerSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { sink: id }, query }) => {
      const sink = await theSink(sinks.pool, workspaceId, id);
      const to = query.to ?? dayOf(sinks.clock());
      const from = query.from ?? dayOf(Date.parse(to) - LEDGER_DAYS_MS);
      const days = await readLedger(sinks.pool, { workspaceId, sinkId: sink.id }, from, to);
      const { fromSeq } = await liveStream(sinks.pool, workspaceId, sink.id);
      const inLog = query.prove ? await countInLog(sinks.pool, workspaceId, { fromSeq, fromDay: from, toDay: to }) : [];
      const counted = new Map(inLog.map((each) => [each.day, each.entries]));
      // A day of which nothing is settled is a day of the log all the same.
      const listed = new Set(days.map((each) => each.day));
      const all = [...days, ...inLog.filter((each) => !listed.has(each.day)).map((each) => emptyDay(each.day))];
      const { acknowledgement } = SINK_TYPES[sink.kind];
      return wholeList(
        all
          .sort((a, b) => (a.day < b.day ? -1 : 1))
          .map((each) => ledgerView(each, acknowledgement, query.prove ? (counted.get(each.day) ?? 0) : undefined)),
      );
    },
  );

  api.get(
    '/v1/siem/sinks/:sink/completeness',
    {
      schema: {
        tags,
        summary: 'What the receiver should have of a range',
        description:
          'Counts, ends and a digest, from the log itself: a million entries at most. All that is settled when nothing is said.',
        params,
        querystring: z.strictObject({ from: seq.optional(), to: seq.optional() }),
        response: { 200: completenessSchema },
      },
    },
    async ({ administrator, params: { sink }, query }) =>
      completenessView(await completenessOf(sinks, administrator, sink, { fromSeq: query.from, toSeq: query.to })),
  );

  api.get(
    '/v1/siem/sinks/:sink/skips',
    {
      schema: {
        tags,
        summary: 'Proposals to go on behind entries, newest first',
        params,
        response: { 200: listOf(skipSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { sink } }) =>
      wholeList((await listSkips(sinks, workspaceId, sink)).map(skipView)),
  );

  api.post(
    '/v1/siem/sinks/:sink/skips',
    {
      schema: {
        tags,
        summary: 'Propose to go on behind an entry',
        description:
          'Another person confirms it. What is passed over is set aside, counts as rejected, and can be sent later.',
        params,
        body: z.strictObject({ to_seq: z.int().min(1), reason }),
        response: { 201: skipSchema },
      },
    },
    async ({ administrator, params: { sink }, body }, reply) => {
      const skip = await proposeSkip(sinks, administrator, sink, { toSeq: body.to_seq, reason: body.reason });
      return reply.code(201).send(skipView(skip));
    },
  );

  api.post(
    '/v1/siem/sinks/:sink/skips/:id/confirm',
    {
      schema: {
        tags,
        summary: 'Go on behind it',
        params: partParams,
        body: z.strictObject({}).prefault({}),
        response: { 200: skipSchema },
      },
    },
    async ({ administrator, params: { sink, id } }) => skipView(await confirmSkip(sinks, administrator, sink, id)),
  );

  api.post(
    '/v1/siem/sinks/:sink/skips/:id/withdraw',
    {
      schema: {
        tags,
        summary: 'Take the proposal back',
        params: partParams,
        body: z.strictObject({}).prefault({}),
        response: { 200: skipSchema },
      },
    },
    async ({ administrator, params: { sink, id } }) => skipView(await withdrawSkip(sinks, administrator, sink, id)),
  );
}
