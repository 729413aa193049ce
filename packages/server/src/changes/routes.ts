/** Changes over HTTP. */
import { z } from 'zod';
import {
  type Administrator,
  type Api,
  type ApiContext,
  type FastifyRequest,
  listOf,
  openCursor,
  pageOf,
  pageQuery,
  wholeList,
} from '../api/route.ts';
import { Failure } from '../errors.ts';
import {
  assertionSchema,
  decisionOptions,
  listSignedDecisions,
  signedDecisionSchema,
  signedDecisionView,
  verifyDecision,
} from '../passkeys/index.ts';
import { previewSchema } from '../previews/index.ts';
import { OBJECT_TYPES } from '../versions/index.ts';
import { activateChange } from './activate.ts';
import {
  CHANGE_CLASSES,
  CHANGE_STATUSES,
  changeEditSchema,
  changeSchema,
  changeSummarySchema,
  commentSchema,
  hashSchema,
  newChangeSchema,
  reviewSchema,
} from './change.ts';
import { addComment, listComments } from './comments.ts';
import { decideChange, type ReviewChannel, subjectOf } from './decide.ts';
import { draftChange, editChange } from './draft.ts';
import { remakePreview } from './preview.ts';
import { recordingRefusals } from './refusals.ts';
import { rollBackChange } from './rollback.ts';
import { type ChangeRow, findChange, listChanges, reviewsOf } from './rows.ts';
import { submitChange } from './submit.ts';
import { namesOf, reviewOf, summaryOf, viewOf } from './view.ts';
import { withdrawChange } from './withdraw.ts';

const tags = ['changes'];
const params = z.strictObject({ change: z.string().max(64).meta({ description: 'Id, or `CHG-12`.' }) });
const comment = z.string().trim().max(4_000).default('');
const reason = z.string().trim().max(1_000).default('');
const response = { 200: changeSchema };
const empty = z.strictObject({}).prefault({});

/** How a decision came in. The command line says of itself that it is one. */
function channelOf({ administrator, headers }: FastifyRequest): ReviewChannel {
  if (administrator.via === 'session') return 'console';
  return headers['user-agent']?.startsWith('hivekey-cli') === true ? 'cli' : 'api';
}

export function changeRoutes(api: Api, context: ApiContext): void {
  const { pool, keys, url, clock } = context;
  const show = (who: Administrator, row: ChangeRow) => viewOf(context, who, row);
  const read = async (who: Administrator, id: string) => show(who, await findChange(pool, who.workspaceId, id));

  api.get(
    '/v1/changes',
    {
      schema: {
        tags,
        summary: 'Changes, newest first',
        querystring: z.strictObject({
          status: z.enum(CHANGE_STATUSES).optional(),
          class: z.enum(CHANGE_CLASSES).optional(),
          author: z.string().max(254).optional().meta({ description: 'E-mail.' }),
          type: z.enum(OBJECT_TYPES).optional(),
          object: z.string().max(256).optional().meta({ description: 'Id of an object that it is about.' }),
          waiting: z.stringbool().optional().meta({ description: 'true: for a review, of emergencies too.' }),
          ...pageQuery,
        }),
        response: { 200: listOf(changeSummarySchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'changes', workspaceId, filter };
      const [before] = openCursor(keys.state, scope, cursor) ?? [];
      const from = before === undefined ? undefined : Number(before);
      const rows = await listChanges(pool, workspaceId, filter, from, limit + 1);
      const names = await namesOf(pool, workspaceId, rows);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        (row) => summaryOf(row, names),
        ({ number }) => [number],
      );
    },
  );

  api.post(
    '/v1/changes',
    {
      schema: {
        tags,
        summary: 'Draft a change',
        description:
          'Documents of objects in place of others, all at once. Takes a credential that belongs to a person.',
        body: newChangeSchema,
        response: { 201: changeSchema },
      },
    },
    async ({ administrator, body }, reply) =>
      reply.code(201).send(await show(administrator, await draftChange(context, administrator, body))),
  );

  api.get(
    '/v1/changes/:change',
    { schema: { tags, summary: 'A change: what is asked, who said what, what is missing', params, response } },
    ({ administrator, params: { change } }) => read(administrator, change),
  );

  api.put(
    '/v1/changes/:change',
    {
      schema: {
        tags,
        summary: 'Edit a draft; what is absent is unchanged',
        description: 'Whoever edits it is an author of it. What was submitted does not change (`change_not_draft`).',
        params,
        body: changeEditSchema,
        response,
      },
    },
    async ({ administrator, params: { change }, body }) => {
      const edit = () => editChange(context, administrator, change, body);
      return show(administrator, await recordingRefusals(context, administrator, change, 'edit', edit));
    },
  );

  api.post(
    '/v1/changes/:change/submit',
    {
      schema: {
        tags,
        summary: 'Submit it: check it, make the preview, freeze it, and ask reviewers',
        params,
        body: empty,
        response,
      },
    },
    async ({ administrator, params: { change } }) =>
      show(administrator, await submitChange(context, administrator, change)),
  );

  api.post(
    '/v1/changes/:change/approve',
    {
      schema: {
        tags,
        summary: 'Approve it, as it was read',
        description: 'Also the review of an emergency that is in force.',
        params,
        body: z.strictObject({
          content_hash: hashSchema,
          preview_hash: hashSchema,
          comment,
          signature: assertionSchema.optional().meta({ description: 'Of a passkey, over the challenge for this.' }),
        }),
        response,
      },
    },
    async (request) => {
      const { administrator, params: at, body } = request;
      const { signature: assertion } = body;
      const signature = assertion === undefined ? undefined : await verifyDecision(pool, url, administrator, assertion);
      const decision = {
        decision: 'approve',
        comment: body.comment,
        contentHash: body.content_hash,
        previewHash: body.preview_hash,
        signature,
      } as const;
      return show(administrator, await decideChange(context, administrator, at.change, decision, channelOf(request)));
    },
  );

  api.post(
    '/v1/changes/:change/challenge',
    {
      schema: {
        tags,
        summary: 'What a passkey is to sign for an approval',
        description: 'For 5 minutes and for one use. Show `decision` to the person: it is what is hashed.',
        params,
        body: z.strictObject({ preview_hash: hashSchema, comment }),
        response: { 200: z.object({ options: z.record(z.string(), z.unknown()), decision: z.string() }) },
      },
    },
    async ({ administrator, params: at, body }) => {
      const row = await findChange(pool, administrator.workspaceId, at.change);
      const subject = subjectOf(row, administrator.person?.email ?? '', {
        decision: 'approve',
        comment: body.comment,
        previewHash: body.preview_hash,
      });
      const { options, decision } = await decisionOptions(pool, url, administrator, subject, clock());
      return { options: { ...options }, decision };
    },
  );

  api.get(
    '/v1/changes/:change/signatures',
    {
      schema: {
        tags,
        summary: 'Signatures of the approvals, to be checked without this server',
        params,
        response: { 200: listOf(signedDecisionSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: at }) => {
      const { id } = await findChange(pool, workspaceId, at.change);
      const rows = await listSignedDecisions(pool, workspaceId, 'change', id);
      return wholeList(await Promise.all(rows.map(signedDecisionView)));
    },
  );

  api.post(
    '/v1/changes/:change/reject',
    {
      schema: {
        tags,
        summary: 'Reject it, while it is not in force; or refuse an emergency that is',
        description: 'Of an emergency in force, a rollback is drafted and submitted with it.',
        params,
        body: z.strictObject({ comment }).prefault({}),
        response,
      },
    },
    async (request) => {
      const { administrator, params: at, body } = request;
      const decision = { decision: 'reject', comment: body.comment } as const;
      return show(administrator, await decideChange(context, administrator, at.change, decision, channelOf(request)));
    },
  );

  api.post(
    '/v1/changes/:change/activate',
    {
      schema: {
        tags,
        summary: 'Put it in force: all of it, or nothing',
        description: 'Everything is asked again. Also of an emergency that one person may activate.',
        params,
        body: empty,
        response,
      },
    },
    async ({ administrator, params: { change } }) => {
      const { id } = await activateChange(context, administrator, change);
      return read(administrator, id);
    },
  );

  api.post(
    '/v1/changes/:change/withdraw',
    {
      schema: {
        tags,
        summary: 'Withdraw it; by an author, or an administrator',
        params,
        body: z.strictObject({ reason }).prefault({}),
        response,
      },
    },
    async ({ administrator, params: { change }, body }) =>
      show(administrator, await withdrawChange(context, administrator, change, body.reason)),
  );

  api.post(
    '/v1/changes/:change/rollback',
    {
      schema: {
        tags,
        summary: 'Draft and submit the change that puts back what this one replaced',
        params,
        body: z.strictObject({ reason }).prefault({}),
        response: { 201: changeSchema },
      },
    },
    async ({ administrator, params: { change }, body }, reply) =>
      reply
        .code(201)
        .send(await show(administrator, await rollBackChange(context, administrator, change, body.reason))),
  );

  api.get(
    '/v1/changes/:change/reviews',
    {
      schema: {
        tags,
        summary: 'What people said of it, and what each had read',
        params,
        response: { 200: listOf(reviewSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: { change } }) => {
      const row = await findChange(pool, workspaceId, change);
      return wholeList((await reviewsOf(pool, workspaceId, row.id)).map((review) => reviewOf(row, review)));
    },
  );

  api.get(
    '/v1/changes/:change/preview',
    {
      schema: {
        tags,
        summary: 'What reviewers see: what it does before it does it',
        description: 'As it was stored when it was submitted.',
        params,
        response: { 200: previewSchema },
      },
    },
    async ({ administrator: { workspaceId }, params: { change } }) => {
      const row = await findChange(pool, workspaceId, change);
      const preview = row.preview_id === null ? undefined : await context.previews.find(workspaceId, row.preview_id);
      if (preview !== undefined) return preview;
      throw new Failure(
        404,
        'preview_not_found',
        'It was not submitted yet, so nothing of what reviewers see is stored.',
        'Submit it, or ask for a preview of its operations.',
      );
    },
  );

  api.post(
    '/v1/changes/:change/preview',
    {
      schema: {
        tags,
        summary: 'Make the preview again, where it failed and nobody has approved by it',
        params,
        body: empty,
        response: { 200: previewSchema },
      },
    },
    ({ administrator, params: { change } }) => remakePreview(context, administrator, change),
  );

  api.get(
    '/v1/changes/:change/comments',
    { schema: { tags, summary: 'What is said about it', params, response: { 200: listOf(commentSchema) } } },
    async ({ administrator: { workspaceId }, params: { change } }) => {
      const { id } = await findChange(pool, workspaceId, change);
      return wholeList(await listComments(pool, workspaceId, id));
    },
  );

  api.post(
    '/v1/changes/:change/comments',
    {
      schema: {
        tags,
        summary: 'Say something about it',
        params,
        body: z.strictObject({ body: z.string().trim().min(1).max(4_000) }),
        response: { 201: commentSchema },
      },
    },
    async ({ administrator, params: { change }, body }, reply) =>
      reply.code(201).send(await addComment(context, administrator, change, body.body)),
  );
}
