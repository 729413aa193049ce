/** Where people read and decide about held calls over HTTP. */
import { z } from 'zod';
import {
  type Api,
  type ApiContext,
  type FastifyRequest,
  listOf,
  openTimeCursor,
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
import { approvalSchema, fullApprovalSchema, STATUSES } from './approval.ts';
import { cancelApproval } from './cancel.ts';
import { decideApproval, type Means, subjectOf } from './decide.ts';
import { approvalNotFound } from './failures.ts';
import { openApproval } from './open.ts';
import { listApprovals, readApproval, readWholeApproval } from './read.ts';
import { newRulesSchema, readReminderRules, reminderRuleSchema, writeReminderRules } from './reminder-rules.ts';
import { findApproval } from './rows.ts';

/** As many as a person can have read. */
const MAX_BULK = 20;

const tags = ['approvals'];
const params = z.strictObject({ id: z.string().max(64) });
const reason = z.string().trim().max(1000).default('');
const hash = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is not sha256: and 64 hexadecimal digits');
const decision = z.enum(['approve', 'deny']);
const onBehalfOf = z
  .string()
  .min(1)
  .max(254)
  .optional()
  .meta({ description: 'Id or e-mail of the person for whom you decide, by a delegation.' });

const bulkResultSchema = z
  .object({
    id: z.string(),
    decided: z.boolean(),
    approval: approvalSchema.nullable(),
    error: z.object({ code: z.string(), cause: z.string(), remedy: z.string() }).nullable(),
  })
  .meta({ id: 'BulkDecision' });

/** How a decision came in. The command line says of itself that it is one. */
function channelOf({ administrator, headers }: FastifyRequest): Means['channel'] {
  if (administrator.via === 'session') return 'console';
  return headers['user-agent']?.startsWith('hivekey-cli') === true ? 'cli' : 'api';
}

export function approvalRoutes(api: Api, { pool, log, keys, approvals, url, clock }: ApiContext): void {
  api.get(
    '/v1/approvals',
    {
      schema: {
        tags,
        summary: 'Held calls, newest first',
        querystring: z.strictObject({
          status: z.enum(STATUSES).optional(),
          agent: z.string().max(128).optional(),
          owner: z.string().max(254).optional(),
          action: z.string().max(256).optional(),
          ...pageQuery,
        }),
        response: { 200: listOf(approvalSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'approvals', workspaceId, filter };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await listApprovals(pool, workspaceId, filter, after, limit + 1);
      return pageOf(
        keys.state,
        scope,
        limit,
        rows,
        ({ view }) => view,
        ({ position }) => [position.atUs, position.id],
      );
    },
  );

  api.get(
    '/v1/approvals/:id',
    {
      schema: {
        tags,
        summary: 'A held call: what is asked, what binds it, who may decide, what was before',
        params,
        response: { 200: fullApprovalSchema },
      },
    },
    ({ administrator, params: { id } }) => readWholeApproval(pool, approvals.vault, administrator, id),
  );

  api.get(
    '/v1/approval-reminders',
    {
      schema: {
        tags,
        summary: 'Who is told when that a held call still waits',
        response: { 200: listOf(reminderRuleSchema) },
      },
    },
    async ({ administrator }) => wholeList(await readReminderRules(pool, administrator.workspaceId)),
  );

  api.put(
    '/v1/approval-reminders',
    {
      schema: {
        tags,
        summary: 'Set who is told when that a held call still waits',
        description: 'All rules at once. They say who is told, never who may decide.',
        body: z.strictObject({ data: newRulesSchema }),
        response: { 200: listOf(reminderRuleSchema) },
      },
    },
    async ({ administrator, body: { data } }) => wholeList(await writeReminderRules(log, administrator, data)),
  );

  api.post(
    '/v1/approvals/:id/decide',
    {
      schema: {
        tags,
        summary: 'Approve or deny a held call',
        description:
          'Takes a key that belongs to a person. An approval names the `hash` that was read. `on_behalf_of` names the person for whom a delegate decides.',
        params,
        body: z.strictObject({
          decision,
          reason,
          hash: hash.optional(),
          on_behalf_of: onBehalfOf,
          signature: assertionSchema
            .optional()
            .meta({ description: 'Of a passkey, over the challenge for this decision.' }),
        }),
        response: { 200: approvalSchema },
      },
    },
    async (request) => {
      const { administrator, params: at, body } = request;
      const { on_behalf_of: onBehalf, signature: assertion, ...wanted } = body;
      const signature = assertion === undefined ? undefined : await verifyDecision(pool, url, administrator, assertion);
      const means = { channel: channelOf(request) };
      await decideApproval(log, administrator, at.id, { ...wanted, onBehalfOf: onBehalf, signature }, means);
      return readApproval(pool, administrator.workspaceId, at.id);
    },
  );

  api.post(
    '/v1/approvals/:id/opened',
    {
      schema: {
        tags,
        summary: 'Say that the person has opened a held call',
        description:
          'How long they looked at it before they decided counts from the first time, by the clock of the server. Consoles and tools send it when the call is shown.',
        params,
        body: z.strictObject({}).prefault({}),
        response: { 200: z.object({ id: z.string(), opened_at: z.int() }) },
      },
    },
    async (request) => {
      const openedAt = await openApproval(pool, request.administrator, request.params.id, channelOf(request));
      return { id: request.params.id, opened_at: Math.floor(openedAt.getTime() / 1000) };
    },
  );

  api.post(
    '/v1/approvals/:id/challenge',
    {
      schema: {
        tags,
        summary: 'What a passkey is to sign for a decision',
        description: 'For 5 minutes and for one use. Show `decision` to the person: it is what is hashed.',
        params,
        body: z.strictObject({ decision, reason, on_behalf_of: onBehalfOf }),
        response: { 200: z.object({ options: z.record(z.string(), z.unknown()), decision: z.string() }) },
      },
    },
    async ({ administrator, params: at, body }) => {
      const { on_behalf_of: onBehalf, ...wanted } = body;
      const row = await findApproval(pool, administrator.workspaceId, at.id);
      if (row === undefined) throw approvalNotFound(at.id);
      const subject = subjectOf(row, administrator.person?.email ?? '', { ...wanted, onBehalfOf: onBehalf });
      const { options, decision: text } = await decisionOptions(pool, url, administrator, subject, clock());
      return { options: { ...options }, decision: text };
    },
  );

  api.get(
    '/v1/approvals/:id/signatures',
    {
      schema: {
        tags,
        summary: 'Signatures of the decisions, to be checked without this server',
        params,
        response: { 200: listOf(signedDecisionSchema) },
      },
    },
    async ({ administrator: { workspaceId }, params: at }) => {
      const { id } = await readApproval(pool, workspaceId, at.id);
      const rows = await listSignedDecisions(pool, workspaceId, 'approval', id);
      return wholeList(await Promise.all(rows.map(signedDecisionView)));
    },
  );

  api.post(
    '/v1/approvals/decide',
    {
      schema: {
        tags,
        summary: 'Decide about several held calls of one agent and one capability',
        description:
          'Each is decided by itself and marked as decided in bulk. What takes several people, or is destructive, is not approved so.',
        body: z.strictObject({
          decision,
          reason,
          on_behalf_of: onBehalfOf,
          approvals: z
            .array(z.strictObject({ id: z.string().max(64), hash: hash.optional() }))
            .min(2)
            .max(MAX_BULK),
        }),
        response: { 200: z.object({ object: z.literal('list'), data: z.array(bulkResultSchema) }) },
      },
    },
    async (request) => {
      const { administrator, body } = request;
      const { workspaceId } = administrator;
      const asked = await Promise.all(body.approvals.map(({ id }) => readApproval(pool, workspaceId, id)));
      const kinds = new Set(asked.map(({ agent_id, action }) => `${agent_id} ${action}`));
      if (kinds.size > 1 || new Set(asked.map(({ id }) => id)).size < asked.length)
        throw new Failure(
          409,
          'bulk_mixed',
          'These approvals are not different ones of one agent and one capability.',
          'Decide about those of each agent and capability by themselves.',
        );
      const means = { channel: channelOf(request), bulk: asked.length };
      const data: z.output<typeof bulkResultSchema>[] = [];
      for (const { id, hash: read } of body.approvals) {
        const { decision: verdict, reason: why, on_behalf_of } = body;
        const wanted = { decision: verdict, reason: why, hash: read, onBehalfOf: on_behalf_of };
        try {
          await decideApproval(log, administrator, id, wanted, means);
          data.push({ id, decided: true, approval: await readApproval(pool, workspaceId, id), error: null });
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          const { code, message: cause, remedy } = error;
          data.push({ id, decided: false, approval: null, error: { code, cause, remedy } });
        }
      }
      return { object: 'list' as const, data };
    },
  );

  api.post(
    '/v1/approvals/:id/cancel',
    {
      schema: {
        tags,
        summary: 'Withdraw a held call; it never runs',
        params,
        body: z.strictObject({ reason }).prefault({}),
        response: { 200: approvalSchema },
      },
    },
    async ({ administrator, params: at, body }) => {
      await cancelApproval(log, administrator, at.id, body.reason);
      return readApproval(pool, administrator.workspaceId, at.id);
    },
  );
}
