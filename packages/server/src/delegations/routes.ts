import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import { createDelegation, endDelegation } from './change.ts';
import { delegationSchema, listDelegations, newDelegationSchema, readDelegation } from './delegation.ts';

const tags = ['delegations'];
const params = z.strictObject({ id: z.string().max(64) });

export function delegationRoutes(api: Api, { pool, log, keys }: ApiContext): void {
  api.get(
    '/v1/delegations',
    {
      schema: {
        tags,
        summary: 'Who decides about held calls for whom, newest first',
        querystring: z.strictObject({
          person: z.string().max(254).optional().meta({ description: 'Id or e-mail, on either side.' }),
          open: z.stringbool().optional().meta({ description: 'Those that are not over, or those that are.' }),
          ...pageQuery,
        }),
        response: { 200: listOf(delegationSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'delegations', workspaceId, filter };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listDelegations(pool, workspaceId, filter, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (delegation) => delegation,
        (delegation) => [delegation.created_us, delegation.id],
      );
    },
  );

  api.post(
    '/v1/delegations',
    {
      schema: {
        tags,
        summary: 'Have somebody else decide for you',
        description:
          'Takes a key of your own. The delegate decides with your groups and within both your authorities; the two of you count as one person, and neither may be barred from approving.',
        body: newDelegationSchema,
        response: { 201: delegationSchema },
      },
    },
    async ({ administrator, body }, reply) => reply.code(201).send(await createDelegation(log, administrator, body)),
  );

  api.get(
    '/v1/delegations/:id',
    { schema: { tags, summary: 'A delegation', params, response: { 200: delegationSchema } } },
    ({ administrator, params: { id } }) => readDelegation(pool, administrator.workspaceId, id),
  );

  api.post(
    '/v1/delegations/:id/end',
    {
      schema: {
        tags,
        summary: 'End a delegation before its time',
        params,
        body: z.strictObject({ reason: z.string().trim().max(500).default('') }).prefault({}),
        response: { 200: delegationSchema },
      },
    },
    ({ administrator, params: { id }, body }) => endDelegation(log, administrator, id, body.reason),
  );
}
