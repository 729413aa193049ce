import { z } from 'zod';
import { type Api, type ApiContext, listOf, openNameCursor, pageOf, pageQuery } from '../api/route.ts';
import { groupMemberSchema, groupSchema, listGroups, listMembers } from './read.ts';

const tags = ['people'];

export function groupRoutes(api: Api, { pool, keys }: ApiContext): void {
  api.get(
    '/v1/groups',
    {
      schema: {
        tags,
        summary: 'List groups of people, by name: those of a directory and those kept by hand',
        querystring: z.strictObject({
          person: z.string().max(254).optional().meta({ description: 'Id or e-mail: the groups of this person.' }),
          ...pageQuery,
        }),
        response: { 200: listOf(groupSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, person } }) => {
      const scope = { list: 'groups', workspaceId, filter: { person } };
      const after = openNameCursor(keys.state, scope, cursor);
      const rows = await listGroups(pool, workspaceId, person, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (group) => group,
        ({ name }) => [name],
      );
    },
  );

  api.get(
    '/v1/groups/:group/members',
    {
      schema: {
        tags,
        summary: 'People in a group, by e-mail',
        params: z.object({ group: z.string().max(64) }),
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(groupMemberSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { group }, query: { limit, cursor } }) => {
      const scope = { list: 'group-members', workspaceId, filter: { group } };
      const after = openNameCursor(keys.state, scope, cursor);
      const rows = await listMembers(pool, workspaceId, group, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (member) => member,
        ({ email }) => [email],
      );
    },
  );
}
