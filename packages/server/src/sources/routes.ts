import { checkSources, parseSourcesFile } from '@hivekey/policy';
import { z } from 'zod';
import { type Api, type ApiContext, jsonObject } from '../api/route.ts';
import { valid } from '../roles/index.ts';
import { putSources, readSources, sourcesSchema } from './sources.ts';

const tags = ['sources'];

export function sourceRoutes(api: Api, { pool, log, path }: ApiContext): void {
  api.get(
    '/v1/workspace/sources',
    { schema: { tags, summary: 'Whose content is trusted', response: { 200: sourcesSchema } } },
    ({ administrator }) => readSources(pool, administrator.workspaceId),
  );

  api.put(
    '/v1/workspace/sources',
    {
      config: { yaml: true },
      schema: {
        tags,
        summary: 'Mark whose content is trusted',
        description: 'A Sources file, JSON or YAML. It replaces the marks there were; the same ones change nothing.',
        body: z.union([z.string(), jsonObject]),
        response: { 200: sourcesSchema },
      },
    },
    async ({ administrator, body }) => {
      const read = typeof body === 'string' ? parseSourcesFile(body) : checkSources(body);
      const view = await putSources(log, administrator, valid(read, 'sources_invalid', 'The document'));
      path.invalidate(administrator.workspaceId);
      return view;
    },
  );
}
