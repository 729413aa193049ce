/** Channels over HTTP: what is set, what was sent, and Slack's own way in. */
import { z } from 'zod';
import { type Api, type ApiContext, listOf, openTimeCursor, pageOf, pageQuery, wholeList } from '../api/route.ts';
import { emailSchema } from '../people/index.ts';
import type { Channel, Channels, Message } from './index.ts';
import { emailSettingsSchema, slackSettingsSchema } from './settings.ts';

const tags = ['channels'];
const kind = z.enum(['slack', 'email']);
const params = z.strictObject({ channel: kind });

const counts = {
  object: z.literal('channel'),
  waiting: z.int().meta({ description: 'Messages that are still to be sent.' }),
  failed: z.int().meta({ description: 'Messages that were given up.' }),
  last_error: z.string().nullable(),
  delivered_at: z.int().nullable(),
  updated_at: z.int(),
  updated_by: z.string(),
};
const slackChannelSchema = z
  .object({ channel: z.literal('slack'), team: z.string(), settings: slackSettingsSchema, ...counts })
  .meta({ id: 'SlackChannel' });
const emailChannelSchema = z
  .object({
    channel: z.literal('email'),
    settings: z.object({
      host: z.string(),
      port: z.int(),
      security: z.enum(['starttls', 'tls', 'none']),
      username: z.string().nullable(),
      password_ref: z.string().nullable(),
      from: z.string(),
    }),
    ...counts,
  })
  .meta({ id: 'EmailChannel' });
const channelSchema = z.discriminatedUnion('channel', [slackChannelSchema, emailChannelSchema]);

const messageSchema = z
  .object({
    id: z.string(),
    object: z.literal('channel_message'),
    channel: kind,
    purpose: z.enum(['request', 'reminder', 'escalation', 'delegation', 'transfer', 'alert']),
    destination: z.string().meta({ description: 'A Slack channel or user; an e-mail address.' }),
    approval: z.string().nullable(),
    event_id: z.string().meta({ description: 'The record that it tells of.' }),
    status: z.enum(['waiting', 'delivered', 'dropped', 'failed']),
    failures: z.int().meta({ description: 'In a row, up to now.' }),
    last_error: z.string().nullable(),
    retry_at: z.int().nullable(),
    delivered_at: z.int().nullable(),
    created: z.int(),
  })
  .meta({ id: 'ChannelMessage' });

const testSchema = z
  .object({
    object: z.literal('channel_test'),
    channel: kind,
    delivered: z.boolean(),
    error: z.string().nullable(),
  })
  .meta({ id: 'ChannelTest' });

export function channelRoutes(api: Api, { channels, keys }: ApiContext): void {
  api.get(
    '/v1/channels',
    { schema: { tags, summary: 'Where people are told of held calls', response: { 200: listOf(channelSchema) } } },
    async ({ administrator }) => wholeList((await channels.list(administrator.workspaceId)).map(viewOf)),
  );

  api.put(
    '/v1/channels/slack',
    {
      schema: {
        tags,
        summary: 'Tell in Slack, and let people decide there',
        body: slackSettingsSchema,
        response: { 200: channelSchema },
      },
    },
    async ({ administrator, body }) => {
      await channels.setSlack(administrator, body);
      return one(channels, administrator, 'slack');
    },
  );

  api.put(
    '/v1/channels/email',
    {
      schema: { tags, summary: 'Tell by e-mail', body: emailSettingsSchema, response: { 200: channelSchema } },
    },
    async ({ administrator, body }) => {
      await channels.setEmail(administrator, body);
      return one(channels, administrator, 'email');
    },
  );

  api.delete(
    '/v1/channels/:channel',
    {
      schema: {
        tags,
        summary: 'Tell there no more; what waits is not sent',
        params,
        response: { 204: z.undefined() },
      },
    },
    async ({ administrator, params: { channel } }, reply) => {
      await channels.remove(administrator, channel);
      return reply.code(204).send();
    },
  );

  api.post(
    '/v1/channels/:channel/test',
    {
      schema: {
        tags,
        summary: 'Send a test message',
        description:
          'To the common Slack channel, or to an e-mail address: that of the key’s person when none is named.',
        params,
        body: z.strictObject({ to: emailSchema.optional() }).prefault({}),
        response: { 200: testSchema },
      },
    },
    async ({ administrator: { workspaceId, person }, params: { channel }, body: { to } }) => {
      const sent = await channels.test(workspaceId, channel, to ?? person?.email);
      const error =
        sent.kind === 'failed'
          ? sent.why
          : sent.kind === 'wait'
            ? `the receiver wants to be left alone for ${sent.seconds} s`
            : null;
      return { object: 'channel_test' as const, channel, delivered: error === null, error };
    },
  );

  api.get(
    '/v1/channel-messages',
    {
      schema: {
        tags,
        summary: 'Messages of the last 30 days, newest first',
        querystring: z.strictObject({
          channel: kind.optional(),
          status: messageSchema.shape.status.optional(),
          approval: z.string().max(64).optional(),
          ...pageQuery,
        }),
        response: { 200: listOf(messageSchema) },
      },
    },
    async ({ administrator: { workspaceId }, query: { limit, cursor, ...filter } }) => {
      const scope = { list: 'channel-messages', workspaceId, filter };
      const after = openTimeCursor(keys.state, scope, cursor);
      const rows = await channels.messages(workspaceId, filter, after, limit + 1);
      return pageOf(keys.state, scope, limit, rows, messageOf, (row) => [row.createdUs, row.id]);
    },
  );

  api.post(
    '/v1/channel-messages/:id/retry',
    {
      schema: {
        tags,
        summary: 'Send a message that was given up',
        params: z.strictObject({ id: z.string().max(64) }),
        body: z.strictObject({}).prefault({}),
        response: { 200: messageSchema },
      },
    },
    async ({ administrator, params: { id } }) => messageOf(await channels.retry(administrator.workspaceId, id)),
  );
}

/** Behind Slack's signature. */
export function slackRoutes(api: Api, { channels }: ApiContext): void {
  api.post(
    '/v1/slack/interactions',
    {
      config: { token: true },
      schema: {
        tags,
        summary: 'Slack posts clicks here',
        description:
          'The form of Slack’s interactivity, signed by its v0 scheme in `X-Slack-Signature` and `X-Slack-Request-Timestamp`.',
        body: z.string().max(262_144),
        response: { 200: z.union([z.record(z.string(), z.unknown()), z.undefined()]) },
      },
    },
    async ({ body, headers }, reply) => {
      const answer = await channels.slack.take(Buffer.from(body, 'latin1'), {
        timestamp: headers['x-slack-request-timestamp'],
        signature: headers['x-slack-signature'],
      });
      return answer === undefined ? reply.code(200).send(undefined) : { ...answer };
    },
  );
}

async function one(
  channels: Channels,
  { workspaceId }: { readonly workspaceId: Channel['workspaceId'] },
  which: Channel['kind'],
): Promise<z.output<typeof channelSchema>> {
  const found = (await channels.list(workspaceId)).find(({ kind: each }) => each === which);
  if (found === undefined) throw new Error(`the channel ${which} was set, and is not there`);
  return viewOf(found);
}

function viewOf(channel: Awaited<ReturnType<Channels['list']>>[number]): z.output<typeof channelSchema> {
  const common = {
    object: 'channel',
    waiting: channel.waiting,
    failed: channel.failed,
    last_error: channel.lastError,
    delivered_at: seconds(channel.deliveredAt),
    updated_at: Math.floor(channel.updatedAt.getTime() / 1000),
    updated_by: channel.updatedBy,
  } as const;
  return channel.kind === 'slack'
    ? { channel: 'slack', team: channel.teamId, settings: channel.settings, ...common }
    : { channel: 'email', settings: channel.settings, ...common };
}

function messageOf(message: Message): z.output<typeof messageSchema> {
  return {
    id: message.id,
    object: 'channel_message',
    channel: message.channel,
    purpose: message.purpose,
    destination: message.destination,
    approval: message.approvalId,
    event_id: message.eventId,
    status: message.status,
    failures: message.failures,
    last_error: message.lastError,
    retry_at: message.status === 'waiting' ? seconds(message.dueAt) : null,
    delivered_at: seconds(message.deliveredAt),
    created: Math.floor(message.createdAt.getTime() / 1000),
  };
}

function seconds(moment: Date | null): number | null {
  return moment === null ? null : Math.floor(moment.getTime() / 1000);
}
