import { z } from 'zod';
import { type Api, type ApiContext, listOf, openCursor, pageOf, pageQuery, wholeList } from '../api/route.ts';
import { Failure } from '../errors.ts';
import { assertionSchema, verifyDecision } from '../passkeys/index.ts';
import { except, exceptionSchema } from './close.ts';
import { bulkSchema, decideItem, decideTogether, decisionSchema, openItem } from './decide.ts';
import { rechecksOf } from './gates.ts';
import { reductionOf } from './modification.ts';
import { reassign, reassignSchema } from './reassign.ts';
import { recheck, recheckSchema } from './recheck.ts';
import { remediate } from './remediate.ts';
import { findCampaign, findItem, findRemediation, itemsFor, pageOfItems, remediationsOf } from './rows.ts';
import { CAPACITIES, sign, signatureOptions, signaturesOf } from './signatures.ts';
import { submit } from './submit.ts';
import {
  itemSchema,
  itemView,
  recheckView,
  recheckViewSchema,
  remediationSchema,
  remediationView,
  signatureSchema,
  signatureView,
} from './view.ts';

const tags = ['access reviews'];
const reviewParams = z.object({ review: z.string().max(64) });
const params = z.object({ review: z.string().max(64), item: z.string().max(64) });
const remediationParams = z.object({ review: z.string().max(64), remediation: z.string().max(64) });
const capacity = z.enum(CAPACITIES);

const reductionSchema = z
  .object({
    object: z.literal('review_reduction'),
    covered: z.boolean().meta({ description: 'False: the log does not cover the time, and nothing is proposed.' }),
    from: z.string(),
    to: z.string(),
    operations: z.array(
      z.object({ type: z.string(), id: z.string(), document: z.unknown(), base: z.string().nullable() }),
    ),
    sentences: z.array(z.object({ sentence: z.string(), calls: z.int() })),
  })
  .meta({ id: 'ReviewReduction', description: 'Nothing of it would have changed the verdict of a call of the time.' });

const submittedSchema = z
  .object({
    object: z.literal('review_submission'),
    submitted: z.int(),
    left: z.int(),
    remediations: z.array(z.string()),
  })
  .meta({ id: 'ReviewSubmission' });

/** What one person does about items, and what follows from it. */
export function reviewItemRoutes(api: Api, context: ApiContext): void {
  const { pool, keys, clock, url } = context;
  const now = (): Date => new Date(clock());

  api.get(
    '/v1/review-queue',
    {
      schema: {
        tags,
        summary: 'What waits for the review of whoever asks, with all they need to judge it',
        response: { 200: listOf(itemSchema) },
      },
    },
    async ({ administrator: { workspaceId, person } }) =>
      wholeList(
        person === undefined
          ? []
          : (await itemsFor(pool, workspaceId, person.id)).map((item) => itemView(item, person.id)),
      ),
  );

  api.get(
    '/v1/reviews/:review/items',
    {
      schema: {
        tags,
        summary: 'Items of a campaign, in their order',
        params: reviewParams,
        querystring: z.strictObject(pageQuery),
        response: { 200: listOf(itemSchema) },
      },
    },
    async ({ administrator: { workspaceId, person }, params: { review }, query: { limit, cursor } }) => {
      await findCampaign(pool, workspaceId, review);
      const scope = { list: 'review-items', workspaceId, filter: { review } };
      const [after] = openCursor(keys.state, scope, cursor) ?? [];
      const rows = await pageOfItems(pool, workspaceId, review, after === undefined ? 0 : Number(after), limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (item) => itemView(item, person?.id),
        ({ number }) => [number],
      );
    },
  );

  api.get(
    '/v1/reviews/:review/items/:item',
    { schema: { tags, summary: 'An item', params, response: { 200: itemSchema } } },
    async ({ administrator: { workspaceId, person }, params: { review, item } }) =>
      itemView(await findItem(pool, workspaceId, review, item), person?.id),
  );

  api.get(
    '/v1/reviews/:review/items/:item/reduction',
    {
      schema: {
        tags,
        summary: 'What "reduce to what was used" would take away',
        params,
        response: { 200: reductionSchema },
      },
    },
    async ({ administrator: { workspaceId }, params: { review, item } }) => {
      const { operations, sentences, ...times } = await reductionOf(
        context,
        workspaceId,
        await findItem(pool, workspaceId, review, item),
      );
      return { object: 'review_reduction' as const, ...times, operations: [...operations], sentences: [...sentences] };
    },
  );

  api.post(
    '/v1/reviews/:review/items/:item/open',
    {
      schema: {
        tags,
        summary: 'Say that its reviewer looks at it now',
        params,
        body: z.strictObject({}).prefault({}),
        response: { 200: itemSchema },
      },
    },
    async ({ administrator: who, params: { review, item } }) =>
      itemView(await openItem(context, who, review, item), who.person?.id),
  );

  api.post(
    '/v1/reviews/:review/items/:item/decide',
    {
      schema: {
        tags,
        summary: 'Decide about it; nothing happens before it is submitted',
        description: 'Deciding again replaces what was decided and not submitted. An escalation goes on at once.',
        params,
        body: decisionSchema,
        response: { 200: itemSchema },
      },
    },
    async ({ administrator: who, params: { review, item }, body }) =>
      itemView(await decideItem(context, who, review, item, body), who.person?.id),
  );

  api.post(
    '/v1/reviews/:review/decide',
    {
      schema: {
        tags,
        summary: 'Decide about several items of the low tier together',
        params: reviewParams,
        body: bulkSchema,
        response: { 200: listOf(itemSchema) },
      },
    },
    async ({ administrator: who, params: { review }, body }) =>
      wholeList((await decideTogether(context, who, review, body)).map((item) => itemView(item, who.person?.id))),
  );

  api.post(
    '/v1/reviews/:review/items/:item/reassign',
    {
      schema: {
        tags,
        summary: 'Give it to another reviewer',
        params,
        body: reassignSchema,
        response: { 200: itemSchema },
      },
    },
    async ({ administrator: who, params: { review, item }, body }) =>
      itemView(await reassign(context, who, review, item, body), who.person?.id),
  );

  api.post(
    '/v1/reviews/:review/submit',
    {
      schema: {
        tags,
        summary: 'Submit what one has decided: it takes effect with this',
        params: reviewParams,
        body: z
          .strictObject({
            items: z
              .array(z.string().max(64))
              .min(1)
              .max(10_000)
              .optional()
              .meta({ description: 'Absent: all of it.' }),
          })
          .prefault({}),
        response: { 200: submittedSchema },
      },
    },
    async ({ administrator: who, params: { review }, body: { items } }) => {
      const done = await submit(context, who, review, items);
      return { object: 'review_submission' as const, ...done, remediations: [...done.remediations] };
    },
  );

  remediationRoutes(api, context);

  api.get(
    '/v1/reviews/:review/rechecks',
    {
      schema: {
        tags,
        summary: 'The quality re-check: what was drawn, and what came of it',
        params: reviewParams,
        response: { 200: listOf(recheckViewSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { review } }) => {
      await findCampaign(pool, workspaceId, review);
      return wholeList((await rechecksOf(pool, workspaceId, review)).map(recheckView));
    },
  );

  api.post(
    '/v1/reviews/:review/rechecks/:item',
    {
      schema: {
        tags,
        summary: 'Look at a kept item again, as somebody who has not decided about it',
        description: 'Whoever disagrees opens it anew.',
        params,
        body: recheckSchema,
        response: { 200: listOf(recheckViewSchema) },
      },
    },
    async ({ administrator: who, params: { review, item }, body }) =>
      wholeList((await recheck(context, who, review, item, body)).map(recheckView)),
  );

  api.get(
    '/v1/reviews/:review/signatures',
    {
      schema: {
        tags,
        summary: 'Signatures under a campaign',
        params: reviewParams,
        response: { 200: listOf(signatureSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { review } }) => {
      await findCampaign(pool, workspaceId, review);
      return wholeList((await signaturesOf(pool, workspaceId, review)).map(signatureView));
    },
  );

  api.post(
    '/v1/reviews/:review/signatures/options',
    {
      schema: {
        tags,
        summary: 'What a passkey is asked to sign',
        params: reviewParams,
        body: z.strictObject({ capacity }),
        response: { 200: z.object({ options: z.looseObject({}), decision: z.string() }) },
      },
    },
    async ({ administrator: who, params: { review }, body }) => {
      const { options, decision } = await signatureOptions(context, who, review, body.capacity);
      return { options: { ...options }, decision };
    },
  );

  api.post(
    '/v1/reviews/:review/signatures',
    {
      schema: {
        tags,
        summary: 'Sign: as a reviewer, as the owner of the campaign, or as somebody outside',
        params: reviewParams,
        body: z.strictObject({ capacity, signature: assertionSchema.optional() }),
        response: { 201: signatureSchema },
      },
    },
    async ({ administrator: who, params: { review }, body }, reply) => {
      const passkey = body.signature === undefined ? undefined : await verifyDecision(pool, url, who, body.signature);
      return reply.code(201).send(signatureView(await sign(context, who, review, body.capacity, passkey)));
    },
  );

  function remediationRoutes(routes: Api, { pool: database }: ApiContext): void {
    routes.get(
      '/v1/reviews/:review/remediations',
      {
        schema: {
          tags,
          summary: 'What has to change, until when, and whether it has',
          params: reviewParams,
          response: { 200: listOf(remediationSchema) },
        },
      },
      async ({ administrator: { workspaceId }, params: { review } }) => {
        await findCampaign(database, workspaceId, review);
        return wholeList(
          (await remediationsOf(database, workspaceId, review)).map((each) => remediationView(each, now())),
        );
      },
    );

    routes.post(
      '/v1/reviews/:review/remediations/:remediation/retry',
      {
        schema: {
          tags,
          summary: 'Carry it out, or read its state, again now',
          params: remediationParams,
          body: z.strictObject({}).prefault({}),
          response: { 200: remediationSchema },
        },
      },
      async ({ administrator: { workspaceId }, params: { review, remediation } }) => {
        const { verifiedAt } = await findRemediation(database, workspaceId, review, remediation);
        if (verifiedAt !== null)
          throw new Failure(409, 'remediation_over', `${remediation} is verified.`, 'There is nothing left to do.');
        await remediate(context, workspaceId, review, remediation);
        return remediationView(await findRemediation(database, workspaceId, review, remediation), now());
      },
    );

    routes.post(
      '/v1/reviews/:review/remediations/:remediation/exception',
      {
        schema: {
          tags,
          summary: 'Ask that it may stay open for a time',
          params: remediationParams,
          body: exceptionSchema,
          response: { 200: remediationSchema },
        },
      },
      async ({ administrator: who, params: { review, remediation }, body }) =>
        remediationView(await except(context, who, review, remediation, body), now()),
    );

    routes.post(
      '/v1/reviews/:review/remediations/:remediation/exception/approve',
      {
        schema: {
          tags,
          summary: 'Agree to it, as another person than asked',
          params: remediationParams,
          body: z.strictObject({}).prefault({}),
          response: { 200: remediationSchema },
        },
      },
      async ({ administrator: who, params: { review, remediation } }) =>
        remediationView(await except(context, who, review, remediation, 'approve'), now()),
    );
  }
}
