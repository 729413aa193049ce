import { z } from 'zod';
import { type Api, type ApiContext, listOf, wholeList } from '../api/route.ts';
import { nameOfChange } from '../changes/index.ts';
import type { WorkspaceId } from '../ids.ts';
import type { PreviewDocument, Previews } from '../previews/index.ts';
import { OBJECT_TYPES } from '../versions/index.ts';
import { applyFolder, type PlanAndChange, planFolder, postPlan, readObjects, readPolicyCode } from './service.ts';
import {
  applicationSchema,
  folderBody,
  folderOf,
  objectSchema,
  type PlanView,
  planSchema,
  policyCodeSchema,
  sourceSchema,
} from './views.ts';

const tags = ['policy as code'];

const source = sourceSchema
  .nullable()
  .default(null)
  .meta({ description: 'What Git says where the plan is made; null: the files are not those of a commit.' });

const typesQuery = z.object({
  types: z
    .string()
    .max(500)
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(OBJECT_TYPES)))
    .optional()
    .meta({ description: 'Separated by commas; left out: all.' }),
});

export function policyCodeRoutes(api: Api, context: ApiContext): void {
  const { previews } = context;

  api.get(
    '/v1/policy-code',
    {
      schema: {
        tags,
        summary: 'The last commit that was applied, and what has become of what it said',
        response: { 200: policyCodeSchema },
      },
    },
    ({ administrator }) => readPolicyCode(context, administrator.workspaceId),
  );

  api.get(
    '/v1/policy-code/objects',
    {
      schema: {
        tags,
        summary: 'Objects under change control as files name them',
        description: 'One state of the workspace, ordered by type and name; whole, without pages.',
        querystring: typesQuery,
        response: { 200: listOf(objectSchema) },
      },
    },
    async ({ administrator, query }) => {
      const objects = await readObjects(context, administrator.workspaceId, query.types);
      return wholeList(objects.map((each) => ({ object: 'policy_object' as const, ...each })));
    },
  );

  api.post(
    '/v1/policy-code/plan',
    {
      schema: {
        tags,
        summary: 'What a folder of policy files would change',
        description: 'Nothing is kept. 422 `policy_code_invalid` has every problem, at its place in the request.',
        body: folderBody,
        response: { 200: planSchema },
      },
    },
    async ({ administrator: { workspaceId }, body }) =>
      viewOf(previews, workspaceId, await planFolder(context, workspaceId, folderOf(body))),
  );

  api.post(
    '/v1/policy-code/changes',
    {
      schema: {
        tags,
        summary: 'Ask for what a folder would change',
        description:
          'Drafts a change with all of it and submits it. The same content of the same commit is asked for once; where nothing differs, nothing is asked for.',
        body: folderBody.extend({
          source,
          title: z.string().trim().min(1).max(200).optional(),
          justification: z.string().trim().max(3_800).optional(),
          ticket: z.string().trim().min(1).max(200).optional(),
        }),
        response: { 200: planSchema },
      },
    },
    async ({ administrator, body }) => {
      const posted = await postPlan(context, administrator, { ...body, folder: folderOf(body) });
      return viewOf(previews, administrator.workspaceId, posted);
    },
  );

  api.post(
    '/v1/policy-code/apply',
    {
      schema: {
        tags,
        summary: 'Put in force what a folder says',
        description:
          'With the approved change of exactly this content; where nothing of it is reviewed, with one that needs nobody. All of it or nothing.',
        body: folderBody.extend({
          source,
          digest: z
            .string()
            .max(80)
            .optional()
            .meta({ description: 'Of the plan that is meant; another one is refused.' }),
        }),
        response: { 200: applicationSchema },
      },
    },
    async ({ administrator, body }) => {
      const { plan, change } = await applyFolder(context, administrator, { ...body, folder: folderOf(body) });
      const { digest, operations } = plan;
      return {
        object: 'policy_application' as const,
        digest,
        change: change === undefined ? null : nameOfChange(change),
        operations: operations.length,
      };
    },
  );
}

async function viewOf(
  previews: Pick<Previews, 'preview'>,
  workspaceId: WorkspaceId,
  { plan, change }: PlanAndChange,
): Promise<PlanView> {
  const { digest, unchanged } = plan;
  const operations = [...plan.operations];
  const preview = operations.length === 0 ? undefined : await previews.preview(workspaceId, { operations });
  return {
    object: 'policy_plan',
    digest,
    operations,
    words: preview?.summary ?? [],
    findings: preview === undefined ? [] : findingsOf(preview),
    unchanged,
    change: change === undefined ? null : { id: change.id, name: nameOfChange(change), status: change.status },
  };
}

/** What would be said of it when it is submitted; errors, misfits and failing tests refuse it. */
function findingsOf({ lint, misfits, tests }: PreviewDocument): PlanView['findings'] {
  return [
    ...misfits.map(({ origin, message, remedy }) => ({ level: 'error' as const, origin, message, remedy })),
    ...lint.new.map(({ level, origin, message, remedy }) => ({ level, origin, message, remedy })),
    ...tests.files.flatMap(({ name, failures }) =>
      failures
        .filter(({ before }) => before === 'passed')
        .map((failure) => ({
          level: 'error' as const,
          origin: name,
          message: `${failure.name}: ${failure.differences.join('; ')}`,
          remedy: 'Correct the documents, or the test that the workspace keeps.',
        })),
    ),
  ];
}
