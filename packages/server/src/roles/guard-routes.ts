import { checkRolePatch, parseWorkspaceGuardsFile } from '@hivekey/policy';
import { z } from 'zod';
import type { Api, ApiContext } from '../api/route.ts';
import { valid } from './change.ts';
import { putWorkspaceGuards, readWorkspaceGuards, workspaceGuardsSchema } from './guards.ts';
import { WORKSPACE } from './lint.ts';

const tags = ['roles'];

export function workspaceGuardRoutes(api: Api, { pool, log, path }: ApiContext): void {
  api.get(
    '/v1/workspace/guards',
    {
      schema: { tags, summary: 'Guards that apply to every agent', response: { 200: workspaceGuardsSchema } },
    },
    ({ administrator }) => readWorkspaceGuards(pool, administrator.workspaceId),
  );

  api.put(
    '/v1/workspace/guards',
    {
      config: { yaml: true },
      schema: {
        tags,
        summary: 'Replace the guards that apply to every agent',
        description: '`{"guards": […]}`, or a WorkspaceGuards file. The same guards change nothing.',
        body: z.union([z.string(), z.strictObject({ guards: z.unknown() })]),
        response: { 200: workspaceGuardsSchema },
      },
    },
    async ({ administrator, body }) => {
      const guards = valid(guardsIn(body), 'guards_invalid', 'The list of guards').guards ?? [];
      const view = await putWorkspaceGuards(log, administrator, guards);
      path.invalidate(administrator.workspaceId);
      return view;
    },
  );
}

function guardsIn(body: string | { guards: unknown }) {
  return typeof body === 'string' ? parseWorkspaceGuardsFile(body) : checkRolePatch(body, WORKSPACE);
}
