import { z } from 'zod';
import { type Api, type ApiContext, listOf, pageOfAll, pageQuery } from '../api/route.ts';
import { budgetSchema, readBudgets } from './budgets.ts';

const tags = ['budgets'];

const checkSchema = z
  .object({
    object: z.literal('budget_check'),
    entries: z.int(),
    differences: z.array(
      z.object({
        key: z.string(),
        version: z.int().nullable(),
        what: z.enum(['charges', 'credits', 'total']),
        counted: z.string(),
        recorded: z.string(),
      }),
    ),
  })
  .meta({ id: 'BudgetCheck' });

const whose = z
  .strictObject({
    agent: z.string().min(1).max(128).optional(),
    role: z.string().min(1).max(128).optional(),
    owner: z.string().min(1).max(254).optional(),
    ...pageQuery,
  })
  .refine(({ agent, role, owner }) => [agent, role, owner].filter((value) => value !== undefined).length <= 1, {
    error: 'name one of agent, role and owner',
    path: ['agent'],
  });

export function budgetRoutes(api: Api, { pool, log, keys }: ApiContext): void {
  api.get(
    '/v1/budgets',
    {
      schema: {
        tags,
        summary: 'How full the windows of an agent, a role, an owner or the workspace are',
        description:
          'agent: all it is under. role: its shared windows, and its windows for each of up to 100 agents that wear it. owner, or none: the windows that all agents of the person, or of the workspace, share.',
        querystring: whose,
        response: { 200: listOf(budgetSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...who } }) => {
      const budgets = await readBudgets({ pool, log }, workspaceId, who);
      const scope = { list: 'budgets', workspaceId, filter: who };
      return pageOfAll(keys.state, scope, { limit, cursor }, budgets, ({ scope: of, subject, origin, rule, per }) =>
        [of, subject, origin, rule, per?.value ?? ''].join('\0'),
      );
    },
  );

  api.get(
    '/v1/budgets/check',
    {
      schema: {
        tags,
        summary: 'Whether the counters hold what the log says was spent',
        description: 'Entry by entry, over the last 30 days. Sums are text, since they have no end.',
        response: { 200: checkSchema },
      },
    },
    async ({ administrator: { workspaceId } }) => {
      const { entries, differences } = await log.compareBudgets(workspaceId);
      return { object: 'budget_check' as const, entries, differences: [...differences] };
    },
  );
}
