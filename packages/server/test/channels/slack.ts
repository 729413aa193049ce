/**
 * Slack as an app meets it: the Web API with its token and Block Kit's limits, and people who click. What the API would
 * refuse is refused here (docs.slack.dev: Block Kit reference, chat.postMessage, views.open, verifying requests).
 */

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { parseJson } from '@hivekey/action-log';
import { z } from 'zod';

const plain = (max: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(max), emoji: z.boolean().optional() });
const mrkdwn = z.strictObject({
  type: z.literal('mrkdwn'),
  text: z.string().min(1).max(3000),
  verbatim: z.boolean().optional(),
});
const button = z.strictObject({
  type: z.literal('button'),
  action_id: z.string().min(1).max(255),
  text: plain(75),
  value: z.string().max(2000).optional(),
  url: z.url().max(3000).optional(),
  style: z.enum(['primary', 'danger']).optional(),
  confirm: z.strictObject({ title: plain(100), text: plain(300), confirm: plain(30), deny: plain(30) }).optional(),
});
const section = z.strictObject({
  type: z.literal('section'),
  text: z.union([mrkdwn, plain(3000)]),
  expand: z.boolean().optional(),
});
const block = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('header'), text: plain(150) }),
  section,
  z.strictObject({ type: z.literal('context'), elements: z.array(mrkdwn).min(1).max(10) }),
  z.strictObject({ type: z.literal('actions'), elements: z.array(button).min(1).max(25) }),
]);
const message = z.strictObject({
  channel: z.string().min(1),
  text: z.string().min(1).max(40_000),
  blocks: z.array(block).max(50),
  parse: z.literal('none'),
  link_names: z.literal(false),
  unfurl_links: z.literal(false),
  unfurl_media: z.literal(false),
  mrkdwn: z.literal(false),
  thread_ts: z.string().optional(),
  reply_broadcast: z.boolean().optional(),
});
const change = message
  .pick({ channel: true, text: true, blocks: true, parse: true, link_names: true })
  .extend({ ts: z.string() });
const view = z.strictObject({
  type: z.literal('modal'),
  callback_id: z.string().max(255),
  private_metadata: z.string().max(3000),
  title: plain(24),
  submit: plain(24),
  close: plain(24),
  blocks: z
    .array(
      z.union([
        section,
        z.strictObject({
          type: z.literal('input'),
          block_id: z.string().max(255),
          optional: z.boolean().optional(),
          label: plain(2000),
          element: z.strictObject({
            type: z.literal('plain_text_input'),
            action_id: z.string().max(255),
            multiline: z.boolean(),
            max_length: z.int().min(1).max(3000),
          }),
        }),
      ]),
    )
    .max(100),
});
const response = z.strictObject({
  response_type: z.literal('ephemeral').optional(),
  replace_original: z.boolean(),
  text: z.string().min(1),
  blocks: z.array(block).max(50),
});
/** `msg_blocks_too_long`: what Slack takes of all blocks together. */
const ALL_BLOCKS = 13_000;

export type Button = z.output<typeof button>;
type SlackView = z.output<typeof view>;
type SlackResponse = z.output<typeof response>;

export interface Posted {
  readonly channel: string;
  readonly ts: string;
  text: string;
  blocks: z.output<typeof block>[];
  readonly thread: string | undefined;
  /** How often it was changed. */
  changes: number;
}

/** Someone in Slack. */
interface User {
  readonly id: string;
  /** Of the account; that of the workspace unless it is somebody from outside in a shared channel. */
  readonly team?: string;
}

interface Interactive {
  readonly status: number;
  /** Empty: undefined. */
  readonly body: unknown;
  readonly ms: number;
}

interface SentPayload {
  readonly timestamp?: number;
  readonly secret?: string;
  /** Team of the workspace, as Slack writes it into the payload. */
  readonly team?: string;
  readonly value?: string;
  /** Instead of what Slack would write. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Slack {
  readonly apiUrl: string;
  readonly host: string;
  readonly token: string;
  readonly signingSecret: string;
  readonly team: string;
  /** In the order in which they were posted. */
  readonly messages: Posted[];
  readonly views: SlackView[];
  readonly responses: SlackResponse[];
  /** Methods that were called, with those that were refused. */
  readonly calls: { readonly method: string; readonly at: number }[];
  /** What is answered instead of doing it; undefined: it is done. */
  answer: (method: string, body: Readonly<Record<string, unknown>>) => FakeAnswer | Promise<FakeAnswer>;
  /** Clicks a button of a message, as Slack tells the app at `url`. */
  click(url: string, posted: Posted, actionId: string, user: User, sent?: SentPayload): Promise<Interactive>;
  submit(url: string, opened: SlackView, reason: string | null, user: User, sent?: SentPayload): Promise<Interactive>;
  /** Any payload, signed. */
  send(url: string, payload: unknown, sent?: SentPayload): Promise<Interactive>;
  close(): Promise<void>;
}

type FakeAnswer =
  | undefined
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly error: string };

/** The signature of the specification, made without the code that is tested. */
export function sign(secret: string, timestamp: number, body: string): string {
  return `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`;
}

export async function startSlack(team = 'T0ACME01'): Promise<Slack> {
  const token = `xoxb-${team}-not-a-token`;
  const signingSecret = `signing-${team}-not-a-secret`;
  const triggers = new Map<string, number>();
  let count = 0;
  const next = (): string => {
    count += 1;
    return `${1_700_000_000 + count}.000100`;
  };

  const server = createServer((request, reply) => {
    void textOf(request).then(async (text) => {
      const end = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void => {
        reply.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
      };
      const method = request.url?.slice('/api/'.length) ?? '';
      const body = JSON.parse(text) as Record<string, unknown>;
      slack.calls.push({ method, at: performance.now() });
      const instead = await slack.answer(method, body);
      if (instead !== undefined && 'status' in instead) return end(instead.status, {}, instead.headers);
      if (instead !== undefined) return end(200, { ok: false, error: instead.error });
      if (request.url?.startsWith('/respond/') === true) {
        const parsed = response.safeParse(body);
        if (!parsed.success) return end(500, { ok: false, error: z.prettifyError(parsed.error) });
        slack.responses.push(parsed.data);
        reply.writeHead(200).end('ok');
        return;
      }
      if (request.headers.authorization !== `Bearer ${token}`) return end(200, { ok: false, error: 'invalid_auth' });
      end(200, perform(method, body));
    });
  });

  function perform(method: string, body: Record<string, unknown>): object {
    if (method === 'auth.test') return { ok: true, team_id: team, user: 'hivekey', bot_id: 'B0ACME01' };
    if (method === 'chat.postMessage') {
      const parsed = message.safeParse(body);
      if (!parsed.success) return { ok: false, error: 'invalid_blocks', why: z.prettifyError(parsed.error) };
      const { channel, text, blocks, thread_ts: thread } = parsed.data;
      if (JSON.stringify(blocks).length > ALL_BLOCKS) return { ok: false, error: 'msg_blocks_too_long' };
      const posted = { channel, ts: next(), text, blocks, thread, changes: 0 };
      slack.messages.push(posted);
      return { ok: true, channel, ts: posted.ts };
    }
    if (method === 'chat.update') {
      const parsed = change.safeParse(body);
      if (!parsed.success) return { ok: false, error: 'invalid_blocks', why: z.prettifyError(parsed.error) };
      const { channel, ts, text, blocks } = parsed.data;
      const known = slack.messages.find((each) => each.channel === channel && each.ts === ts);
      if (known === undefined) return { ok: false, error: 'message_not_found' };
      Object.assign(known, { text, blocks, changes: known.changes + 1 });
      return { ok: true, channel, ts };
    }
    if (method === 'views.open') {
      const issued = triggers.get(String(body.trigger_id));
      triggers.delete(String(body.trigger_id));
      if (issued === undefined) return { ok: false, error: 'invalid_trigger_id' };
      if (performance.now() - issued > 3_000) return { ok: false, error: 'expired_trigger_id' };
      const parsed = view.safeParse(body.view);
      if (!parsed.success) return { ok: false, error: 'invalid_arguments', why: z.prettifyError(parsed.error) };
      slack.views.push(parsed.data);
      return { ok: true };
    }
    return { ok: false, error: 'unknown_method' };
  }

  async function post(url: string, payload: unknown, sent: SentPayload = {}): Promise<Interactive> {
    const { timestamp = Math.floor(Date.now() / 1000), secret = signingSecret, headers = {} } = sent;
    const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
    const at = performance.now();
    const answer = await fetch(`${url}/v1/slack/interactions`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': String(timestamp),
        'x-slack-signature': sign(secret, timestamp, body),
        ...headers,
      },
    });
    const text = await answer.text();
    return {
      status: answer.status,
      body: text === '' ? undefined : JSON.parse(text),
      ms: performance.now() - at,
    };
  }

  const aboutOf = (user: User, sent: SentPayload) => ({
    team: { id: sent.team ?? team, domain: 'acme' },
    user: { id: user.id, username: 'someone', team_id: user.team ?? sent.team ?? team },
    api_app_id: 'A0ACME01',
    // Whoever clicks twice in one second makes two requests all the same.
    token: `legacy-${next()}`,
  });

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const host = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const slack: Slack = {
    apiUrl: `http://${host}/api/`,
    host,
    token,
    signingSecret,
    team,
    messages: [],
    views: [],
    responses: [],
    calls: [],
    answer: () => undefined,
    click: (url, posted, actionId, user, sent = {}) => {
      const found = buttonOf(posted, actionId);
      const trigger = `${next()}.trigger`;
      triggers.set(trigger, performance.now());
      const payload = {
        type: 'block_actions',
        ...aboutOf(user, sent),
        container: { type: 'message', message_ts: posted.ts, channel_id: posted.channel },
        trigger_id: trigger,
        channel: { id: posted.channel, name: 'approvals' },
        message: { type: 'message', ts: posted.ts, text: posted.text },
        response_url: `http://${host}/respond/${posted.ts}`,
        actions: [
          {
            type: 'button',
            action_id: actionId,
            block_id: 'b',
            action_ts: next(),
            ...(found?.value === undefined ? {} : { value: sent.value ?? found.value }),
          },
        ],
      };
      return post(url, payload, sent);
    },
    submit: (url, opened, reason, user, sent = {}) =>
      post(
        url,
        {
          type: 'view_submission',
          ...aboutOf(user, sent),
          view: {
            ...opened,
            id: 'V0ACME01',
            state: { values: { reason: { text: { type: 'plain_text_input', value: reason } } } },
          },
        },
        sent,
      ),
    send: post,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return slack;
}

/** As it is made, and as it was posted. */
interface Shown {
  readonly text: string;
  readonly blocks: readonly unknown[];
}

export function buttonOf({ blocks }: Pick<Shown, 'blocks'>, actionId: string): Button | undefined {
  return buttonsOf({ blocks }).find(({ action_id }) => action_id === actionId);
}

export function buttonsOf({ blocks }: Pick<Shown, 'blocks'>): readonly Button[] {
  return blocksOf(blocks).flatMap((each) => (each.type === 'actions' ? each.elements : []));
}

/** What is wrong with it by Slack's limits; undefined when nothing is. */
export function validated({ text, blocks }: Shown): string | undefined {
  const parsed = z
    .strictObject({ text: z.string().min(1).max(40_000), blocks: z.array(block).max(50) })
    .safeParse({ text, blocks });
  if (!parsed.success) return z.prettifyError(parsed.error);
  return JSON.stringify(blocks).length > ALL_BLOCKS ? 'msg_blocks_too_long' : undefined;
}

/** All that is shown of a message, with its markup. */
export function textsOf({ text, blocks }: Shown): readonly string[] {
  return [
    text,
    ...blocksOf(blocks).flatMap((each) =>
      each.type === 'context' ? each.elements.map((element) => element.text) : 'text' in each ? [each.text.text] : [],
    ),
  ];
}

/** What Slack would find a meaning in: mentions, links, dates. */
export function sequencesOf(shown: Shown): readonly string[] {
  return textsOf(shown).flatMap((text) => text.match(/<[^>]*>/g) ?? []);
}

/** What the code blocks of a message hold that are JSON: the arguments, put together. */
export function argumentsOf({ blocks }: Pick<Shown, 'blocks'>): unknown {
  const fences = blocksOf(blocks).flatMap((each) =>
    each.type === 'section' && each.text.text.startsWith('```\n') ? [each.text.text.slice(4, -4)] : [],
  );
  const [, ...json] = fences;
  return json.length === 0 ? undefined : parseJson(json.join('\n'));
}

function blocksOf(blocks: readonly unknown[]): z.output<typeof block>[] {
  return z.array(block).parse(blocks);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
