import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery } from '../api/route.ts';
import { checkAssurance } from '../identity/index.ts';
import {
  endQuarantine,
  listQuarantines,
  newQuarantineSchema,
  quarantineAgent,
  quarantineSchema,
  readQuarantine,
  releaseSchema,
} from './quarantine.ts';

const tags = ['containment'];
const params = z.object({ id: z.string().max(64) });

export function quarantineRoutes(api: Api, { pool, log, path, keys }: ApiContext): void {
  api.post(
    '/v1/agents/:agent/quarantine',
    {
      schema: {
        tags,
        summary: 'Let the agent read on, and do nothing else',
        description:
          'It keeps its roles, tokens and sessions; of what they grant only reads are left, under the same guards. What is in flight ends by itself. An agent in quarantine stays in the one it is in.',
        params: z.object({ agent: z.string().max(128) }),
        body: newQuarantineSchema,
        response: { 200: quarantineSchema },
      },
    },
    async ({ administrator, params: { agent }, body }) => {
      const quarantine = await quarantineAgent(log, administrator, agent, body);
      path.invalidate(administrator.workspaceId, quarantine.agent_id);
      return quarantine;
    },
  );

  api.get(
    '/v1/quarantines',
    {
      schema: {
        tags,
        summary: 'List quarantines, newest first',
        querystring: z.strictObject({ active: z.stringbool().optional(), ...pageQuery }),
        response: { 200: listOf(quarantineSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, active } }) => {
      const scope = { list: 'quarantines', workspaceId, filter: { active } };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listQuarantines(pool, workspaceId, active, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (quarantine) => quarantine,
        (quarantine) => [quarantine.entered_us, quarantine.id],
      );
    },
  );

  api.get(
    '/v1/quarantines/:id',
    { schema: { tags, summary: 'A quarantine', params, response: { 200: quarantineSchema } } },
    ({ administrator, params: { id } }) => readQuarantine(pool, administrator.workspaceId, id),
  );

  api.post(
    '/v1/quarantines/:id/release',
    {
      schema: {
        tags,
        summary: 'End a quarantine: the agent’s roles count again',
        description: 'With the reason of whoever reviewed it.',
        params,
        body: releaseSchema,
        response: { 200: quarantineSchema },
      },
    },
    async ({ administrator, params: { id }, body: { reason } }) => {
      const quarantine = await log.transact(administrator.workspaceId, async (transaction) => {
        await checkAssurance(transaction.client, administrator, 'lift', transaction.now);
        return endQuarantine(transaction, administrator, id, reason);
      });
      path.invalidate(administrator.workspaceId, quarantine.agent_id);
      return quarantine;
    },
  );
}
