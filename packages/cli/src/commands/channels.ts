/** channel: where people are told of held calls beside the console. */
import type { Channel, ChannelMessage, ChannelTest } from '@hivekey/sdk';
import type { Command } from 'commander';
import { type Columns, paint, when } from '../output.ts';
import { online, type Run } from '../run.ts';
import { pair, wholeNumber } from '../values.ts';

const CHANNELS: Columns<Channel> = {
  channel: ({ channel }) => channel,
  to: (channel) =>
    channel.channel === 'slack'
      ? [`${channel.team} ${channel.settings.channel}`, ...placesOf(channel.settings.group_channels)].join(', ')
      : `${channel.settings.host}:${channel.settings.port} as ${channel.settings.from}`,
  waiting: ({ waiting }) => String(waiting),
  failed: ({ failed }) => (failed === 0 ? '0' : paint('red', String(failed))),
  sent: ({ delivered_at }) => (delivered_at === null ? 'nothing yet' : when(delivered_at)),
  'last failure': ({ last_error }) => last_error ?? '',
};

const MESSAGES: Columns<ChannelMessage> = {
  id: ({ id }) => id,
  status: ({ status }) => status,
  channel: ({ channel }) => channel,
  to: ({ destination }) => destination,
  about: ({ purpose, approval }) => (approval === null ? purpose : `${purpose} of ${approval}`),
  made: ({ created }) => when(created),
  failure: ({ last_error }) => last_error ?? '',
};

function placesOf(places: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(places).map(([group, place]) => `${group} ${place}`);
}

interface SlackOptions {
  readonly botTokenRef: string;
  readonly signingSecretRef: string;
  readonly channel: string;
  readonly groupChannel?: Readonly<Record<string, string>>;
  readonly apiUrl?: string;
}

interface EmailOptions {
  readonly host: string;
  readonly port?: number;
  readonly from: string;
  readonly security?: string;
  readonly username?: string;
  readonly passwordRef?: string;
}

/** Without what is undefined. */
function given(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

async function set({ out, hivekey }: Run, kind: Channel['channel'], body: Record<string, unknown>): Promise<void> {
  const channel = await hivekey.request<Channel>('PUT', `/v1/channels/${kind}`, { body });
  out.result(channel, () => `${kind} is set. Try it: hivekey channel test ${kind}`);
}

export function addChannelCommands(program: Command): void {
  const channel = program.command('channel').description('where people are told of held calls: Slack, e-mail');
  channel
    .command('list')
    .description('what is set, and how it goes')
    .action(
      online(async ({ out, hivekey }) => {
        out.table(await hivekey.all<Channel>('/v1/channels'), CHANNELS, 'None is set.');
        return undefined;
      }),
    );
  channel
    .command('slack')
    .description('tell in Slack, and let people decide there; replaces what was set')
    .requiredOption('--bot-token-ref <ref>', 'credential of the bot token (xoxb-…), e.g. vault://slack-token')
    .requiredOption('--signing-secret-ref <ref>', 'credential of the signing secret of the Slack app')
    .requiredOption('--channel <id>', 'where requests go, C…')
    .option('--group-channel <group=id>', 'where those of a group go; repeatable', pair)
    .option('--api-url <url>', 'https://slack-gov.com/api/ for GovSlack')
    .addHelpText(
      'after',
      '\nExample:\n  hivekey channel slack --bot-token-ref vault://slack-token --signing-secret-ref vault://slack-signing --channel C012AB3CD --group-channel finance=C045EF6GH',
    )
    .action(
      online<[], SlackOptions>(async (run, options) => {
        const { botTokenRef, signingSecretRef, channel: place, groupChannel, apiUrl } = options;
        const body = {
          bot_token_ref: botTokenRef,
          signing_secret_ref: signingSecretRef,
          channel: place,
          group_channels: groupChannel,
          api_url: apiUrl,
        };
        await set(run, 'slack', given(body));
        return undefined;
      }),
    );
  channel
    .command('email')
    .description('tell by e-mail; replaces what was set')
    .requiredOption('--host <name>', 'SMTP relay')
    .requiredOption('--from <address>', 'sender')
    .option('--port <n>', '587 where nothing is said', wholeNumber)
    .option('--security <how>', 'starttls (default), tls; none only for a relay on the same machine')
    .option('--username <name>', 'login')
    .option('--password-ref <ref>', 'credential of its password, e.g. vault://smtp')
    .action(
      online<[], EmailOptions>(async (run, { host, port, from, security, username, passwordRef }) => {
        await set(run, 'email', given({ host, port, from, security, username, password_ref: passwordRef }));
        return undefined;
      }),
    );
  channel
    .command('test <channel>')
    .description('send a test message: slack or email')
    .option('--to <address>', 'for email; your own where nothing is said')
    .action(
      online<[string], { to?: string }>(async ({ out, hivekey }, { to }, kind) => {
        const path = `/v1/channels/${encodeURIComponent(kind)}/test`;
        const test = await hivekey.request<ChannelTest>('POST', path, { body: given({ to }) });
        out.result(test, () => (test.delivered ? 'Sent.' : `Not sent: ${test.error}.`));
        return test.delivered ? undefined : 1;
      }),
    );
  channel
    .command('remove <channel>')
    .description('tell there no more; what waits is not sent')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, kind) => {
        await hivekey.request('DELETE', `/v1/channels/${encodeURIComponent(kind)}`);
        out.result({ channel: kind, removed: true }, () => `${kind} is removed.`);
        return undefined;
      }),
    );
  channel
    .command('messages')
    .description('what was given up; --all for everything of the last 30 days')
    .option('--all', 'also what was sent, or waits')
    .action(
      online<[], { all?: boolean }>(async ({ out, hivekey }, { all }) => {
        const messages = await hivekey.all<ChannelMessage>(
          '/v1/channel-messages',
          all === true ? {} : { status: 'failed' },
        );
        out.table(messages, MESSAGES, all === true ? 'There are none.' : 'None was given up.');
        return undefined;
      }),
    );
  channel
    .command('retry <id>')
    .description('send a message that was given up')
    .action(
      online<[string], object>(async ({ out, hivekey }, _, id) => {
        const path = `/v1/channel-messages/${encodeURIComponent(id)}/retry`;
        const message = await hivekey.request<ChannelMessage>('POST', path);
        out.result(message, () => `${message.id} is sent again.`);
        return undefined;
      }),
    );
}
