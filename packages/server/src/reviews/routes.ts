import { z } from 'zod';
import { readAgent } from '../agents/index.ts';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery, wholeList } from '../api/route.ts';
import { closeCampaign, voidCampaign } from './close.ts';
import { CYCLES, ITEM_TYPES } from './kinds.ts';
import { launch, previewLaunch } from './launch.ts';
import { changePolicy, policyChange, policySchema, policyVersions, policyView, readPolicy } from './policy.ts';
import type { Scope } from './population.ts';
import { listCampaigns, readCampaign, readPopulation } from './read.ts';
import { campaignSchema, campaignSummarySchema } from './view.ts';

const tags = ['access reviews'];
const params = z.object({ review: z.string().max(64) });
const reason = z.string().trim().min(1).max(2000);

const scopeBody = {
  types: z.array(z.enum(ITEM_TYPES)).min(1).optional().meta({ description: 'Absent: those of the policy.' }),
  agents: z
    .array(z.string().min(1).max(128))
    .min(1)
    .max(1000)
    .optional()
    .meta({ description: 'Ids or names; absent: all.' }),
  roles: z.array(z.string().min(1).max(128)).min(1).max(1000).optional().meta({ description: 'Names; absent: all.' }),
};

const previewSchema = z
  .object({
    object: z.literal('review_preview'),
    items: z.int(),
    by_type: z.record(z.string(), z.int()),
    by_tier: z.record(z.string(), z.int()),
    reviewers: z.array(z.object({ reviewer: z.string(), items: z.int() })),
    unassigned: z
      .array(z.object({ subject: z.string(), why: z.array(z.string()) }))
      .meta({ description: 'What nobody may review: it cannot be launched by hand like that.' }),
    reconciliations: campaignSchema.shape.reconciliations,
    exclusions: campaignSchema.shape.exclusions,
  })
  .meta({ id: 'ReviewPreview' });

/** The rules, and campaigns: launched, looked at, closed, voided. */
export function reviewRoutes(api: Api, context: ApiContext): void {
  const { pool, log, keys, clock } = context;

  async function scopeOf(
    workspaceId: Parameters<typeof readPolicy>[1],
    body: {
      readonly types?: Scope['types'] | undefined;
      readonly agents?: string[] | undefined;
      readonly roles?: string[] | undefined;
    },
  ): Promise<Scope> {
    const { policy } = await readPolicy(pool, workspaceId);
    const agents =
      body.agents === undefined
        ? null
        : await Promise.all(body.agents.map(async (each) => (await readAgent(pool, workspaceId, each)).id));
    return { types: body.types ?? policy.types, agents, roles: body.roles ?? null };
  }

  api.get(
    '/v1/review-policy',
    { schema: { tags, summary: 'The rules by which access is reviewed', response: { 200: policySchema } } },
    async ({ administrator: { workspaceId } }) => policyView(await readPolicy(pool, workspaceId)),
  );

  api.get(
    '/v1/review-policy/versions',
    {
      schema: {
        tags,
        summary: 'The rules as they are and were, newest first',
        response: { 200: listOf(policySchema) },
      },
    },
    async ({ administrator: { workspaceId } }) =>
      wholeList((await policyVersions(pool, workspaceId, 200)).map(policyView)),
  );

  api.put(
    '/v1/review-policy',
    {
      schema: {
        tags,
        summary: 'Change the rules; what is absent stays',
        description: `Another version. Campaigns that run go on under those they were launched under. A cycle is ${Object.keys(CYCLES).join(', ')}, or null.`,
        body: policyChange.extend({ reason }),
        response: { 200: policySchema },
      },
    },
    async ({ administrator, body: { reason: why, ...change } }) =>
      policyView(
        await log.transact(administrator.workspaceId, (transaction) =>
          changePolicy(transaction, administrator, change, why),
        ),
      ),
  );

  api.post(
    '/v1/reviews/preview',
    {
      schema: {
        tags,
        summary: 'What a campaign launched now would be about, and who would review it',
        body: z.strictObject(scopeBody).prefault({}),
        response: { 200: previewSchema },
      },
    },
    async ({ administrator: { workspaceId }, body }) => {
      const { byType, byTier, ...preview } = await previewLaunch(
        context,
        workspaceId,
        await scopeOf(workspaceId, body),
      );
      return {
        object: 'review_preview' as const,
        ...preview,
        by_type: byType,
        by_tier: byTier,
        reviewers: [...preview.reviewers],
        unassigned: preview.unassigned.map(({ subject, why }) => ({ subject, why: [...why] })),
        reconciliations: [...preview.reconciliations],
        exclusions: [...preview.exclusions],
      };
    },
  );

  api.post(
    '/v1/reviews',
    {
      schema: {
        tags,
        summary: 'Launch a campaign',
        description:
          'The population is frozen and hashed in one transaction, and every item gets a reviewer who has no part in it.',
        body: z.strictObject({
          ...scopeBody,
          due_days: z.int().min(1).max(90).optional().meta({ description: 'Absent: those of the policy.' }),
          reason,
        }),
        response: { 201: campaignSchema },
      },
    },
    async ({ administrator: who, body: { reason: why, due_days: dueDays, ...scope } }, reply) => {
      const { workspaceId, actor, person } = who;
      const { policy } = await readPolicy(pool, workspaceId);
      const launched = await launch(context, workspaceId, {
        cause: { kind: 'manual', reason: why },
        actor,
        person: person?.email,
        scope: await scopeOf(workspaceId, scope),
        dueDays: dueDays ?? policy.due_days,
      });
      if (launched === undefined) throw new Error('what a person launches is launched or refused');
      return reply.code(201).send(await readCampaign(pool, workspaceId, launched.id, person?.id, new Date(clock())));
    },
  );

  api.get(
    '/v1/reviews',
    {
      schema: {
        tags,
        summary: 'Campaigns, newest first',
        querystring: z.strictObject({
          status: z.enum(['running', 'closed', 'voided']).optional(),
          kind: z.enum(['scheduled', 'manual', 'event']).optional(),
          ...pageQuery,
        }),
        response: { 200: listOf(campaignSummarySchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'reviews', workspaceId, filter };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listCampaigns(pool, workspaceId, filter, after, limit + 1, new Date(clock()));
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        ({ summary }) => summary,
        ({ position: { atUs, id } }) => [atUs, id],
      );
    },
  );

  api.get(
    '/v1/reviews/:review',
    {
      schema: {
        tags,
        summary: 'A campaign: progress, and each gate before its end',
        params,
        response: { 200: campaignSchema },
      },
    },
    ({ administrator: { workspaceId, person }, params: { review } }) =>
      readCampaign(pool, workspaceId, review, person?.id, new Date(clock())),
  );

  api.get(
    '/v1/reviews/:review/population',
    {
      schema: {
        tags,
        summary: 'The frozen population, byte for byte',
        description: 'Canonical JSON (RFC 8785): `sha256sum` of it is `snapshot_sha256`.',
        params,
        response: { 200: z.looseObject({}) },
      },
    },
    async ({ administrator: { workspaceId }, params: { review } }, reply) => {
      const text = await readPopulation(pool, workspaceId, review);
      return reply
        .type('application/json; charset=utf-8')
        .serializer(() => text)
        .send({});
    },
  );

  api.post(
    '/v1/reviews/:review/close',
    {
      schema: {
        tags,
        summary: 'Close it, when every gate is passed',
        description:
          'The state of everything that was verified is read once more first; what does not hold any more keeps it open.',
        params,
        body: z.strictObject({}).prefault({}),
        response: { 200: campaignSchema },
      },
    },
    async ({ administrator: who, params: { review } }) => {
      await closeCampaign(context, who, review);
      return readCampaign(pool, who.workspaceId, review, who.person?.id, new Date(clock()));
    },
  );

  api.post(
    '/v1/reviews/:review/void',
    {
      schema: {
        tags,
        summary: 'Void it: it stays, and counts for nothing',
        description: 'What it took away stays away. Nothing of a review is ever deleted.',
        params,
        body: z.strictObject({ reason }),
        response: { 200: campaignSchema },
      },
    },
    async ({ administrator: who, params: { review }, body }) => {
      await voidCampaign({ log }, who, review, body.reason);
      return readCampaign(pool, who.workspaceId, review, who.person?.id, new Date(clock()));
    },
  );
}
