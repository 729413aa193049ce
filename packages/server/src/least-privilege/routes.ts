import { z } from 'zod';
import { readAgent } from '../agents/index.ts';
import { type Api, type ApiContext, listOf, openNameCursor, pageOf, pageQuery } from '../api/route.ts';
import { changeSchema, draftChange, viewOf } from '../changes/index.ts';
import { Failure } from '../errors.ts';
import type { WorkspaceId } from '../ids.ts';
import { dismiss } from './dismissals.ts';
import { PROPOSAL_KINDS, type Proposal } from './judged.ts';
import { proposalSchema } from './proposal.ts';
import { chosen, operationsOf, proposalsOf, viewsOf } from './proposals.ts';
import { periodOf } from './read.ts';

const tags = ['least privilege'];
const DEFAULT_DAYS = 90;
const days = z.coerce.number().int().min(1).max(365).default(DEFAULT_DAYS);
const MAX_TOGETHER = 100;
/** Sentences of the proposals that a change was made of. */
const MAX_JUSTIFICATION = 4_000;

const listSchema = listOf(proposalSchema)
  .extend({
    period: z.object({
      from: z.string(),
      to: z.string(),
      covered: z.boolean().meta({ description: 'False: the log does not cover it, and nothing is proposed.' }),
      limits_covered: z.boolean().meta({ description: 'False: of limits nothing is proposed.' }),
      calls_known_from: z.string().nullable(),
      limits_known_from: z.string().nullable(),
      counted_to: z.string().nullable(),
    }),
  })
  .meta({ id: 'LeastPrivilegeProposals' });

export function leastPrivilegeRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys, clock } = context;
  const readers = { pool, controlled: context.controlled };

  async function current(workspaceId: WorkspaceId, asked: number, ids: readonly string[]): Promise<Proposal[]> {
    const { proposals } = await proposalsOf(readers, workspaceId, periodOf(clock(), asked));
    return chosen(proposals ?? [], ids);
  }

  api.get(
    '/v1/least-privilege/proposals',
    {
      schema: {
        tags,
        summary: 'What could be taken away, judged by use',
        description:
          'Grants and roles that nobody used, caps far above the largest use. Nothing is proposed that would have changed the verdict of a call of this time, and nothing where the log does not cover it.',
        querystring: z.strictObject({
          days,
          agent: z
            .string()
            .min(1)
            .max(128)
            .optional()
            .meta({ description: 'What it wears, and the roles that it wears.' }),
          kind: z.enum(PROPOSAL_KINDS).optional(),
          dismissed: z.stringbool().default(false).meta({ description: 'With those that somebody has dismissed.' }),
          ...pageQuery,
        }),
        response: { 200: listSchema },
      },
    },
    async ({ administrator: { workspaceId }, query }) => {
      const { days: asked, agent, kind, dismissed, limit, cursor } = query;
      const period = periodOf(clock(), asked);
      const wearer = agent === undefined ? undefined : await readAgent(pool, workspaceId, agent);
      const { known, proposals, hasLimits } = await proposalsOf(readers, workspaceId, period);
      const filter = { days: asked, agent, kind, dismissed };
      const scope = { list: 'least-privilege-proposals', workspaceId, filter };
      const after = openNameCursor(keys.state, scope, cursor);
      const wanted = (proposals ?? [])
        .filter((each) => kind === undefined || each.kind === kind)
        .filter(({ object: { type, id } }) => {
          if (wearer === undefined) return true;
          return type === 'assignment' ? id === wearer.id : type === 'role' && wearer.roles.includes(id);
        });
      const views = await viewsOf(readers, workspaceId, wanted);
      const sorted = views
        .filter((view) => dismissed || view.dismissed === null)
        // What cannot be changed as it is proposed is not: another cap that is written in a way that is not known.
        .filter((view) => view.operations.length > 0 || view.kind === 'idle_approval')
        .filter(({ id }) => after === undefined || id > after)
        .sort((a, b) => (a.id < b.id ? -1 : 1));
      return {
        ...pageOf(
          keys.state,
          scope,
          limit,
          sorted,
          (view) => view,
          ({ id }) => [id],
        ),
        period: {
          from: new Date(period.fromMs).toISOString(),
          to: new Date(period.toMs).toISOString(),
          covered: proposals !== undefined,
          limits_covered: hasLimits,
          calls_known_from: known.callsFrom?.toISOString() ?? null,
          limits_known_from: known.limitsFrom?.toISOString() ?? null,
          counted_to: known.countedTo?.toISOString() ?? null,
        },
      };
    },
  );

  api.post(
    '/v1/least-privilege/proposals/:id/change',
    {
      schema: {
        tags,
        summary: 'Make a draft of a change of it',
        description: 'With the evidence as its justification. Submitted, reviewed and activated as any other.',
        params: z.object({ id: z.string().max(64) }),
        body: z
          .strictObject({
            days,
            with: z
              .array(z.string().max(64))
              .max(MAX_TOGETHER)
              .default([])
              .meta({ description: 'Further proposals, for the same draft.' }),
          })
          .default({ days: DEFAULT_DAYS, with: [] }),
        response: { 201: changeSchema },
      },
    },
    async ({ administrator, params: { id }, body: { days: asked, with: more } }, reply) => {
      const { workspaceId } = administrator;
      const proposals = await current(workspaceId, asked, [...new Set([id, ...more])]);
      const operations = await operationsOf(readers, workspaceId, proposals);
      if (operations.length === 0)
        throw new Failure(
          422,
          'nothing_to_change',
          'This is said, and nothing is proposed to be changed.',
          'Look at the rule, and draft a change of your own if it should be another: POST /v1/changes.',
        );
      const change = await draftChange(context, administrator, {
        title: titleOf(proposals),
        justification: justificationOf(proposals),
        ticket: null,
        class: 'normal',
        activate_at: null,
        operations,
        source: null,
      });
      return reply.code(201).send(await viewOf(context, administrator, change));
    },
  );

  api.post(
    '/v1/least-privilege/proposals/:id/dismiss',
    {
      schema: {
        tags,
        summary: 'Do not show it for a while',
        params: z.object({ id: z.string().max(64) }),
        body: z.strictObject({
          days,
          reason: z.string().trim().min(1).max(2000),
          until: z.int().min(0).max(253_402_300_799).meta({ description: 'Epoch seconds, at most 366 days from now.' }),
        }),
        response: { 200: proposalSchema },
      },
    },
    async ({ administrator, params: { id }, body: { days: asked, reason, until } }) => {
      const { workspaceId } = administrator;
      const [proposal] = await current(workspaceId, asked, [id]);
      if (proposal === undefined) throw new Error('a proposal that was chosen is there');
      await dismiss(log, administrator, proposal, { reason, until });
      const [view] = await viewsOf(readers, workspaceId, [proposal]);
      if (view === undefined) throw new Error('a proposal has a view');
      return view;
    },
  );
}

function titleOf(proposals: readonly Proposal[]): string {
  const [first, second] = proposals;
  const text = second === undefined ? (first?.sentence ?? '') : `Least privilege: ${proposals.length} proposals`;
  return text.length <= 200 ? text : `${text.slice(0, 199)}…`;
}

function justificationOf(proposals: readonly Proposal[]): string {
  const lines = proposals.map(({ sentence, evidence: { fromMs, toMs, calls, query } }) => {
    const time = `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}`;
    return `${sentence} ${calls} calls from ${time}: ${query}`;
  });
  const text = lines.join('\n');
  return text.length <= MAX_JUSTIFICATION ? text : `${text.slice(0, MAX_JUSTIFICATION - 1)}…`;
}
