/** `/v1/audit`: reading, following, proving and exporting the log. */
import { z } from 'zod';
import { Failure } from '../errors.ts';
import { administratorOf } from '../identity/index.ts';
import { eventSchema, eventView, filterOf, filterQuery, given } from './audit-events.ts';
import { exportRoute } from './audit-export.ts';
import { streamEvents } from './audit-stream.ts';
import type { Api, ApiContext, FastifyRequest } from './context.ts';
import { errorSchema } from './failures.ts';
import { type ListScope, listOf, openCursor, pageQuery, sealCursor } from './lists.ts';

const MAX_STREAMS = 200;

const eventParams = z.strictObject({ id: z.string().max(64) });
const listQuery = z.strictObject({ ...filterQuery, ...pageQuery, order: z.enum(['asc', 'desc']).default('desc') });
const streamQuery = z.strictObject({
  ...filterQuery,
  from_seq: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .meta({ description: 'First global number; what is new from now on when absent. Last-Event-ID goes before it.' }),
});
const proofSchema = z
  .object({
    event_id: z.string(),
    seq: z.int(),
    entry_hash: z.string(),
    leaf_index: z.int(),
    tree_size: z.int(),
    inclusion: z.array(z.string()),
    checkpoint: z.string(),
    key: z.string(),
    canonical: z.string(),
  })
  .meta({ id: 'EventProof' });

export function auditRoutes(api: Api, context: ApiContext): void {
  const { log, keys, reads } = context;

  api.get(
    '/v1/audit/events',
    {
      schema: {
        summary: 'List events of the log',
        tags: ['audit'],
        querystring: listQuery,
        response: { 200: listOf(eventSchema) },
      },
    },
    async (request) => {
      const { limit, cursor, order, ...filter } = request.query;
      const { workspaceId } = request.administrator;
      const selection = given(filter);
      const scope: ListScope = { list: 'events', workspaceId, filter: { ...selection, order } };
      const position = openCursor(keys.state, scope, cursor)?.[0];
      const page = { limit, order, ...(typeof position === 'string' ? { cursor: position } : {}) };
      const { events, nextCursor } = await log.list(workspaceId, filterOf(filter), page);
      await reads.note(request.administrator, 'list', selection, events.length);
      return {
        object: 'list' as const,
        data: events.map(eventView),
        has_more: nextCursor !== null,
        next_cursor: nextCursor === null ? null : sealCursor(keys.state, scope, [nextCursor]),
      };
    },
  );

  api.get(
    '/v1/audit/events/:id',
    {
      schema: {
        summary: 'An event, and for a call its result',
        tags: ['audit'],
        params: eventParams,
        response: { 200: z.object({ event: eventSchema, result: eventSchema.nullable() }), 404: errorSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      const found = await log.find(request.administrator.workspaceId, id);
      await reads.note(request.administrator, 'event', { event: id }, found === undefined ? 0 : 1);
      if (found === undefined) throw eventNotFound(id);
      return { event: eventView(found.event), result: found.result === null ? null : eventView(found.result) };
    },
  );

  api.get(
    '/v1/audit/events/:id/proof',
    {
      schema: {
        summary: 'Proof that the event is in the signed log',
        description: 'Inclusion proof under a signed checkpoint; `hivekey verify FILE` checks it without a server.',
        tags: ['audit'],
        params: eventParams,
        response: { 200: proofSchema, 404: errorSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      const proof = await log.prove(request.administrator.workspaceId, id);
      await reads.note(request.administrator, 'proof', { event: id }, proof === undefined ? 0 : 1);
      if (proof === undefined) throw eventNotFound(id);
      return { ...proof, inclusion: [...proof.inclusion] };
    },
  );

  api.get(
    '/v1/audit/key',
    {
      schema: {
        summary: 'The public key that verifiers need',
        tags: ['audit'],
        response: { 200: z.object({ object: z.literal('verifier_key'), key: z.string() }) },
      },
    },
    async ({ administrator }) => ({
      object: 'verifier_key' as const,
      key: log.verifierKey(administrator.workspaceId),
    }),
  );

  api.get(
    '/v1/audit/checkpoint',
    {
      schema: {
        summary: 'The newest signed checkpoint',
        tags: ['audit'],
        response: {
          200: z.object({ object: z.literal('checkpoint'), tree_size: z.int(), checkpoint: z.string() }),
          404: errorSchema,
        },
      },
    },
    async ({ administrator }) => {
      const checkpoint = await log.checkpoint(administrator.workspaceId);
      if (checkpoint === undefined)
        throw new Failure(
          404,
          'checkpoint_not_found',
          'Nothing of this log has been signed yet.',
          'Try again in a second.',
        );
      return { object: 'checkpoint' as const, tree_size: checkpoint.treeSize, checkpoint: checkpoint.note };
    },
  );

  streamRoute(api, context);
  exportRoute(api, context);
}

function eventNotFound(id: string): Failure {
  const remedy = 'List events with GET /v1/audit/events; a fresh one is readable within a second.';
  return new Failure(404, 'event_not_found', `The log has no event ${JSON.stringify(id)}.`, remedy);
}

function streamRoute(api: Api, context: ApiContext): void {
  const { log, reads } = context;
  const closing = new AbortController();
  let streams = 0;
  api.addHook('preClose', async () => closing.abort());

  api.get(
    '/v1/audit/stream',
    {
      schema: {
        summary: 'Follow the log as server-sent events',
        description: 'Each event has its global number as id. The stream ends when the credential does.',
        tags: ['audit'],
        querystring: streamQuery,
        response: { 200: { description: 'Events.', content: { 'text/event-stream': { schema: z.string() } } } },
      },
    },
    async (request, reply) => {
      const { from_seq: fromSeq, ...filter } = request.query;
      const { workspaceId } = request.administrator;
      if (streams >= MAX_STREAMS)
        throw new Failure(
          429,
          'too_many_streams',
          `More than ${MAX_STREAMS} streams are open.`,
          'Close one, and try again.',
        );
      const first = lastEventIdOf(request) ?? fromSeq ?? (await newestSeq(context, workspaceId)) + 1;
      const selection = given(filter);
      await reads.note(request.administrator, 'stream', selection, 0);
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(reply.getHeaders())) headers[name] = String(value);
      reply.hijack();
      streams += 1;
      const sent = await streamEvents({
        response: reply.raw,
        headers,
        events: (signal) => log.follow(workspaceId, first, filterOf(filter), signal),
        recheck: async () => {
          await administratorOf(context, request);
        },
        closing: closing.signal,
      });
      streams -= 1;
      reads.more(request.administrator, 'stream', selection, sent);
    },
  );
}

/** The number after the last one the reader got; undefined for a reader that has got none. */
function lastEventIdOf({ headers }: FastifyRequest): number | undefined {
  const id = headers['last-event-id'];
  if (id === undefined || id === '') return undefined;
  const seq = Number(id);
  if (typeof id === 'string' && /^\d{1,15}$/.test(id)) return seq + 1;
  throw new Failure(
    400,
    'last_event_id_invalid',
    'Last-Event-ID is not the id of an event of this stream.',
    'Leave it out, or send from_seq.',
  );
}

async function newestSeq(
  { log }: ApiContext,
  workspaceId: FastifyRequest['administrator']['workspaceId'],
): Promise<number> {
  const { events } = await log.list(workspaceId, {}, { limit: 1, order: 'desc' });
  return events[0]?.seq ?? 0;
}
