import {
  capabilitySchema,
  freezeSchema,
  policyTestSchema,
  roleSchema,
  sourcesSchema,
  workspaceGuardsSchema,
} from '@hivekey/policy';
import { z } from 'zod';
import { type Api, type ApiContext, jsonObject } from '../api/route.ts';
import { decisionSchema, decisionView } from '../gateway/actions/index.ts';
import { loadPolicySet } from '../roles/index.ts';
import { checkDocuments, checkedSchema } from './check.ts';
import { evaluate, evaluationSchema } from './evaluate.ts';
import { policySchema, readPolicy } from './read.ts';

const tags = ['policies'];
const SCHEMAS = {
  role: roleSchema,
  guards: workspaceGuardsSchema,
  capability: capabilitySchema,
  freeze: freezeSchema,
  sources: sourcesSchema,
  tests: policyTestSchema,
} as const;

export function policyRoutes(api: Api, context: ApiContext): void {
  const { pool } = context;

  api.post(
    '/v1/policies/evaluate',
    {
      schema: {
        tags,
        summary: 'Dry run of a decision',
        description:
          'The decision an agent, or somebody with these roles, would get now. Nothing is recorded as a call.',
        body: evaluationSchema,
        response: { 200: decisionSchema },
      },
    },
    async ({ administrator, body }) => decisionView(await evaluate(context, administrator, body)),
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
    '/v1/policies/:revision',
    {
      schema: {
        tags,
        summary: 'The policy in force, or as it was at a revision or hash',
        description: '`current`, a revision number, or the hash that a log record carries.',
        params: z.object({ revision: z.string().max(80) }),
        response: { 200: policySchema },
      },
    },
    ({ administrator, params: { revision } }) => readPolicy(pool, administrator.workspaceId, revision),
  );
}
