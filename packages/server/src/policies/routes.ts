import {
  capabilitySchema,
  freezeSchema,
  policyTestSchema,
  roleSchema,
  sourcesSchema,
  workspaceGuardsSchema,
} from '@hivekey/policy';
import { z } from 'zod';
import { type Api, type ApiContext, jsonObject, listOf, openCursor, pageOf, pageQuery } from '../api/route.ts';
import { decisionSchema, decisionView } from '../gateway/actions/index.ts';
import { loadPolicySet } from '../roles/index.ts';
import { asAtSchema, evaluateAsAt } from './as-at.ts';
import { checkDocuments, checkedSchema } from './check.ts';
import { evaluate, evaluationSchema } from './evaluate.ts';
import { listPolicies, policyRevisionSchema, policySchema, readPolicy } from './read.ts';

const tags = ['policies'];
const SCHEMAS = {
  role: roleSchema,
  guards: workspaceGuardsSchema,
  capability: capabilitySchema,
  freeze: freezeSchema,
  sources: sourcesSchema,
  tests: policyTestSchema,
} as const;

const evaluatedSchema = decisionSchema
  .extend({ as_at: asAtSchema.optional().meta({ description: 'Absent: decided as live, now.' }) })
  .meta({ id: 'EvaluatedDecision' });

export function policyRoutes(api: Api, context: ApiContext): void {
  const { pool, keys } = context;

  api.post(
    '/v1/policies/evaluate',
    {
      schema: {
        tags,
        summary: 'Dry run of a decision',
        description:
          'The decision an agent, or somebody with these roles, would get now, or would have got under a policy that was in force: `as_at` says what that was. Nothing is recorded as a call.',
        body: evaluationSchema,
        response: { 200: evaluatedSchema },
      },
    },
    async ({ administrator, body }) => {
      if (body.policy === undefined && body.at === undefined)
        return decisionView(await evaluate(context, administrator, body));
      const { decision, asAt } = await evaluateAsAt(context, administrator, body);
      return { ...decisionView(decision), as_at: asAt };
    },
  );

  api.post(
    '/v1/policies/check',
    {
      schema: {
        tags,
        summary: 'Check role, guards and capability documents',
        description:
          'Refused with `document_invalid` and all problems, with line and column where the document is text.',
        body: z.strictObject({ document: z.union([z.string().max(1_048_576), jsonObject]) }),
        response: { 200: checkedSchema },
      },
    },
    async ({ administrator, body }) => {
      const { set } = await loadPolicySet(pool, administrator.workspaceId);
      return checkDocuments(body.document, set);
    },
  );

  api.get(
    '/v1/policies/schemas/:name',
    {
      schema: {
        tags,
        summary: 'JSON Schema of role, guards, capability, freeze, sources or tests files',
        params: z.object({ name: z.enum(['role', 'guards', 'capability', 'freeze', 'sources', 'tests']) }),
        response: { 200: z.record(z.string(), z.unknown()) },
      },
    },
    async ({ params: { name } }) => ({ ...SCHEMAS[name] }),
  );

  api.get(
    '/v1/policies',
    {
      schema: {
        tags,
        summary: 'Every policy that was in force, newest first',
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(policyRevisionSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor } }) => {
      const scope = { list: 'policies', workspaceId };
      const [last] = openCursor(keys.state, scope, cursor) ?? [];
      const before = last === undefined ? undefined : Number(last);
      const rows = await listPolicies(pool, workspaceId, before, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (row) => row,
        ({ revision }) => [revision],
      );
    },
  );

  api.get(
    '/v1/policies/:revision',
    {
      schema: {
        tags,
        summary: 'The policy in force, or as it was at a revision, hash or instant',
        description:
          '`current`, a revision number, or the hash that a log record carries; `current` with `at`: the one in force then.',
        params: z.object({ revision: z.string().max(80) }),
        querystring: z.strictObject({
          at: z.coerce.number().int().min(0).max(253_402_300_799).optional().meta({
            description: 'Epoch seconds: as it was at the end of that second. Goes with `current`.',
          }),
        }),
        response: { 200: policySchema },
      },
    },
    ({ administrator, params: { revision }, query: { at } }) =>
      readPolicy(pool, administrator.workspaceId, revision, at),
  );
}
