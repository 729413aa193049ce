import { z } from 'zod';
import { WORKSPACE_ROLES } from '../identity/index.ts';
import type { Routes } from './context.ts';
import { PERMISSIONS } from './permissions.ts';

const permissionsSchema = z
  .object({
    object: z.literal('permissions'),
    routes: z.record(z.string(), z.array(z.enum(WORKSPACE_ROLES))).meta({
      description: 'By method and path, as `POST /v1/agents/:agent/revoke`. What is not listed is for every role.',
    }),
  })
  .meta({ id: 'Permissions' });

/** The table itself, so that whoever shows what can be done shows what will be allowed. */
export const permissionRoutes: Routes = (api) => {
  const routes = Object.fromEntries(
    Object.entries(PERMISSIONS)
      .filter(([, roles]) => roles.length < WORKSPACE_ROLES.length)
      .map(([route, roles]) => [route, [...roles]]),
  );
  api.get(
    '/v1/permissions',
    {
      schema: {
        summary: 'Which roles of the workspace may call which route',
        tags: ['session'],
        response: { 200: permissionsSchema },
      },
    },
    () => ({ object: 'permissions' as const, routes }),
  );
};
