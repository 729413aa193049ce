import { z } from 'zod';
import type { Api, ApiContext } from '../api/route.ts';
import { driftSchema, readDrift } from './read.ts';
import { restoreApproved } from './restore.ts';

const tags = ['drift'];

export function driftRoutes(api: Api, context: ApiContext): void {
  const { pool, drift } = context;

  api.get(
    '/v1/drift',
    {
      schema: {
        tags,
        summary: 'What was edited past HiveKey',
        description: 'Every node compares what decides with what was approved, several times a minute.',
        response: { 200: driftSchema },
      },
    },
    ({ administrator: { workspaceId } }) => readDrift(pool, workspaceId),
  );

  api.post(
    '/v1/drift/check',
    {
      schema: {
        tags,
        summary: 'Compare now, on this node',
        body: z.strictObject({}).prefault({}),
        response: { 200: driftSchema },
      },
    },
    async ({ administrator: { workspaceId } }) => {
      await drift.check(workspaceId);
      return readDrift(pool, workspaceId);
    },
  );

  api.post(
    '/v1/drift/restore',
    {
      schema: {
        tags,
        summary: 'Put back what was approved, all of it at once',
        description:
          'Every object that differs gets the document of its newest version again, and the policy is published.',
        body: z.strictObject({ reason: z.string().trim().min(1).max(500) }),
        response: { 200: driftSchema.extend({ restored: z.int() }).meta({ id: 'DriftRestored' }) },
      },
    },
    async ({ administrator, body: { reason } }) => {
      const restored = await restoreApproved(context, administrator, reason);
      return { ...(await readDrift(pool, administrator.workspaceId)), restored };
    },
  );
}
