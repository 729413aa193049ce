import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { disposalSchema, listDisposals, readCertificate, readDisposal } from './disposal.ts';
import { dispose } from './dispose.ts';

const tags = ['retention'];
const params = z.object({ id: z.string().max(64) });
const certificateSchema = z
  .object({ certificate: z.looseObject({}), note: z.string() })
  .meta({ id: 'SignedDisposalCertificate' });

/** What was let go, and its certificates. */
export function disposalRoutes(api: Api, context: ApiContext): void {
  const { pool, keys } = context;

  api.get(
    '/v1/disposals',
    {
      schema: {
        tags,
        summary: 'Disposals, newest first',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(disposalSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'disposals', workspaceId };
      const rows = await listDisposals(pool, workspaceId, openTimeCursor(keys.state, scope, cursor), limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        ({ disposal }) => disposal,
        ({ position: { atUs, id } }) => [atUs, id],
      );
    },
  );

  api.post(
    '/v1/disposals',
    {
      schema: {
        tags,
        summary: 'Let go now of what has outlived its period',
        description: 'It happens by itself every six hours. Answered when it is done.',
        body: z.strictObject({}).prefault({}),
        response: { 201: disposalSchema },
      },
    },
    async ({ administrator: { workspaceId, actor } }, reply) => {
      const id = await dispose(context, workspaceId, actor);
      if (id === null)
        throw new Failure(
          409,
          'nothing_due',
          'Nothing that may go has outlived its period.',
          'GET /v1/retention/preview says what stays, and why.',
        );
      if (id === undefined)
        throw new Failure(409, 'disposal_running', 'A disposal is under way.', 'Wait until it is done.');
      return reply.code(201).send(await readDisposal(pool, workspaceId, id));
    },
  );

  api.get(
    '/v1/disposals/:id',
    { schema: { tags, summary: 'A disposal', params, response: { 200: disposalSchema } } },
    ({ administrator: { workspaceId }, params: { id } }) => readDisposal(pool, workspaceId, id),
  );

  api.get(
    '/v1/disposals/:id/certificate',
    {
      schema: {
        tags,
        summary: 'The signed certificate of a disposal, to be checked without this server',
        description:
          'In canonical form (RFC 8785): keep the bytes as they are. `note` is a signed note by the key of the log over the digest of `certificate`; `hivekey verify FILE` checks it, and that its records stand in the log.',
        params,
        response: { 200: certificateSchema },
      },
    },
    async ({ administrator: { workspaceId }, params: { id } }, reply) => {
      const text = await readCertificate(pool, workspaceId, id);
      return reply
        .type('application/json; charset=utf-8')
        .serializer(() => text)
        .send(JSON.parse(text));
    },
  );
}
