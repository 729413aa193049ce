import { z } from 'zod';
import { type Api, type ApiContext, listOf, wholeList } from '../api/route.ts';
import { breakerDocument, breakerSchema } from './breaker.ts';
import { readingSchema, readReadings } from './readings.ts';
import { listBreakers, putBreaker, readBreaker, removeBreaker } from './store.ts';

const tags = ['containment'];
const params = z.object({
  name: z
    .string()
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/, 'is no name: up to 64 letters, digits and . _ -'),
});

export function breakerRoutes(api: Api, { pool, log }: ApiContext): void {
  api.get(
    '/v1/breakers',
    {
      schema: {
        tags,
        summary: 'List circuit breakers, and for whom they tripped',
        response: { 200: listOf(breakerSchema) },
      },
    },
    async ({ administrator: { workspaceId } }) => wholeList(await listBreakers(pool, workspaceId)),
  );

  api.get(
    '/v1/breakers/:name',
    { schema: { tags, summary: 'A circuit breaker', params, response: { 200: breakerSchema } } },
    ({ administrator: { workspaceId }, params: { name } }) => readBreaker(pool, workspaceId, name),
  );

  api.get(
    '/v1/breakers/:name/readings',
    {
      schema: {
        tags,
        summary: 'How near each agent is to tripping it',
        description:
          'Of the agents that did something within the window the hundred nearest, nearest first. Only what stands behind the last change of the breaker for an agent counts.',
        params,
        response: { 200: listOf(readingSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { name } }) =>
      wholeList(await readReadings(pool, workspaceId, name)),
  );

  api.put(
    '/v1/breakers/:name',
    {
      schema: {
        tags,
        summary: 'Create or change a circuit breaker',
        description:
          'It is judged from the log as it is projected, within about a second: what is allowed meanwhile is allowed. Bound a loss with a cap.',
        params,
        body: breakerDocument,
        response: { 200: breakerSchema },
      },
    },
    ({ administrator, params: { name }, body }) => putBreaker(log, administrator, name, body),
  );

  api.delete(
    '/v1/breakers/:name',
    {
      schema: {
        tags,
        summary: 'Remove a circuit breaker',
        description: 'Agents it put into quarantine stay there until they are released.',
        params,
        response: { 200: breakerSchema },
      },
    },
    ({ administrator, params: { name } }) => removeBreaker(log, administrator, name),
  );
}
