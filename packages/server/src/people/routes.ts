import { z } from 'zod';
import { type Api, type ApiContext, listOf, openNameCursor, pageOf, pageQuery } from '../api/route.ts';
import { changePerson, createPerson } from './change.ts';
import { newPersonSchema, personChangeSchema, personSchema } from './person.ts';
import { listPeople, readPerson } from './read.ts';

const params = z.object({ person: z.string().max(254) });
const tags = ['people'];

export function peopleRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys } = context;

  api.get(
    '/v1/people',
    {
      schema: {
        tags,
        summary: 'List people, by e-mail',
        querystring: z.strictObject({
          q: z.string().max(254).optional().meta({ description: 'Part of the e-mail or name.' }),
          group: z.string().max(64).optional(),
          active: z.stringbool().optional(),
          source: personSchema.shape.source.optional(),
          ...pageQuery,
        }),
        response: { 200: listOf(personSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'people', workspaceId, filter };
      const after = openNameCursor(keys.state, scope, cursor);
      const rows = await listPeople(pool, workspaceId, filter, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (person) => person,
        ({ email }) => [email],
      );
    },
  );

  api.post(
    '/v1/people',
    { schema: { tags, summary: 'Add a person', body: newPersonSchema, response: { 201: personSchema } } },
    async ({ administrator, body }, reply) => reply.code(201).send(await createPerson(log, administrator, body)),
  );

  api.get(
    '/v1/people/:person',
    { schema: { tags, summary: 'A person, by id or e-mail', params, response: { 200: personSchema } } },
    ({ administrator, params: { person } }) => readPerson(pool, administrator.workspaceId, person),
  );

  api.patch(
    '/v1/people/:person',
    {
      schema: {
        tags,
        summary: 'Change a person',
        description:
          '`active: false`: the person has left. Sessions, keys and delegations end, and the agents are suspended until somebody takes them over; see transfer tasks.',
        params,
        body: personChangeSchema,
        response: { 200: personSchema },
      },
    },
    ({ administrator, params, body }) => changePerson(context, administrator, params.person, body),
  );
}
