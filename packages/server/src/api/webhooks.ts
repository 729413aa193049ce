/** `/v1/webhooks`. */
import { z } from 'zod';
import type { Webhook } from '../webhooks/index.ts';
import type { Api, ApiContext } from './context.ts';
import { errorSchema } from './failures.ts';
import { listOf, wholeList } from './lists.ts';

const webhookSchema = z
  .object({
    id: z.string(),
    object: z.literal('webhook'),
    url: z.string(),
    events: z.array(z.string()),
    status: z.enum(['active', 'disabled']),
    disabled_reason: z.string().nullable(),
    failures: z.int().meta({ description: 'In a row, up to now.' }),
    last_error: z.string().nullable(),
    failing_since: z.int().nullable(),
    retry_at: z.int().nullable(),
    delivered_at: z.int().nullable(),
    delivered_seq: z.int().meta({ description: 'Global number of the last event delivered or passed over.' }),
    created: z.int(),
    created_by: z.string(),
  })
  .meta({ id: 'Webhook' });
const newWebhookSchema = webhookSchema
  .extend({ secret: z.string() })
  .meta({ id: 'NewWebhook', description: 'The only answer that shows the signing secret.' });

const params = z.strictObject({ id: z.string().max(64) });

export function webhookRoutes(api: Api, { webhooks }: ApiContext): void {
  api.get(
    '/v1/webhooks',
    { schema: { summary: 'List webhooks', tags: ['webhooks'], response: { 200: listOf(webhookSchema) } } },
    async ({ administrator }) => wholeList((await webhooks.list(administrator.workspaceId)).map(viewOf)),
  );

  api.post(
    '/v1/webhooks',
    {
      config: { answersSecret: true },
      schema: {
        summary: 'Register a webhook',
        description:
          'Log records of those kinds are posted there from now on, signed by the Standard Webhooks scheme, at least once, in order.',
        tags: ['webhooks'],
        body: z.strictObject({ url: z.string().max(2048), events: z.array(z.string().max(64)).min(1).max(64) }),
        response: { 201: newWebhookSchema, 400: errorSchema, 409: errorSchema },
      },
    },
    async (request, reply) => {
      const { workspaceId, actor } = request.administrator;
      const { url, events } = request.body;
      const { webhook, secret } = await webhooks.register(workspaceId, url, [...new Set(events)], actor);
      return reply.code(201).send({ ...viewOf(webhook), secret: secret.reveal() });
    },
  );

  api.delete(
    '/v1/webhooks/:id',
    {
      schema: {
        summary: 'Delete a webhook',
        tags: ['webhooks'],
        params,
        response: { 204: z.undefined(), 404: errorSchema },
      },
    },
    async (request, reply) => {
      const { workspaceId, actor } = request.administrator;
      await webhooks.remove(workspaceId, request.params.id, actor);
      return reply.code(204).send();
    },
  );

  api.post(
    '/v1/webhooks/:id/enable',
    {
      schema: {
        summary: 'Enable a webhook again',
        description: 'Goes on with the first event that was not delivered.',
        tags: ['webhooks'],
        params,
        body: z.strictObject({}).prefault({}),
        response: { 200: webhookSchema, 404: errorSchema },
      },
    },
    async (request) => {
      const { workspaceId, actor } = request.administrator;
      return viewOf(await webhooks.enable(workspaceId, request.params.id, actor));
    },
  );
}

function viewOf(webhook: Webhook): z.output<typeof webhookSchema> {
  return {
    id: webhook.id,
    object: 'webhook',
    url: webhook.url,
    events: [...webhook.events],
    status: webhook.status,
    disabled_reason: webhook.disabledReason,
    failures: webhook.failures,
    last_error: webhook.lastError,
    failing_since: seconds(webhook.failingSince),
    retry_at: webhook.failures === 0 ? null : seconds(webhook.retryAt),
    delivered_at: seconds(webhook.deliveredAt),
    delivered_seq: webhook.cursorSeq,
    created: Math.floor(webhook.createdAt.getTime() / 1000),
    created_by: webhook.createdBy,
  };
}

function seconds(moment: Date | null): number | null {
  return moment === null ? null : Math.floor(moment.getTime() / 1000);
}
