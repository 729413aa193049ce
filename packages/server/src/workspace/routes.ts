/** The workspace over HTTP. */
import { z } from 'zod';
import type { Api, ApiContext } from '../api/route.ts';
import { timeZoneSchema } from '../people/index.ts';
import { changeWorkspace, readWorkspace } from './workspace.ts';

const workspaceSchema = z
  .object({
    object: z.literal('workspace'),
    id: z.string(),
    name: z.string(),
    environment: z.string(),
    time_zone: z.string().meta({ description: 'IANA name, for owners of whom none is known.' }),
    status: z.enum(['active', 'stopped']),
    policy_revision: z.int(),
    policy_hash: z.string().nullable(),
    agents: z.object({ active: z.int(), suspended: z.int(), revoked: z.int() }),
    created: z.int(),
  })
  .meta({ id: 'Workspace' });

export function workspaceRoutes(api: Api, { pool, log, path }: ApiContext): void {
  api.get(
    '/v1/workspace',
    { schema: { summary: 'The workspace', tags: ['workspace'], response: { 200: workspaceSchema } } },
    async ({ administrator: { workspaceId } }) => readWorkspace(pool, workspaceId),
  );

  api.patch(
    '/v1/workspace',
    {
      schema: {
        summary: 'Rename the workspace, or set its time zone',
        tags: ['workspace'],
        body: z
          .strictObject({
            name: z
              .string()
              .trim()
              .min(1)
              .max(64)
              .regex(/^[^\p{C}]+$/u, 'has control characters')
              .optional(),
            time_zone: timeZoneSchema.optional(),
          })
          .refine((change) => Object.keys(change).length > 0, 'changes nothing'),
        response: { 200: workspaceSchema },
      },
    },
    async ({ administrator: { workspaceId, actor }, body }) => {
      await changeWorkspace(log, workspaceId, body, actor);
      // Principals carry the name onto the records of calls.
      path.invalidate(workspaceId);
      return readWorkspace(pool, workspaceId);
    },
  );
}
