import { z } from 'zod';
import type { Api, ApiContext } from '../api/route.ts';
import { loadPolicySet } from '../roles/index.ts';
import { readWorkspace } from '../workspace/index.ts';
import { cellsOf, matrixCellsSchema } from './cells.ts';
import { pageOf } from './page.ts';

const tags = ['roles'];

export function matrixRoutes(api: Api, { pool, clock }: ApiContext): void {
  api.get(
    '/v1/matrix/cells',
    {
      schema: {
        tags,
        summary: 'What each role may do, as the decision engine answers it',
        response: { 200: matrixCellsSchema },
      },
    },
    async ({ administrator: { workspaceId } }) => {
      const { set } = await loadPolicySet(pool, workspaceId);
      return cellsOf(set, clock());
    },
  );

  api.get(
    '/v1/matrix.svg',
    {
      schema: {
        tags,
        summary: 'The matrix as one page',
        response: { 200: z.string().meta({ description: 'SVG 1.1' }) },
      },
    },
    async ({ administrator: { workspaceId } }, reply) => {
      const [{ set }, { name, environment }] = await Promise.all([
        loadPolicySet(pool, workspaceId),
        readWorkspace(pool, workspaceId),
      ]);
      return reply
        .headers({
          'content-type': 'image/svg+xml; charset=utf-8',
          'content-disposition': 'attachment; filename="access-matrix.svg"',
          // Opened by itself, it is a document of this origin.
          'content-security-policy': "default-src 'none'; sandbox",
        })
        .serializer(String)
        .send(pageOf({ workspace: name, environment }, cellsOf(set, clock())));
    },
  );
}
