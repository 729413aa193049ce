import { z } from 'zod';
import { type Api, type ApiContext, listOf, wholeList } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { contentHash, OBJECT_TYPES } from '../versions/index.ts';
import { type Preview, previewSchema } from './preview.ts';
import {
  listTests,
  MAX_TEST_CHARACTERS,
  policyTestSchema,
  putTest,
  readTest,
  removeTest,
  testNameSchema,
} from './tests.ts';

const tags = ['changes'];
const MAX_OPERATIONS = 200;
const MAX_TESTS = 50;

const askedSchema = z.strictObject({
  operations: z
    .array(
      z.strictObject({
        type: z.enum(OBJECT_TYPES),
        id: z.string().min(1).max(512).meta({ description: '`*` where the workspace has one of it.' }),
        document: z.unknown().meta({ description: 'What it becomes; null: it is removed.' }),
      }),
    )
    .min(1)
    .max(MAX_OPERATIONS),
  tests: z
    .array(z.strictObject({ name: z.string().min(1).max(200), text: z.string().max(MAX_TEST_CHARACTERS) }))
    .max(MAX_TESTS)
    .default([])
    .meta({ description: 'PolicyTest files, run beside those that the workspace keeps.' }),
});

/** Each takes seconds of this node at worst: nobody has several made at once. */
function oneEach() {
  const busy = new Set<string>();
  return async <T>(credentialId: string, make: () => Promise<T>): Promise<T> => {
    if (busy.has(credentialId))
      throw new Failure(
        429,
        'preview_busy',
        'Another preview for this credential is being made.',
        'Wait for its answer.',
      );
    busy.add(credentialId);
    try {
      return await make();
    } finally {
      busy.delete(credentialId);
    }
  };
}

export function previewRoutes(api: Api, { pool, previews, controlled, clock }: ApiContext): void {
  const oneAtATime = oneEach();

  api.post(
    '/v1/changes/preview',
    {
      schema: {
        tags,
        summary: 'What a change would do, as somebody drafts it',
        description: 'Answered at once and not stored; the log is not replayed.',
        body: askedSchema,
        response: { 200: previewSchema },
      },
    },
    ({ administrator: { workspaceId, credentialId }, body }): Promise<Preview> =>
      oneAtATime(credentialId, async () => {
        const operations = await Promise.all(
          body.operations.map(async ({ type, id, document }) => {
            const parsed = document === null ? null : (controlled.get(type)?.parse(id, document) ?? null);
            const now = await controlled.get(type)?.read(pool, workspaceId, id);
            return { type, id, document: parsed, base: now === undefined ? null : contentHash(now) };
          }),
        );
        const document = await previews.preview(workspaceId, { operations, tests: body.tests });
        const created = Math.floor(clock() / 1_000);
        return { object: 'preview', id: null, state: 'done', sha256: null, created, error: null, document };
      }),
  );

  api.get(
    '/v1/previews/:id',
    {
      schema: {
        tags,
        summary: 'A stored preview, as reviewers are shown it',
        params: z.object({ id: z.string().max(64) }),
        response: { 200: previewSchema },
      },
    },
    async ({ administrator: { workspaceId }, params: { id } }) => {
      const preview = await previews.find(workspaceId, id);
      if (preview !== undefined) return preview;
      throw new Failure(404, 'preview_not_found', `There is no preview "${id}".`, 'Take its id from the change.');
    },
  );
}

export function policyTestRoutes(api: Api, { pool, log }: ApiContext): void {
  const params = z.object({ name: testNameSchema });

  api.get(
    '/v1/policies/tests',
    {
      schema: {
        tags: ['policies'],
        summary: 'Behaviour tests of the policy, by name',
        response: { 200: listOf(policyTestSchema) },
      },
    },
    async ({ administrator }) => wholeList(await listTests(pool, administrator.workspaceId)),
  );

  api.get(
    '/v1/policies/tests/:name',
    {
      schema: {
        tags: ['policies'],
        summary: 'A behaviour test, with how it fares now',
        params,
        response: { 200: policyTestSchema },
      },
    },
    ({ administrator, params: { name } }) => readTest(pool, administrator.workspaceId, name),
  );

  api.put(
    '/v1/policies/tests/:name',
    {
      config: { yaml: true },
      schema: {
        tags: ['policies'],
        summary: 'Keep a behaviour test, to be run on every change',
        description:
          'A PolicyTest file, YAML or JSON. What its `policy` refers to is what is in force; documents written in place take the place of those of their name.',
        params,
        body: z.unknown(),
        response: { 200: policyTestSchema },
      },
    },
    ({ administrator, params: { name }, body }) =>
      putTest(pool, log, administrator, name, typeof body === 'string' ? body : JSON.stringify(body, null, 2)),
  );

  api.delete(
    '/v1/policies/tests/:name',
    {
      schema: {
        tags: ['policies'],
        summary: 'Remove a behaviour test',
        params,
        response: { 204: z.undefined() },
      },
    },
    async ({ administrator, params: { name } }, reply) => {
      await removeTest(log, administrator, name);
      return reply.code(204).send();
    },
  );
}
