import { z } from 'zod';
import { agentSchema } from '../agents/index.ts';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import {
  containmentSchema,
  listContainments,
  newContainmentSchema,
  readContainment,
  reasonSchema,
} from './containment.ts';
import { proposalSchema } from './proposal.ts';
import { askForLift, askForStop, askToRestore } from './propose.ts';
import { reachQuery, reachSchema, readReach } from './reach.ts';
import { signedReceipt, signedReceiptSchema } from './receipt.ts';

const params = z.object({ id: z.string().max(64) });
const agentParams = z.object({ agent: z.string().max(128) });
const tags = ['containment'];

export function containmentRoutes(api: Api, context: ApiContext): void {
  const { pool, log, path, keys } = context;

  api.post(
    '/v1/agents/:agent/revoke',
    {
      schema: {
        tags,
        summary: 'The kill switch: stop an agent and end its tokens',
        description:
          'Answered when the stop is in force and a refusal was measured. Revoking twice answers the standing stop.',
        params: agentParams,
        body: reasonSchema,
        response: { 200: containmentSchema, 202: proposalSchema },
      },
    },
    async ({ administrator, params: { agent }, body: { reason } }, reply) => {
      const answer = await askForStop(context, administrator, { scope: 'agent', target: agent, reason });
      return answer.object === 'containment' ? reply.send(answer) : reply.code(202).send(answer);
    },
  );

  api.post(
    '/v1/agents/:agent/restore',
    {
      schema: {
        tags,
        summary: 'Lift an agent’s own stop or suspension',
        description: 'Tokens from before a revoke stay dead. Stops of its role, its owner or the workspace stay.',
        params: agentParams,
        body: reasonSchema,
        response: { 200: agentSchema, 202: proposalSchema },
      },
    },
    async ({ administrator, params: { agent }, body: { reason } }, reply) => {
      const answer = await askToRestore(log, administrator, agent, reason);
      return answer.object === 'agent' ? reply.send(answer) : reply.code(202).send(answer);
    },
  );

  api.post(
    '/v1/containments',
    {
      schema: {
        tags,
        summary: 'Stop an agent, a role, an owner, a tool or the workspace',
        description:
          'role: everyone who wears it. owner: all agents of the person. tool: a capability, on every path. workspace: target `*`.',
        body: newContainmentSchema,
        response: { 200: containmentSchema, 202: proposalSchema },
      },
    },
    async ({ administrator, body }, reply) => {
      const answer = await askForStop(context, administrator, body);
      return answer.object === 'containment' ? reply.send(answer) : reply.code(202).send(answer);
    },
  );

  api.get(
    '/v1/containments',
    {
      schema: {
        tags,
        summary: 'List stops, newest first',
        querystring: z.strictObject({ active: z.stringbool().optional(), ...pageQuery }),
        response: { 200: listOf(containmentSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, active } }) => {
      const scope = { list: 'containments', workspaceId, filter: { active } };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listContainments(pool, workspaceId, active, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (stop) => stop,
        (stop) => [stop.ordered_us, stop.id],
      );
    },
  );

  api.get(
    '/v1/containment-reach',
    {
      schema: {
        tags,
        summary: 'Whom and what a stop would cover',
        description: 'Nothing is stopped. What begins meanwhile is covered as well.',
        querystring: reachQuery,
        response: { 200: reachSchema },
      },
    },
    ({ administrator: { workspaceId }, query: { scope, target } }) => readReach(pool, workspaceId, scope, target),
  );

  api.get(
    '/v1/containments/:id',
    { schema: { tags, summary: 'A stop with its receipt', params, response: { 200: containmentSchema } } },
    ({ administrator, params: { id } }) => readContainment(pool, administrator.workspaceId, id),
  );

  api.get(
    '/v1/containments/:id/receipt',
    {
      schema: {
        tags,
        summary: 'The signed receipt of a stop, to be checked without this server',
        description:
          'In canonical form (RFC 8785): keep the bytes as they are. `note` is a signed note by the key of the log over the digest of `receipt`; `hivekey receipt verify` checks it, and that the order stands in the log.',
        params,
        response: { 200: signedReceiptSchema },
      },
    },
    async ({ administrator: { workspaceId }, params: { id } }, reply) => {
      const text = await signedReceipt(context, workspaceId, id);
      return reply
        .type('application/json; charset=utf-8')
        .serializer(() => text)
        .send(JSON.parse(text));
    },
  );

  api.post(
    '/v1/containments/:id/lift',
    {
      schema: {
        tags,
        summary: 'Lift a stop',
        description: 'Agents come back only where no other stop covers them; tokens from before stay dead.',
        params,
        body: reasonSchema,
        response: { 200: containmentSchema, 202: proposalSchema },
      },
    },
    async ({ administrator, params: { id }, body: { reason } }, reply) => {
      const answer = await askForLift(log, administrator, id, reason);
      if (answer.object === 'containment_proposal') return reply.code(202).send(answer);
      if (answer.scope === 'tool') path.invalidate(administrator.workspaceId);
      return reply.send(answer);
    },
  );
}
