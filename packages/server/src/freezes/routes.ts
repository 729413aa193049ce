import { checkFreeze, parseFreezeFile } from '@hivekey/policy';
import { z } from 'zod';
import { type Api, type ApiContext, listOf, wholeList } from '../api/route.ts';
import { documentOf, valid } from '../roles/index.ts';
import { applyFreeze, removeFreeze } from './change.ts';
import {
  freezeNameDiffers,
  freezeSchema,
  listFreezes,
  listOverrides,
  MAX_OVERRIDE_MINUTES,
  overrideSchema,
  readFreeze,
} from './freeze.ts';
import { approveOverride, endOverride, requestOverride } from './override.ts';
import { freezeTimeSchema, listFreezeTimes, spanQuery } from './times.ts';

const tags = ['freezes'];
const params = z.object({ name: z.string().max(128) });
const overrideParams = z.object({ name: z.string().max(128), id: z.string().max(64) });
const MAX_OVERRIDES = 200;

/** Throws `freeze_invalid`, `freeze_name_differs`. */
function freezeOf(name: string, body: unknown) {
  const document = valid(checked(body), 'freeze_invalid', 'The freeze');
  if (document.metadata.name === name) return document;
  throw freezeNameDiffers(document.metadata.name, name);
}

function checked(body: unknown) {
  if (typeof body !== 'string') return checkFreeze(body);
  const parsed = parseFreezeFile(body);
  return parsed.ok ? ({ ok: true, value: documentOf(parsed.value, 'freeze_invalid') } as const) : parsed;
}

export function freezeRoutes(api: Api, { pool, log, path }: ApiContext): void {
  api.get(
    '/v1/freezes',
    { schema: { tags, summary: 'List change freezes, by name', response: { 200: listOf(freezeSchema) } } },
    async ({ administrator }) => wholeList(await listFreezes(pool, administrator.workspaceId)),
  );

  api.get(
    '/v1/freeze-times',
    {
      schema: {
        tags,
        summary: 'When freezes are in force within a span of time',
        description: 'Whole stretches that touch the span, by their beginning. Overrides are not taken out.',
        querystring: spanQuery,
        response: { 200: listOf(freezeTimeSchema) },
      },
    },
    async ({ administrator, query }) => wholeList(await listFreezeTimes(pool, administrator.workspaceId, query)),
  );

  api.get(
    '/v1/freezes/:name',
    { schema: { tags, summary: 'A change freeze', params, response: { 200: freezeSchema } } },
    ({ administrator, params: { name } }) => readFreeze(pool, administrator.workspaceId, name),
  );

  api.put(
    '/v1/freezes/:name',
    {
      config: { yaml: true },
      schema: {
        tags,
        summary: 'Write or change a change freeze',
        description:
          'A Freeze file, JSON or YAML. The same content changes nothing; one that is in force is not changed (`freeze_in_force`).',
        params,
        body: z.unknown(),
        response: {
          200: freezeSchema
            .extend({ change: z.enum(['created', 'updated', 'unchanged']) })
            .meta({ id: 'AppliedFreeze' }),
        },
      },
    },
    async ({ administrator, params: { name }, body }) => {
      const { freeze, change } = await applyFreeze(log, administrator, freezeOf(name, body));
      if (change !== 'unchanged') path.invalidate(administrator.workspaceId);
      return { ...freeze, change };
    },
  );

  api.delete(
    '/v1/freezes/:name',
    {
      schema: { tags, summary: 'Remove a change freeze that is not in force', params, response: { 200: freezeSchema } },
    },
    async ({ administrator, params: { name } }) => {
      const freeze = await removeFreeze(log, administrator, name);
      path.invalidate(administrator.workspaceId);
      return freeze;
    },
  );

  api.get(
    '/v1/freezes/:name/overrides',
    {
      schema: {
        tags,
        summary: `The last ${MAX_OVERRIDES} overrides of a freeze, newest first`,
        params,
        response: { 200: listOf(overrideSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { name } }) => {
      await readFreeze(pool, workspaceId, name);
      return wholeList(await listOverrides(pool, workspaceId, name, MAX_OVERRIDES));
    },
  );

  api.post(
    '/v1/freezes/:name/overrides',
    {
      schema: {
        tags,
        summary: 'Ask for a freeze to be lifted for a time',
        description:
          'Takes a key of a person, and lifts nothing until another person agrees. The time counts from then.',
        params,
        body: z.strictObject({
          reason: z.string().trim().min(1).max(500),
          minutes: z.int().min(1).max(MAX_OVERRIDE_MINUTES),
        }),
        response: { 201: overrideSchema },
      },
    },
    async ({ administrator, params: { name }, body }, reply) =>
      reply.code(201).send(await requestOverride(log, administrator, name, body)),
  );

  api.post(
    '/v1/freezes/:name/overrides/:id/approve',
    {
      schema: {
        tags,
        summary: 'Agree to an override, as another person than asked for it',
        params: overrideParams,
        body: z.strictObject({}).prefault({}),
        response: { 200: overrideSchema },
      },
    },
    async ({ administrator, params: { name, id } }) => {
      const override = await approveOverride(log, administrator, name, id);
      path.invalidate(administrator.workspaceId);
      return override;
    },
  );

  api.post(
    '/v1/freezes/:name/overrides/:id/end',
    {
      schema: {
        tags,
        summary: 'End an override early, or withdraw it',
        params: overrideParams,
        body: z.strictObject({}).prefault({}),
        response: { 200: overrideSchema },
      },
    },
    async ({ administrator, params: { name, id } }) => {
      const override = await endOverride(log, administrator, name, id);
      path.invalidate(administrator.workspaceId);
      return override;
    },
  );
}
