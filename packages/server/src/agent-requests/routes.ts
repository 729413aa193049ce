/** Requests for agents over HTTP. */
import { z } from 'zod';
import {
  agentSettingsChangeSchema,
  agentSettingsSchema,
  changeAgentSettings,
  readAgentSettings,
} from '../agents/index.ts';
import {
  type Api,
  type ApiContext,
  type FastifyRequest,
  listOf,
  openTimeCursor,
  pageOf,
  pageQuery,
} from '../api/route.ts';
import { approveRequest, denyRequest, requestAgent, withdrawRequest } from './change.ts';
import { listRequests, readRequest } from './read.ts';
import {
  newRequestOf,
  newRequestSchema,
  REQUEST_STATUSES,
  type RequestSource,
  requestDecisionSchema,
  requestSchema,
} from './request.ts';

const tags = ['agent requests'];
const params = z.object({ id: z.string().max(64) });

/** Where it was asked. The command line says of itself that it is one. */
function sourceOf({ administrator, headers }: FastifyRequest): RequestSource {
  if (administrator.via === 'session') return 'console';
  return headers['user-agent']?.startsWith('hivekey-cli') === true ? 'cli' : 'api';
}

export function agentRequestRoutes(api: Api, { pool, log, keys }: ApiContext): void {
  api.get(
    '/v1/agent-requests',
    {
      schema: {
        tags,
        summary: 'Requests for agents, newest first',
        querystring: z.strictObject({
          status: z.enum(REQUEST_STATUSES).optional(),
          owner: z.string().max(254).optional(),
          ...pageQuery,
        }),
        response: { 200: listOf(requestSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'agent-requests', workspaceId, filter };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listRequests(pool, workspaceId, filter, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (request) => request,
        ({ requestedUs: at, id: last }) => [at, last],
      );
    },
  );

  api.post(
    '/v1/agent-requests',
    {
      schema: {
        tags,
        summary: 'Ask for an agent',
        description: 'It is made when somebody else approves: neither who asked nor who is to own it.',
        body: newRequestSchema,
        response: { 201: requestSchema },
      },
    },
    async (request, reply) =>
      reply
        .code(201)
        .send(await requestAgent(log, request.administrator, newRequestOf(request.body, sourceOf(request)))),
  );

  api.get(
    '/v1/agent-requests/:id',
    { schema: { tags, summary: 'A request for an agent', params, response: { 200: requestSchema } } },
    ({ administrator: { workspaceId }, params: { id } }) => readRequest(pool, workspaceId, id),
  );

  for (const [verb, decide, summary] of [
    ['approve', approveRequest, 'Let the agent in: it is made in the same transaction'],
    ['deny', denyRequest, 'Refuse the agent'],
    ['withdraw', withdrawRequest, 'Take the request back'],
  ] as const)
    api.post(
      `/v1/agent-requests/:id/${verb}`,
      { schema: { tags, summary, params, body: requestDecisionSchema.prefault({}), response: { 200: requestSchema } } },
      ({ administrator, params: { id }, body: { reason } }) => decide(log, administrator, id, reason),
    );

  api.get(
    '/v1/agent-settings',
    { schema: { tags, summary: 'How agents come about', response: { 200: agentSettingsSchema } } },
    ({ administrator: { workspaceId } }) => readAgentSettings(pool, workspaceId),
  );

  api.patch(
    '/v1/agent-settings',
    {
      schema: {
        tags,
        summary: 'Change how agents come about; what is absent stays',
        body: agentSettingsChangeSchema,
        response: { 200: agentSettingsSchema },
      },
    },
    ({ administrator, body }) => changeAgentSettings(log, administrator, body),
  );
}
