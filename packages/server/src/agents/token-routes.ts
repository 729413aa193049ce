import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import { mintToken, revokeToken, rotateToken } from './mint.ts';
import { readAgent } from './read.ts';
import { listTokens, mintedTokenSchema, newTokenSchema, rotationSchema, tokenSchema } from './token.ts';

const params = z.object({ id: z.string().max(64) });
const tags = ['tokens'];
const shownOnce = { answersSecret: true } as const;

export function tokenRoutes(api: Api, { pool, log, keys }: ApiContext): void {
  api.get(
    '/v1/tokens',
    {
      schema: {
        tags,
        summary: 'List agent tokens, newest first',
        querystring: z.strictObject({ agent: z.string().max(128).optional(), ...pageQuery }),
        response: { 200: listOf(tokenSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, agent } }) => {
      const scope = { list: 'tokens', workspaceId, filter: { agent } };
      const after = openTimeCursor(keys.state, scope, cursor);
      const agentId = agent === undefined ? undefined : (await readAgent(pool, workspaceId, agent)).id;
      const rows = await listTokens(pool, workspaceId, agentId, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (token) => token,
        (token) => [token.created_us, token.id],
      );
    },
  );

  api.post(
    '/v1/tokens',
    {
      config: shownOnce,
      schema: { tags, summary: 'Mint an agent token', body: newTokenSchema, response: { 201: mintedTokenSchema } },
    },
    async ({ administrator, body }, reply) =>
      reply.code(201).send(await mintToken(log, keys.pepper, administrator, body)),
  );

  api.post(
    '/v1/tokens/:id/rotate',
    {
      config: shownOnce,
      schema: {
        tags,
        summary: 'Replace a token; the old one lives on for the overlap',
        params,
        body: rotationSchema.prefault({}),
        response: { 201: mintedTokenSchema },
      },
    },
    async ({ administrator, params, body }, reply) =>
      reply.code(201).send(await rotateToken(log, keys.pepper, administrator, params.id, body)),
  );

  api.post(
    '/v1/tokens/:id/revoke',
    {
      schema: {
        tags,
        summary: 'End a token now',
        params,
        body: z.strictObject({}).prefault({}),
        response: { 200: tokenSchema },
      },
    },
    ({ administrator, params }) => revokeToken(log, administrator, params.id),
  );
}
