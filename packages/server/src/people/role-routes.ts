import type { Api, ApiContext } from '../api/route.ts';
import { groupRolesSchema, newGroupRolesSchema, readGroupRoles, writeGroupRoles } from './group-roles.ts';

const tags = ['people'];

export function groupRoleRoutes(api: Api, { pool, log }: ApiContext): void {
  api.get(
    '/v1/group-roles',
    { schema: { tags, summary: 'Which roles come with which groups', response: { 200: groupRolesSchema } } },
    ({ administrator: { workspaceId } }) => readGroupRoles(pool, workspaceId),
  );

  api.put(
    '/v1/group-roles',
    {
      schema: {
        tags,
        summary: 'Set which roles come with which groups',
        description:
          'All of them at once. A group is one of a person here, or one that an identity provider names at the sign-in.',
        body: newGroupRolesSchema,
        response: { 200: groupRolesSchema },
      },
    },
    ({ administrator, body: { groups } }) => writeGroupRoles(log, administrator, groups),
  );
}
